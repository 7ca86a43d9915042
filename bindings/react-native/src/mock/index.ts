import type { AuthSession } from '../createAuthSession.ts';
import type { AuthSessionConfig } from '../config.ts';
import { nativeConfig } from '../config.ts';
import { createMockAuthSession } from './createMockAuthSession.ts';
import type { MockAuthSession, MockControls } from './createMockAuthSession.ts';

export { createMockAuthSession } from './createMockAuthSession.ts';
export type {
  MockAuthSession,
  MockAuthSessionOptions,
  MockControls,
  MockSignIn,
  MockSignInHandler,
} from './createMockAuthSession.ts';
export { mockError } from './errors.ts';
export type { MockHeaders, MockReply } from './reply.ts';
export type { MockRequest } from './request.ts';
export type { MockHandler, MockHold, MockRoute, MockRoutePattern } from './routes.ts';
export type { MockState, MockUser } from './states.ts';

// The rest is what the package itself exports, so that this module can stand in for it.
export { AuthSessionError, isAuthSessionError } from '../errors.ts';
export { SessionHeaders } from '../fetch/headers.ts';
export { useAuthSession } from '../react/useAuthSession.ts';

/**
 * Stands in for the function of this name, where a test replaces the whole package, as by
 * `jest.mock('react-native-auth-session', () => require('react-native-auth-session/mock'))`: a mock in which nobody has
 * ever signed in. {@link mockOf} gives the test what it does with it.
 */
export function createAuthSession(config: AuthSessionConfig): AuthSession {
  nativeConfig(config);
  const { baseURL, allowedOrigins } = config;
  return createMockAuthSession({ baseURL, allowedOrigins });
}

/** What a test does with the mock that its app knows as `session`. Throws a `TypeError` if that is a real session. */
export function mockOf(session: AuthSession): MockControls {
  const { mock } = session as Partial<MockAuthSession>;
  if (mock === undefined) throw new TypeError('this session is not a mock');
  return mock;
}
