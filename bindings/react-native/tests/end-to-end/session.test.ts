import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AuthSession, AuthSessionConfig, AuthSessionError } from '../../src/index.ts';
import { Authority, credentials } from '../support/authority.ts';
import type { Realm } from '../support/authority.ts';
import { Jvm } from '../support/jvm.ts';
import { loadPackage } from '../support/package.ts';

let jvm: Jvm;
let authority: Authority;
let realm: Realm;
let authSession: Awaited<ReturnType<typeof loadPackage>>;
let accounts = 0;

beforeAll(async () => {
  jvm = new Jvm();
  authority = await Authority.start();
  authSession = await loadPackage(await jvm.module());
});

beforeEach(async () => {
  jvm.received.length = 0;
  realm = await authority.realm();
});

afterEach(() => {
  expect(jvm.crashes).toEqual([]);
});

afterAll(async () => {
  await jvm.stop();
  await authority.stop();
});

/** A config that no other test uses. */
function newConfig(): AuthSessionConfig {
  return { baseURL: realm.apiURL, account: `account ${(accounts += 1)}`, allowLoopback: true };
}

function newSession(): AuthSession {
  return authSession.createAuthSession(newConfig());
}

async function signedIn(): Promise<AuthSession> {
  const session = newSession();
  await session.signIn(credentials);
  return session;
}

async function failure(promise: Promise<unknown>): Promise<AuthSessionError> {
  return promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => {
      expect(authSession.isAuthSessionError(error), String(error)).toBe(true);
      return error as AuthSessionError;
    },
  );
}

/** The next event of a type. */
function next(session: AuthSession, type: Parameters<AuthSession['on']>[0]): Promise<unknown> {
  return new Promise((resolve) => {
    const unsubscribe = session.on(type, (event) => {
      unsubscribe();
      resolve(event);
    });
  });
}

describe('signing in and out', () => {
  test('a sign-in returns what the server answered beside the tokens, and the state says who it is', async () => {
    const session = newSession();
    const answer = await session.signIn<{ user: object }>(credentials);
    expect(answer.user).toMatchObject({ id: 'u1', email: credentials.email });
    expect(JSON.stringify(answer)).not.toMatch(/token"/);
    const state = session.getState();
    expect(state).toMatchObject({ status: 'signed_in', subject: 'u1', claims: { sub: 'u1' } });
    expect(state.status === 'signed_in' && state.expiresAt).toBeGreaterThan(Date.now());
    expect(session.getState()).toBe(state);
  });

  test('a wrong password is a sign_in_rejected with the status, which does not quote the password', async () => {
    const session = newSession();
    const error = await failure(session.signIn({ ...credentials, password: 'not the password' }));
    expect(error).toMatchObject({ code: 'sign_in_rejected', status: 401, retryable: false });
    expect(error.message).not.toContain('not the password');
    expect(session.getState()).toEqual({ status: 'signed_out', reason: 'never_signed_in' });
  });

  test('a sign-in that wants another step returns what the server says, and signs nobody in', async () => {
    const session = newSession();
    await realm.command('fault', { endpoint: 'login', when: 'before', times: 1, status: 200, body: '{"otp":6}' });
    expect(await session.signIn(credentials)).toEqual({ otp: 6 });
    await realm.command('fault', { endpoint: 'login', when: 'before', times: 1, status: 204 });
    expect(await session.signIn(credentials)).toEqual({});
    expect(session.getState()).toEqual({ status: 'signed_out', reason: 'never_signed_in' });
  });

  test('after a sign-out a request is a signed_out that asks for a sign-in', async () => {
    const session = await signedIn();
    const signedOut = next(session, 'signed_out');
    await session.signOut();
    expect(session.getState()).toEqual({ status: 'signed_out', reason: 'user' });
    expect(await signedOut).toEqual({ type: 'signed_out', reason: 'user' });
    expect(await failure(session.fetch('/me'))).toMatchObject({ code: 'signed_out', signInRequired: true });
  });

  test('tokens that the app got elsewhere are used and refreshed', async () => {
    const login = await fetch(`${realm.authURL}/auth/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(credentials),
    });
    const tokens = (await login.json()) as { access_token: string; refresh_token: string; expires_in: number };
    const session = newSession();
    await session.adopt({
      accessToken: tokens.access_token,
      refreshToken: tokens.refresh_token,
      expiresInSeconds: tokens.expires_in,
    });
    await realm.command('expire_access_tokens');
    expect((await session.fetch('/me')).status).toBe(200);
    expect(await realm.counters()).toMatchObject({ refreshes: 1 });
  });

  test('the state is restoring until the session is open, and state_changed tells each change', async () => {
    const session = newSession();
    const states: unknown[] = [];
    session.on('state_changed', ({ state }) => states.push(state.status));
    expect(session.getState()).toEqual({ status: 'restoring' });
    await next(session, 'state_changed');
    const signedIn = next(session, 'signed_in');
    await session.signIn(credentials);
    await signedIn;
    const signedOut = next(session, 'signed_out');
    await session.signOut();
    await signedOut;
    expect(states).toEqual(['signed_out', 'signed_in', 'signed_out']);
  });
});

describe('fetch', () => {
  test('a body is sent with its method and header fields, and the answer is read as JSON', async () => {
    const session = await signedIn();
    const response = await session.fetch('/echo', {
      method: 'post',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ greeting: 'héllo €' }),
    });
    expect(response).toMatchObject({ status: 200, ok: true, disposition: 'answered', url: `${realm.apiURL}/echo` });
    expect(response.headers.get('content-type')).toMatch('application/json');
    const echo = await response.json<{ method: string; body: string }>();
    expect(echo.method).toBe('POST');
    expect(JSON.parse(echo.body)).toEqual({ greeting: 'héllo €' });
  });

  test('an unsuccessful answer resolves, and says what was made of it', async () => {
    const session = await signedIn();
    expect(await session.fetch('/forbidden')).toMatchObject({
      status: 403,
      ok: false,
      disposition: 'permission_denied',
    });
    expect(await session.fetch('/nowhere')).toMatchObject({ status: 404, ok: false, disposition: 'answered' });
  });

  test('1,000 callers on an expired token cause one refresh and no failure', async () => {
    const session = await signedIn();
    await realm.command('expire_access_tokens');
    const { fetch } = session;
    const responses = await Promise.all(Array.from({ length: 1_000 }, () => fetch('/me')));
    expect(responses.filter(({ status }) => status !== 200)).toEqual([]);
    expect(await realm.counters()).toMatchObject({
      refresh_requests: 1,
      refreshes: 1,
      reuse_detected: 0,
      resource_ok: 1_000,
    });
  });

  test('aborting one request disturbs neither the refresh it waits for nor the others', async () => {
    const session = await signedIn();
    await realm.command('expire_access_tokens');
    await realm.command('hold', { endpoint: 'refresh', when: 'after' });
    const controller = new AbortController();
    const aborted = session.fetch('/me', { signal: controller.signal });
    const others = Promise.all(Array.from({ length: 20 }, () => session.fetch('/me')));
    await realm.command('await_counter', { counter: 'resource_unauthorized', at_least: 21 });
    await realm.command('await_held', { endpoint: 'refresh', count: 1 });
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
    await jvm.hasReceived('"code":"cancelled"');
    await realm.command('release', { endpoint: 'refresh' });
    expect((await others).map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(await realm.counters()).toMatchObject({ refreshes: 1, resource_ok: 20 });
  });

  test('an abort ends the native request, and rejects with the reason that the app gave', async () => {
    const session = await signedIn();
    await realm.command('hold', { endpoint: 'resource', path: '/slow', when: 'before' });
    const controller = new AbortController();
    const request = session.fetch('/slow', { signal: controller.signal });
    await realm.command('await_held', { endpoint: 'resource', count: 1 });
    const reason = new Error('the user went back');
    controller.abort(reason);
    await expect(request).rejects.toBe(reason);
    await jvm.hasReceived('"code":"cancelled"');
  });

  test('a request whose signal is already aborted is not sent', async () => {
    const session = await signedIn();
    const controller = new AbortController();
    controller.abort();
    await expect(session.fetch('/me', { signal: controller.signal })).rejects.toMatchObject({ name: 'AbortError' });
    expect(await realm.counters()).toMatchObject({ resource_requests: 0 });
  });

  test('a request that takes too long is a timeout', async () => {
    const session = await signedIn();
    await realm.command('hold', { endpoint: 'resource', path: '/slow', when: 'before' });
    expect(await failure(session.fetch('/slow', { timeoutMs: 200 }))).toMatchObject({
      code: 'timeout',
      retryable: true,
    });
  });

  test('a server that cannot be reached is a TypeError whose cause has the code', async () => {
    const session = await signedIn();
    await realm.command('offline', { listener: 'api' });
    const error = await session.fetch('/me').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TypeError);
    expect(await failure(Promise.reject((error as TypeError).cause))).toMatchObject({
      code: 'network',
      retryable: true,
    });
  });

  test('a refresh that cannot be made now says when to try again', async () => {
    const session = await signedIn();
    await realm.command('fault', { endpoint: 'refresh', when: 'before', status: 503, headers: { 'Retry-After': '7' } });
    await realm.command('expire_access_tokens');
    const failed = next(session, 'refresh_failed');
    expect(await session.fetch('/me')).toMatchObject({ status: 401, disposition: 'refresh_failed' });
    expect(await failed).toEqual({
      type: 'refresh_failed',
      code: 'refresh_unavailable',
      retryAfterMs: expect.closeTo(7_000, -3),
    });
    expect(session.getState().status).toBe('signed_in');
  });

  test('a server that wants more than a valid token is an event that tells what', async () => {
    const session = await signedIn();
    const challenge = async (value: string) => {
      const headers = { 'WWW-Authenticate': value };
      await realm.command('fault', { endpoint: 'resource', when: 'before', times: 1, status: 401, headers });
      const event = next(session, 'step_up_required');
      expect(await session.fetch('/me')).toMatchObject({ status: 401, disposition: 'step_up_required' });
      return event;
    };
    expect(
      await challenge('Bearer error="insufficient_user_authentication", acr_values="urn:mfa other", max_age=300'),
    ).toEqual({ type: 'step_up_required', acrValues: 'urn:mfa other', maxAgeMs: 300_000, scope: undefined });
    expect(await challenge('Bearer error="insufficient_scope", scope="notes:write"')).toEqual({
      type: 'step_up_required',
      acrValues: undefined,
      maxAgeMs: undefined,
      scope: 'notes:write',
    });
    expect(await realm.counters()).toMatchObject({ refresh_requests: 0 });
  });

  test('a redirect without end is refused', async () => {
    const session = await signedIn();
    await realm.command('fault', { endpoint: 'resource', when: 'before', redirect: 'loop' });
    expect((await session.fetch('/me')).disposition).toBe('redirect_refused');
  });

  test('the token does not go to another origin', async () => {
    const session = await signedIn();
    expect(await failure(session.fetch('https://elsewhere.example/me'))).toMatchObject({ code: 'origin_not_allowed' });
  });

  test('a request that native code cannot send is an invalid_request', async () => {
    const session = await signedIn();
    for (const init of [{ headers: { Authorization: 'Bearer x' } }, { headers: { Host: 'x' } }]) {
      const error: unknown = await session.fetch('/me', init).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(TypeError);
      expect(error).toMatchObject({ cause: { code: 'invalid_request' } });
    }
  });
});

describe('opening', () => {
  test.each<[string, object, RegExp]>([
    ['without a base URL', { baseURL: undefined }, /baseURL/],
    ['with plain http', { baseURL: 'http://api.example.com' }, /https/],
    ['with an unknown kind of endpoints', { endpoints: { type: 'soap' } }, /endpoints\.type/],
    ['with an incomplete kind of endpoints', { endpoints: { type: 'oauth2' } }, /endpoints\.tokenEndpoint/],
    ['with an unknown kind of store', { store: { type: 'cloud' } }, /store\.type/],
    ['with a setting of the wrong type', { allowLoopback: 'yes' }, /allowLoopback/],
    ['with a list of the wrong type', { allowedOrigins: [1] }, /allowedOrigins/],
  ])('%s is an invalid_configuration that names the setting', async (_, setting, named) => {
    const session = authSession.createAuthSession({ ...newConfig(), ...setting });
    const error = await failure(session.fetch('/me'));
    expect(error.code).toBe('invalid_configuration');
    expect(error.message).toMatch(named);
    expect(session.getState()).toEqual({ status: 'restoring' });
  });

  test('an account that is open with other settings is an already_open', async () => {
    const config = newConfig();
    await authSession.createAuthSession(config).signIn(credentials);
    const other = authSession.createAuthSession({ ...config, requestTimeoutMs: 1_000 });
    expect(await failure(other.fetch('/me'))).toMatchObject({ code: 'already_open' });
  });

  test('an account that is opened twice with the same settings is one session', async () => {
    const config = newConfig();
    await authSession.createAuthSession(config).signIn(credentials);
    const again = authSession.createAuthSession(config);
    expect((await again.fetch('/me')).status).toBe(200);
    expect(await realm.counters()).toMatchObject({ logins: 1 });
  });
});
