import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { AuthSession } from '../../src/createAuthSession.ts';
import type { SessionEvent, SessionEventType } from '../../src/events.ts';
import { createMockAuthSession, mockError, mockOf } from '../../src/mock/index.ts';
import * as mockModule from '../../src/mock/index.ts';
import type { MockAuthSession, MockState } from '../../src/mock/index.ts';
import { packageRoot, root } from '../support/checkout.ts';
import { fakeModule, signedIn as nativeSignedIn, signedOut as nativeSignedOut } from '../support/fakeModule.ts';
import { loadPackage } from '../support/package.ts';

let session: MockAuthSession;

beforeEach(() => {
  session = createMockAuthSession();
});

/** What `session` tells, of these types, as it happens. */
function told(...types: SessionEventType[]): SessionEvent[] {
  return heard(session, ...types);
}

function heard(of: AuthSession, ...types: SessionEventType[]): SessionEvent[] {
  const events: SessionEvent[] = [];
  for (const type of types) of.on(type, (event) => events.push(event));
  return events;
}

describe('the state', () => {
  test.each<[MockState, object]>([
    ['restoring', { status: 'restoring' }],
    ['signed_out', { status: 'signed_out', reason: 'never_signed_in' }],
    [{ status: 'signed_out', reason: 'idle_timeout' }, { status: 'signed_out', reason: 'idle_timeout' }],
    ['locked', { status: 'locked', code: 'locked' }],
    [{ status: 'locked', code: 'unlock_failed' }, { status: 'locked', code: 'unlock_failed' }],
    ['signed_in', { status: 'signed_in', subject: null, claims: null, expiresAt: null }],
    [
      { status: 'signed_in', claims: { sub: 'u1' }, expiresAt: 5 },
      { status: 'signed_in', subject: 'u1', claims: { sub: 'u1' }, expiresAt: 5 },
    ],
  ])('begins as %j', (state, expected) => {
    expect(createMockAuthSession({ state }).getState()).toEqual(expected);
  });

  test('nobody has ever signed in if nothing is said', () => {
    expect(session.getState()).toEqual({ status: 'signed_out', reason: 'never_signed_in' });
  });

  test('it is frozen, and the same object until something changes', () => {
    session.mock.signIn({ subject: 'u1' });
    const state = session.getState();
    expect(Object.isFrozen(state)).toBe(true);
    session.mock.setState({ status: 'signed_in', subject: 'u1' });
    session.mock.emit({ type: 'refreshed' });
    expect(session.getState()).toBe(state);
    session.mock.signIn({ subject: 'u2' });
    expect(session.getState()).not.toBe(state);
  });
});

describe('events', () => {
  test('each change is told before the control returns, with the new state', () => {
    const events = told('signed_in', 'signed_out', 'state_changed');
    const states: string[] = [];
    session.on('signed_in', () => states.push(session.getState().status));
    session.mock.signIn();
    const signedIn = session.getState();
    session.mock.expire();
    expect(states).toEqual(['signed_in']);
    expect(events).toEqual([
      { type: 'state_changed', state: signedIn },
      { type: 'signed_in' },
      { type: 'state_changed', state: { status: 'signed_out', reason: 'rejected' } },
      { type: 'signed_out', reason: 'rejected' },
    ]);
  });

  test('a session ends once', () => {
    session.mock.signIn();
    const events = told('signed_out');
    session.mock.signOut('idle_timeout');
    session.mock.expire();
    expect(events).toEqual([{ type: 'signed_out', reason: 'idle_timeout' }]);
    expect(session.getState()).toMatchObject({ reason: 'idle_timeout' });
  });

  test('a state that is the same again is no change', () => {
    session.mock.signIn({ subject: 'u1' });
    const events = told('state_changed');
    session.mock.setState({ status: 'signed_in', subject: 'u1' });
    session.mock.signIn({ subject: 'u1' });
    expect(events).toEqual([]);
  });

  test('others are told as they are given', () => {
    const events = told('step_up_required', 'refreshed');
    const stepUp = { type: 'step_up_required', acrValues: 'mfa', maxAgeMs: undefined, scope: undefined } as const;
    session.mock.emit(stepUp);
    expect(events).toEqual([stepUp]);
  });

  test('of a type that there is none of are an invalid_request, as with the real session', () => {
    const wrong = 'signedOut' as 'signed_out';
    expect(() => session.on(wrong, () => {})).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  test('the same listener may listen twice, each until its own end', () => {
    const listener = vi.fn();
    const ends = [session.on('refreshed', listener), session.on('refreshed', listener)];
    session.mock.emit({ type: 'refreshed' });
    expect(listener).toHaveBeenCalledTimes(2);
    ends[0]?.();
    ends[0]?.();
    session.mock.emit({ type: 'refreshed' });
    expect(listener).toHaveBeenCalledTimes(3);
    ends[1]?.();
    session.mock.emit({ type: 'refreshed' });
    expect(listener).toHaveBeenCalledTimes(3);
  });

  test('a listener that ends another one keeps it from being told', () => {
    const second = vi.fn();
    session.on('refreshed', () => end());
    const end = session.on('refreshed', second);
    session.mock.emit({ type: 'refreshed' });
    expect(second).not.toHaveBeenCalled();
  });

  test('what nobody heard is told to those who listen first, and once', async () => {
    session.mock.signIn();
    session.mock.expire();
    const [first, second] = [told('signed_out'), told('signed_out')];
    expect(first).toEqual([]);
    await Promise.resolve();
    expect([first, second]).toEqual(Array(2).fill([{ type: 'signed_out', reason: 'rejected' }]));
    const later = told('signed_out');
    await Promise.resolve();
    expect(later).toEqual([]);
  });

  test('what somebody heard, and what has been overtaken, is not told again', async () => {
    session.mock.signIn();
    const heard = told('signed_out');
    session.mock.expire();
    const late = told('signed_out');
    session.mock.emit({ type: 'sign_in_recommended' });
    session.mock.signIn();
    const overtaken = told('sign_in_recommended');
    await Promise.resolve();
    expect([heard.length, late.length, overtaken.length]).toEqual([1, 0, 0]);
  });

  test.each<[string, () => void]>([
    ['a reset', () => session.mock.reset()],
    ['a state that the test sets', () => session.mock.setState('signed_in')],
  ])('what nobody heard before %s is not told after it', async (_, goOn) => {
    session.mock.signIn();
    session.mock.expire();
    session.mock.emit({ type: 'persistence_degraded' });
    goOn();
    const events = told('signed_out', 'persistence_degraded');
    await Promise.resolve();
    expect(events).toEqual([]);
  });

  describe('of which a listener throws', () => {
    const unhandled = vi.fn();
    beforeEach(() => void process.on('unhandledRejection', unhandled));
    afterEach(() => void process.off('unhandledRejection', unhandled));

    test('the others are told, the control returns, and the error is an unhandled rejection', async () => {
      const mine = new Error('mine');
      session.on('signed_in', () => {
        throw mine;
      });
      const events = told('signed_in');
      session.mock.signIn();
      expect(events).toHaveLength(1);
      await new Promise((resolve) => setImmediate(resolve));
      expect(unhandled).toHaveBeenCalledExactlyOnceWith(mine, expect.anything());
    });
  });
});

test('what happens is told in the order of the real session', async () => {
  const native = fakeModule();
  const real = (await loadPackage(native.module)).createAuthSession({ baseURL: 'https://api.example.com' });
  await new Promise((resolve) => setImmediate(resolve));
  session.mock.setState({ status: 'signed_out', reason: 'user' });
  const types = ['signed_in', 'refreshed', 'signed_out', 'state_changed'] as const;
  const sequences = [heard(real, ...types), heard(session, ...types)];
  const user = { subject: 'u1', claims: { sub: 'u1', roles: ['admin'] }, expiresAt: 1_700_000_000_000 };

  native.module.getState.mockReturnValue(nativeSignedIn);
  native.emit('signed_in');
  native.emit('refreshed');
  await new Promise((resolve) => setImmediate(resolve));
  native.module.getState.mockReturnValue({ ...nativeSignedOut, reason: 'rejected' });
  native.emit('signed_out', { reason: 'rejected' });
  await new Promise((resolve) => setImmediate(resolve));

  session.mock.signIn(user);
  session.mock.emit({ type: 'refreshed' });
  session.mock.expire();

  expect(sequences[0]).toHaveLength(5);
  expect(sequences[1]).toEqual(sequences[0]);
});

describe('signing in', () => {
  test('it succeeds if nothing is said', async () => {
    expect(await session.signIn({ email: 'a@example.com' })).toEqual({});
    expect(session.getState()).toEqual({ status: 'signed_in', subject: null, claims: null, expiresAt: null });
  });

  test('the handler gets the credentials, and says who is signed in and what the server adds', async () => {
    session.mock.onSignIn(({ email }) => ({ answer: { user: { email } }, user: { claims: { sub: 'u1' } } }));
    expect(await session.signIn({ email: 'a@example.com' })).toEqual({ user: { email: 'a@example.com' } });
    expect(session.getState()).toMatchObject({ status: 'signed_in', subject: 'u1' });
  });

  test('an answer without a user wants another step, and signs nobody in', async () => {
    session.mock.onSignIn(() => ({ answer: { next: 'otp' }, user: null }));
    const events = told('signed_in', 'state_changed');
    expect(await session.signIn({})).toEqual({ next: 'otp' });
    expect(events).toEqual([]);
  });

  test('what the handler throws rejects the sign-in', async () => {
    session.mock.onSignIn(() => {
      throw mockError('sign_in_rejected');
    });
    await expect(session.signIn({})).rejects.toMatchObject({ code: 'sign_in_rejected', retryable: false });
    expect(session.getState().status).toBe('signed_out');
  });

  test('nobody is signed in until the handler is done', async () => {
    let accept!: () => void;
    session.mock.onSignIn(() => new Promise((resolve) => (accept = () => resolve({}))));
    const signingIn = session.signIn({});
    await vi.waitUntil(() => accept);
    expect(session.getState().status).toBe('signed_out');
    accept();
    await signingIn;
    expect(session.getState().status).toBe('signed_in');
  });

  test('offline it is a network failure', async () => {
    session.mock.offline();
    await expect(session.signIn({})).rejects.toMatchObject({ code: 'network', retryable: true });
    session.mock.online();
    await session.signIn({});
  });
});

test('the next step of a sign-in is one as well, and tells where it goes', async () => {
  const handler = vi.fn(({ code }: Readonly<Record<string, unknown>>) => ({ user: code === '123' ? {} : null }));
  session.mock.onSignIn(handler);
  expect(await session.continueSignIn('/auth/otp', { code: '0' })).toEqual({});
  expect(session.getState().status).toBe('signed_out');
  await session.continueSignIn('/auth/otp', { code: '123' });
  expect(session.getState().status).toBe('signed_in');
  expect(handler).toHaveBeenLastCalledWith({ code: '123' }, '/auth/otp');
});

describe('what other stacks send', () => {
  test('it is authorised while somebody is signed in, and once more after a 401', async () => {
    await expect(session.authorization('/image')).rejects.toMatchObject({ code: 'signed_out' });
    session.mock.signIn();
    const first = await session.authorization('/image');
    expect(first.headers.Authorization).toMatch(/^Bearer /);
    expect(JSON.stringify({ first })).not.toContain('Bearer');
    const second = await session.refused(first, { status: 401 });
    expect(second?.headers.Authorization).not.toBe(first.headers.Authorization);
    expect(await session.refused(first, { status: 403 })).toBeNull();
  });

  test('an authorization of something else is an invalid_request', async () => {
    session.mock.signIn();
    const foreign = { headers: { Authorization: 'Bearer x' } } as unknown as Awaited<ReturnType<typeof session.authorization>>;
    await expect(session.refused(foreign, { status: 401 })).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

test('a recent sign-in is one while somebody is signed in', async () => {
  await expect(session.requireRecentSignIn(1)).rejects.toMatchObject({ code: 'signed_out' });
  session.mock.setState({ status: 'locked', code: 'unlock_cancelled' });
  await expect(session.requireRecentSignIn(1)).rejects.toMatchObject({ code: 'unlock_cancelled' });
  session.mock.signIn();
  await session.requireRecentSignIn(1);
});

test('what has nothing to do here does nothing', async () => {
  const before = session.getState();
  session.networkChanged();
  session.resume();
  expect(await session.trace()).toEqual([]);
  expect(session.getState()).toBe(before);
});

test('signing out needs no network, and its reason is the user', async () => {
  session.mock.signIn();
  session.mock.offline();
  const events = told('signed_out');
  await session.signOut();
  await session.signOut();
  expect(events).toEqual([{ type: 'signed_out', reason: 'user' }]);
});

test('tokens of an earlier version take effect only if nobody has ever signed in', async () => {
  expect(await session.importTokens({ refreshToken: 'r' })).toBe(true);
  expect(await session.importTokens({ refreshToken: 'r' })).toBe(false);
  session.mock.signOut();
  expect(await session.importTokens({ refreshToken: 'r' })).toBe(false);
  await session.adopt({ accessToken: 'a' });
  expect(session.getState().status).toBe('signed_in');
});

test('calls wait for a session that is being restored', async () => {
  session = createMockAuthSession({ state: 'restoring' });
  const done = vi.fn();
  const calls = [session.signOut(), session.signIn({}), session.adopt({})].map((call) => call.then(done));
  await new Promise((resolve) => setImmediate(resolve));
  expect(done).not.toHaveBeenCalled();
  session.mock.setState('signed_out');
  await Promise.all(calls);
  expect(done).toHaveBeenCalledTimes(3);
});

test.each<[string, (misspelt: { baseURL: string }) => unknown]>([
  ['the mock', createMockAuthSession],
  ['the stand-in of the package', (config) => mockModule.createAuthSession(config)],
  ['a client', (config) => session.client(config)],
])('a setting that does not exist is an invalid_configuration: %s', (_, create) => {
  const misspelt = { baseUrl: 'https://api.example.com' } as unknown as { baseURL: string };
  expect(() => create(misspelt)).toThrow(
    expect.objectContaining({ code: 'invalid_configuration', message: 'baseUrl is no setting' }),
  );
});

test('its functions may be replaced', async () => {
  vi.spyOn(session, 'signOut').mockRejectedValue(mockError('store_unavailable'));
  await expect(session.signOut()).rejects.toMatchObject({ code: 'store_unavailable' });
});

test('after a reset it is as it began, and who listened still does', async () => {
  session = createMockAuthSession({ state: 'signed_in' });
  const events = told('state_changed');
  session.mock.on('*').reply(200);
  session.mock.onSignIn(() => ({ user: null }));
  await session.fetch('/me');
  session.mock.offline();
  session.mock.signOut();
  session.mock.reset();
  expect(session.getState().status).toBe('signed_in');
  expect(events).toHaveLength(2);
  expect(session.mock.requests).toEqual([]);
  await expect(session.fetch('/me')).rejects.toMatchObject({ cause: { code: 'invalid_request' } });
  session.mock.signOut();
  await session.signIn({});
  expect(session.getState().status).toBe('signed_in');
});

test('the errors it makes are as retryable as docs/reference.md says', () => {
  const page = readFileSync(path.join(root, 'docs/reference.md'), 'utf8').split('\n## Error codes')[1] ?? '';
  const rows = Array.from(page.matchAll(/^\| `(\w+)` \|.*\| (yes|no) \|$/gm), ([, code, again]) => ({ code, again }));
  expect(rows.length).toBeGreaterThan(20);
  for (const { code, again } of rows) {
    expect([code, mockError(code as 'network').retryable]).toEqual([code, again === 'yes']);
  }
  const needSignIn = ['signed_out', 'session_ended', 'recent_sign_in_required'];
  for (const { code } of rows) {
    expect([code, mockError(code as 'network').signInRequired]).toEqual([code, needSignIn.includes(code ?? '')]);
  }
  expect(mockError('timeout', { retryAfterMs: 5 }).retryAfterMs).toBe(5);
});

describe('in the place of the package', () => {
  test('it has every export of that', async () => {
    const exported = Object.keys(await loadPackage(fakeModule().module));
    expect(Object.keys(mockModule)).toEqual(expect.arrayContaining(exported));
  });

  test("the app's session is a mock, which mockOf gives to the test", async () => {
    const app = mockModule.createAuthSession({ baseURL: 'https://api.example.com/v1' });
    mockOf(app).signIn();
    mockOf(app).on('GET https://api.example.com/v1/me').reply(204);
    expect((await app.fetch('/me')).status).toBe(204);
  });

  test('the origins that its config allows are allowed', async () => {
    const app = mockModule.createAuthSession({
      baseURL: 'https://api.example.com',
      allowedOrigins: ['https://files.example.com'],
    });
    mockOf(app).signIn();
    mockOf(app).on('*').reply(204);
    expect((await app.fetch('https://files.example.com/a')).status).toBe(204);
    await expect(app.fetch('https://other.example.com/a')).rejects.toMatchObject({ code: 'origin_not_allowed' });
  });

  test('mockOf knows a real session', async () => {
    const real = (await loadPackage(fakeModule().module)).createAuthSession({ baseURL: 'https://api.example.com' });
    expect(() => mockOf(real)).toThrow(TypeError);
  });
});

test('neither it nor the hook loads anything of React Native', () => {
  const loaded = new Set<string>();
  const outside = new Set<string>();
  const load = (file: string) => {
    if (loaded.has(file)) return;
    loaded.add(file);
    const source = readFileSync(file, 'utf8');
    for (const [, from = ''] of source.matchAll(/^(?:import|export) (?!type )[^;]*?from '([^']+)';/gm)) {
      if (from.startsWith('.')) load(path.resolve(path.dirname(file), from));
      else outside.add(from);
    }
  };
  load(path.join(packageRoot, 'src/mock/index.ts'));
  expect(loaded.size).toBeGreaterThan(10);
  expect([...outside]).toEqual(['react']);
});
