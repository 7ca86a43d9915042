import { AuthSessionError } from '../errors.ts';
import type { AuthSessionErrorCode, AuthSessionErrorDetails } from '../errors.ts';

/** The codes of failures that may be over by themselves. */
const retryable: ReadonlySet<AuthSessionErrorCode> = new Set([
  'sign_in_unavailable',
  'refresh_unavailable',
  'authority_unexpected',
  'network',
  'timeout',
  'store_unavailable',
  'locked',
] as const);

/** The codes of failures that only a sign-in ends. */
const signInRequired: ReadonlySet<AuthSessionErrorCode> = new Set([
  'signed_out',
  'session_ended',
  'recent_sign_in_required',
] as const);

/** The error that the real session has for `code`, as retryable as that. */
export function mockError(code: AuthSessionErrorCode, details: AuthSessionErrorDetails = {}): AuthSessionError {
  return new AuthSessionError(code, `the mock was told to fail: ${code}`, {
    retryable: retryable.has(code),
    signInRequired: signInRequired.has(code),
    ...details,
  });
}
