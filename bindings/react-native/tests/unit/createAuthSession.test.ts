import { inspect } from 'node:util';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { AuthSession } from '../../src/index.ts';
import { plainRequest } from '../../src/exchange.ts';
import type { response } from '../support/fakeModule.ts';
import { deferred, fakeModule, rejection, signedIn, signedOut } from '../support/fakeModule.ts';
import { loadPackage } from '../support/package.ts';

let native: ReturnType<typeof fakeModule>;
let createAuthSession: Awaited<ReturnType<typeof loadPackage>>['createAuthSession'];
let isAuthSessionError: Awaited<ReturnType<typeof loadPackage>>['isAuthSessionError'];

const config = { baseURL: 'https://api.example.com' };

beforeEach(async () => {
  native = fakeModule();
  ({ createAuthSession, isAuthSessionError } = await loadPackage(native.module));
});

/** A session that is open. */
async function openSession(): Promise<AuthSession> {
  const session = createAuthSession(config);
  await session.signOut();
  native.module.signOut.mockClear();
  return session;
}

describe('opening', () => {
  test('it begins at once, happens once, and calls wait for it', async () => {
    const opening = deferred<string>();
    native.module.open.mockReturnValue(opening.promise);
    const session = createAuthSession(config);
    const calls = [session.signOut(), session.fetch('/me'), session.signIn({})];
    expect(native.module.open).toHaveBeenCalledExactlyOnceWith(config);
    expect(native.module.signOut).not.toHaveBeenCalled();
    opening.resolve('7');
    await Promise.all(calls);
    expect(native.module.signOut).toHaveBeenCalledWith('7');
    expect(native.module.open).toHaveBeenCalledOnce();
  });

  test('a failure is that of every call which waited, and the next call tries again', async () => {
    native.module.open.mockRejectedValueOnce(rejection('store_unavailable', 'busy', { retryable: true }));
    const session = createAuthSession(config);
    const failed = await Promise.allSettled([session.signOut(), session.fetch('/me')]);
    expect(failed).toMatchObject(Array(2).fill({ status: 'rejected', reason: { code: 'store_unavailable' } }));
    await session.signOut();
    expect(native.module.open).toHaveBeenCalledTimes(2);
  });

  test('a failure that nobody waits for is not an unhandled rejection', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    native.module.open.mockImplementation(() => {
      throw new Error('a defect');
    });
    createAuthSession(config).networkChanged();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  describe('of which nobody hears', () => {
    const console = vi.spyOn(globalThis.console, 'error');
    beforeEach(() => void console.mockReset().mockImplementation(() => {}));
    afterAll(() => console.mockRestore());

    test.each(['invalid_configuration', 'already_open', 'store_misconfigured', 'not_initialized'])(
      'a failure is told to the programmer, once, where nobody else can mend it: %s',
      async (code) => {
        native.module.open.mockRejectedValue(rejection(code, 'requestTimeoutMs must be positive', { answerJson: '"secret"' }));
        const session = createAuthSession(config);
        expect(session.getState().status).toBe('restoring');
        await expect(session.signOut()).rejects.toMatchObject({ code });
        await expect(session.signOut()).rejects.toMatchObject({ code });
        expect(console.mock.calls).toEqual([['react-native-auth-session: requestTimeoutMs must be positive']]);
      },
    );

    test.each(['store_unavailable', 'locked', 'internal'])('a failure that may pass is not: %s', async (code) => {
      native.module.open.mockRejectedValue(rejection(code, 'not now'));
      await expect(createAuthSession(config).signOut()).rejects.toMatchObject({ code });
      expect(console).not.toHaveBeenCalled();
    });
  });

  test('what the app does to its config afterwards does not matter', async () => {
    const mine = { ...config };
    native.module.open.mockRejectedValueOnce(rejection('locked', 'locked'));
    const session = createAuthSession(mine);
    mine.baseURL = 'https://elsewhere.example';
    await session.signOut().catch(() => {});
    await session.signOut();
    expect(native.module.open).toHaveBeenLastCalledWith(config);
  });
});

describe('without what it needs', () => {
  test('a missing native module is told where the session is created, with what to do, and not by the import', async () => {
    ({ createAuthSession } = await loadPackage(null));
    expect(() => createAuthSession(config)).toThrow(
      expect.objectContaining({ code: 'not_initialized', message: expect.stringMatching(/pod install.*Expo Go/) }),
    );
  });

  test('a misspelt setting is an invalid_configuration, and nothing is opened', () => {
    expect(() => createAuthSession({ baseUrl: 'https://api.example.com' } as never)).toThrow(
      expect.objectContaining({ code: 'invalid_configuration' }),
    );
    expect(native.module.open).not.toHaveBeenCalled();
  });
});

describe('the state', () => {
  test('it is restoring until the session is open', async () => {
    const session = createAuthSession(config);
    expect(session.getState()).toEqual({ status: 'restoring' });
    expect(native.module.getState).not.toHaveBeenCalled();
    await session.signOut();
    expect(session.getState()).toEqual({ status: 'signed_out', reason: 'user' });
  });

  test('a session that is locked says why', async () => {
    const session = await openSession();
    native.module.getState.mockReturnValue({ ...signedOut, status: 'locked', reason: null, code: 'unlock_cancelled' });
    expect(session.getState()).toEqual({ status: 'locked', code: 'unlock_cancelled' });
    native.module.getState.mockReturnValue({ ...signedOut, status: 'locked', reason: null, code: 'locked' });
    expect(session.getState()).toEqual({ status: 'locked', code: 'locked' });
  });

  test('it is frozen, and the same object until something changes', async () => {
    const session = await openSession();
    native.module.getState.mockImplementation(() => ({ ...signedIn }));
    const state = session.getState();
    expect(state).toEqual({
      status: 'signed_in',
      subject: 'u1',
      claims: { sub: 'u1', roles: ['admin'] },
      expiresAt: 1_700_000_000_000,
    });
    expect(Object.isFrozen(state)).toBe(true);
    expect(session.getState()).toBe(state);
    native.module.getState.mockReturnValue({ ...signedIn, expiresAtMs: 1_700_000_001_000 });
    expect(session.getState()).not.toBe(state);
  });

  test('state_changed comes once for each change, the first when the session is open', async () => {
    const session = createAuthSession(config);
    const seen: string[] = [];
    const unsubscribe = session.on('state_changed', ({ state }) => seen.push(state.status));
    await session.signOut();
    native.emit('persistence_degraded');
    native.module.getState.mockReturnValue(signedIn);
    native.emit('signed_in');
    native.emit('refreshed');
    await session.signOut();
    expect(seen).toEqual(['signed_out', 'signed_in']);
    unsubscribe();
    native.module.getState.mockReturnValue(signedOut);
    native.emit('signed_out');
    await session.signOut();
    expect(seen).toHaveLength(2);
  });
});

describe('events', () => {
  test('they have only what belongs to their type', async () => {
    const session = await openSession();
    const seen: unknown[] = [];
    for (const type of ['signed_in', 'refresh_failed', 'signed_out', 'step_up_required', 'missed'] as const) {
      session.on(type, (event) => seen.push(event));
    }
    native.emit('signed_in');
    native.emit('refresh_failed', { code: 'refresh_unavailable', retryAfterMs: 500 });
    native.emit('refresh_failed', { code: 'not_invented_yet' });
    native.emit('signed_out', { reason: 'rejected' });
    native.emit('step_up_required', { acrValues: 'urn:mfa', maxAgeMs: 300_000 });
    native.emit('step_up_required', { scope: 'notes:write' });
    native.emit('missed', { count: 3 });
    native.emit('refreshed');
    await session.signOut();
    expect(seen).toEqual([
      { type: 'signed_in' },
      { type: 'refresh_failed', code: 'refresh_unavailable', retryAfterMs: 500 },
      { type: 'refresh_failed', code: 'internal', retryAfterMs: undefined },
      { type: 'signed_out', reason: 'rejected' },
      { type: 'step_up_required', acrValues: 'urn:mfa', maxAgeMs: 300_000, scope: undefined },
      { type: 'step_up_required', acrValues: undefined, maxAgeMs: undefined, scope: 'notes:write' },
      { type: 'missed', count: 3 },
    ]);
  });

  test('those that overtake the answer of open arrive in order, and those of other sessions do not', async () => {
    const opening = deferred<string>();
    native.module.open.mockReturnValue(opening.promise);
    const session = createAuthSession(config);
    const seen: string[] = [];
    session.on('signed_in', ({ type }) => seen.push(type));
    session.on('refreshed', ({ type }) => seen.push(type));
    native.emit('signed_in');
    native.emit('signed_in', { sessionId: '2' });
    native.emit('refreshed');
    opening.resolve('1');
    await session.signOut();
    expect(seen).toEqual(['signed_in', 'refreshed']);
  });

  test('none comes after unsubscribing, not even one that was on its way', async () => {
    const session = await openSession();
    const listener = vi.fn();
    const unsubscribe = session.on('refreshed', listener);
    native.emit('refreshed');
    unsubscribe();
    native.emit('refreshed');
    await session.signOut();
    expect(listener).not.toHaveBeenCalled();
  });

  test('to listen for what never comes is an invalid_request', async () => {
    const session = await openSession();
    for (const type of ['signedOut', 'constructor']) {
      expect(() => session.on(type as 'signed_out', () => {})).toThrow(
        expect.objectContaining({ code: 'invalid_request', message: expect.stringContaining(type) }),
      );
    }
  });

  test('what asked for something before anybody listened is told to those who listen first, and to nobody else', async () => {
    const session = await openSession();
    native.emit('signed_out', { reason: 'rejected' });
    await session.signOut();
    const early = vi.fn();
    session.on('signed_out', early)();
    // As a component does that React mounts, unmounts and mounts again.
    await session.signOut();
    const [first, second, late] = [vi.fn(), vi.fn(), vi.fn()];
    session.on('signed_out', first);
    session.on('signed_out', second);
    expect(first).not.toHaveBeenCalled();
    await session.signOut();
    session.on('signed_out', late);
    await session.signOut();
    expect(early).not.toHaveBeenCalled();
    expect(first).toHaveBeenCalledExactlyOnceWith({ type: 'signed_out', reason: 'rejected' });
    expect(second).toHaveBeenCalledOnce();
    expect(late).not.toHaveBeenCalled();
  });

  test('what a later event has overtaken is not told any more', async () => {
    const session = await openSession();
    native.emit('signed_out', { reason: 'rejected' });
    native.emit('signed_in');
    await session.signOut();
    const listener = vi.fn();
    session.on('signed_out', listener);
    await session.signOut();
    expect(listener).not.toHaveBeenCalled();
  });

  test('a listener that another one has ended hears nothing any more', async () => {
    const session = await openSession();
    const listener = vi.fn();
    session.on('refreshed', () => end());
    const end = session.on('refreshed', listener);
    native.emit('refreshed');
    await session.signOut();
    expect(listener).not.toHaveBeenCalled();
  });

  test('a listener that throws keeps no other from its event, and the session from nothing', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const session = createAuthSession(config);
    const listener = vi.fn();
    session.on('state_changed', () => {
      throw new Error('a defect of the app');
    });
    session.on('state_changed', listener);
    await session.signOut();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect(listener).toHaveBeenCalledOnce();
    expect(unhandled).toHaveBeenCalledOnce();
  });
});

describe('signing in', () => {
  test('credentials cross as JSON, and the answer comes back parsed', async () => {
    const session = await openSession();
    native.module.signIn.mockResolvedValue('{"user":{"id":"u1"}}');
    expect(await session.signIn({ email: 'a', nested: { pin: 1 } })).toEqual({ user: { id: 'u1' } });
    expect(native.module.signIn).toHaveBeenCalledWith('1', '{"email":"a","nested":{"pin":1}}');
  });

  test('an answer in which the server says nothing has no members', async () => {
    const session = await openSession();
    native.module.signIn.mockResolvedValue('null');
    expect(await session.signIn({ email: 'a' })).toEqual({});
  });

  test('a next step goes to its URL, as JSON', async () => {
    const session = await openSession();
    native.module.continueSignIn.mockResolvedValue('{"user":1}');
    expect(await session.continueSignIn('/auth/otp', { code: '1' })).toEqual({ user: 1 });
    expect(native.module.continueSignIn).toHaveBeenCalledWith('1', '/auth/otp', '{"code":"1"}');
  });

  test('a rejected sign-in has what the server said, and shows it nowhere', async () => {
    const session = await openSession();
    native.module.signIn.mockRejectedValue(
      rejection('sign_in_rejected', 'rejected', { status: 422, answerJson: '{"hint":"secret"}' }),
    );
    const error: unknown = await session.signIn({}).catch((reason: unknown) => reason);
    if (!isAuthSessionError(error) || error.code !== 'sign_in_rejected') throw error;
    expect(error.answer).toEqual({ hint: 'secret' });
    expect(inspect(error, { showHidden: true })).not.toContain('secret');
  });

  test.each<[string, (session: AuthSession) => Promise<unknown>]>([
    ['accessToken', (session) => session.adopt({ accessToken: 1 as never })],
    ['refreshToken', (session) => session.importTokens({ refreshToken: {} as never })],
    ['expiresInSeconds', (session) => session.adopt({ accessToken: 'a', expiresInSeconds: '60' as never })],
    ['url', (session) => session.continueSignIn(undefined as never, {})],
    ['url', (session) => session.authorization(new URL('https://a.example') as never)],
    ['maxAgeMs', (session) => session.requireRecentSignIn('60' as never)],
    ['the credentials', (session) => session.signIn(undefined as never)],
    ['the body', (session) => session.continueSignIn('/', { big: 1n })],
    ['authorization', (session) => session.refused({} as never, { status: 401 })],
  ])('an argument of a wrong type is an invalid_request that names it: %s', async (name, work) => {
    const session = await openSession();
    const error = await work(session).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'AuthSessionError', code: 'invalid_request' });
    expect((error as Error).message).toContain(name);
  });

  test('credentials that are not JSON are an invalid_request', async () => {
    const session = await openSession();
    const circular: Record<string, unknown> = { password: 'secret' };
    circular['self'] = circular;
    const error = await session.signIn(circular).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'invalid_request' });
    expect(String(error)).not.toContain('secret');
  });

  test('what adopt is not given crosses as null', async () => {
    const session = await openSession();
    await session.adopt({ accessToken: 'a' });
    expect(native.module.adopt).toHaveBeenCalledWith('1', 'a', null, null);
  });

  test('what importTokens is not given crosses as null, and it says whether the tokens took effect', async () => {
    const session = await openSession();
    native.module.importTokens.mockResolvedValueOnce(true).mockResolvedValueOnce(false);
    expect(await session.importTokens({ refreshToken: 'r', expiresInSeconds: 60 })).toBe(true);
    expect(await session.importTokens({ accessToken: 'a' })).toBe(false);
    expect(native.module.importTokens.mock.calls).toEqual([['1', null, 'r', 60], ['1', 'a', null, null]]);
  });
});

describe('fetch', () => {
  test('it takes a path or a URL, and sends what it was given', async () => {
    const session = await openSession();
    await session.fetch('/me');
    await session.fetch(new URL('https://api.example.com/me?x=1'), {
      method: 'put',
      headers: { Accept: 'text/html' },
      body: 'x',
      timeoutMs: 100,
    });
    const silent = { reportUpload: false, reportDownload: false };
    expect(native.module.request.mock.calls.map(([, , request]) => request)).toEqual([
      { ...plainRequest, ...silent, method: 'GET', url: '/me' },
      {
        ...plainRequest,
        ...silent,
        method: 'PUT',
        url: 'https://api.example.com/me?x=1',
        headers: [
          { name: 'Accept', value: 'text/html' },
          { name: 'Content-Type', value: 'text/plain;charset=UTF-8' },
        ],
        body: { kind: 'text', text: 'x' },
        timeoutMs: 100,
      },
    ]);
  });

  test("the app's own Content-Type is kept", async () => {
    const session = await openSession();
    await session.fetch('/me', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
    expect(native.module.request.mock.lastCall?.[2]).toMatchObject({
      headers: [{ name: 'content-type', value: 'application/json' }],
    });
  });

  test('only a network failure is a TypeError, and it tells its cause', async () => {
    const session = await openSession();
    native.module.request.mockRejectedValueOnce(rejection('network', 'no answer', { retryable: true }));
    const error = await session.fetch('/me').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as TypeError).cause).toMatchObject({ code: 'network', retryable: true });
    native.module.request.mockRejectedValueOnce(rejection('timeout', 'timed out'));
    await expect(session.fetch('/me')).rejects.toMatchObject({ name: 'AuthSessionError', code: 'timeout' });
  });

  test('an abort rejects at once, cancels the native request, and leaves nothing on the signal', async () => {
    const session = await openSession();
    const answer = deferred<ReturnType<typeof response>>();
    native.module.request.mockReturnValue(answer.promise);
    const controller = new AbortController();
    const removed = vi.spyOn(controller.signal, 'removeEventListener');
    const request = session.fetch('/me', { signal: controller.signal });
    await vi.waitUntil(() => native.module.request.mock.lastCall);
    controller.abort('enough');
    await expect(request).rejects.toBe('enough');
    expect(native.module.cancel).toHaveBeenCalledExactlyOnceWith(native.module.request.mock.lastCall?.[1]);
    answer.reject(rejection('cancelled', 'cancelled'));
    await vi.waitUntil(() => removed.mock.lastCall);
  });

  test('an abort while the session opens keeps the request from being sent', async () => {
    const opening = deferred<string>();
    native.module.open.mockReturnValue(opening.promise);
    const session = createAuthSession(config);
    const controller = new AbortController();
    const request = session.fetch('/me', { signal: controller.signal });
    controller.abort();
    await expect(request).rejects.toMatchObject({ name: 'AbortError' });
    opening.resolve('1');
    await session.signOut();
    expect(native.module.request).not.toHaveBeenCalled();
  });

  test('a signal without a reason, as older ones are, gives an AbortError', async () => {
    const session = await openSession();
    const signal = { aborted: true, addEventListener() {}, removeEventListener() {} };
    await expect(session.fetch('/me', { signal })).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('each request has an id of its own', async () => {
    const session = await openSession();
    await Promise.all([session.fetch('/a'), session.fetch('/b'), createAuthSession(config).fetch('/c')]);
    expect(new Set(native.module.request.mock.calls.map(([, requestId]) => requestId)).size).toBe(3);
  });
});

describe('what other means of sending get', () => {
  test('an authorization has the header field, and what was refused is reported by its id', async () => {
    const session = await openSession();
    native.module.refused.mockResolvedValueOnce({ id: 'a2', value: 'Bearer b' });
    const first = await session.authorization('/image');
    expect(first.headers).toEqual({ Authorization: 'Bearer a' });
    const second = await session.refused(first, { status: 401, headers: { 'WWW-Authenticate': 'Bearer' }, body: 'no' });
    expect(second?.headers).toEqual({ Authorization: 'Bearer b' });
    expect(native.module.refused).toHaveBeenCalledWith('1', {
      authorizationId: 'a1',
      status: 401,
      headers: [{ name: 'WWW-Authenticate', value: 'Bearer' }],
      body: 'no',
    });
    expect(second && (await session.refused(second, { status: 403 }))).toBeNull();
  });
});

describe('clients', () => {
  test('a client is named to native code once, and its requests go by it', async () => {
    const session = await openSession();
    const client = session.client({ baseURL: 'https://files.example.com', headers: { 'X-App': '1' } });
    await Promise.all([client.fetch('/a'), client.fetch('/b'), session.fetch('/c')]);
    expect(native.module.client).toHaveBeenCalledExactlyOnceWith('1', {
      baseURL: 'https://files.example.com',
      headers: [{ name: 'X-App', value: '1' }],
      requestTimeoutMs: null,
    });
    const sent = native.module.request.mock.calls.map(([, , request]) => request as { url: string; clientId: unknown });
    expect(Object.fromEntries(sent.map(({ url, clientId }) => [url, clientId]))).toEqual({
      '/a': 'c1',
      '/b': 'c1',
      '/c': null,
    });
  });

  test('a client that native code refuses is what its requests reject with, and is tried again', async () => {
    const session = await openSession();
    native.module.client.mockRejectedValueOnce(rejection('origin_not_allowed', 'not this one'));
    const client = session.client({ baseURL: 'https://files.example.com' });
    await expect(client.fetch('/a')).rejects.toMatchObject({ code: 'origin_not_allowed' });
    expect((await client.fetch('/a')).status).toBe(200);
  });
});

test('what the session has decided is told as it was', async () => {
  const session = await openSession();
  native.module.trace.mockResolvedValue('[{"at_ms":1,"decision":"saved"}]');
  expect(await session.trace()).toEqual([{ at_ms: 1, decision: 'saved' }]);
});

test('that the app is back is told to native code, once the session is open', async () => {
  const session = createAuthSession(config);
  session.resume();
  await session.requireRecentSignIn(1_000);
  expect(native.module.resume).toHaveBeenCalledWith('1');
  expect(native.module.requireRecentSignIn).toHaveBeenCalledWith('1', 1_000);
});

test('every URL reaches native code with what a URL cannot contain encoded', async () => {
  const session = createAuthSession({ baseURL: 'https://api.example.com/ü' });
  const client = session.client({ baseURL: 'https://b.example/ü' });
  await session.fetch('/a ü');
  await client.fetch('/b ü');
  await session.authorization('/c ü');
  await session.continueSignIn('/d ü', {});
  const { open, request, authorization, continueSignIn } = native.module;
  expect(open).toHaveBeenCalledWith({ baseURL: 'https://api.example.com/%C3%BC' });
  expect(native.module.client.mock.calls).toMatchObject([['1', { baseURL: 'https://b.example/%C3%BC' }]]);
  expect(request.mock.calls.map(([, , sent]) => (sent as { url: string }).url)).toEqual(['/a%20%C3%BC', '/b%20%C3%BC']);
  expect(authorization).toHaveBeenCalledWith('1', '/c%20%C3%BC');
  expect(continueSignIn).toHaveBeenCalledWith('1', '/d%20%C3%BC', '{}');
});
