import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AuthSession, AuthSessionConfig } from '../../src/index.ts';
import { Authority, credentials } from '../support/authority.ts';
import type { Realm } from '../support/authority.ts';
import { Jvm } from '../support/jvm.ts';
import { loadPackage } from '../support/package.ts';

let jvm: Jvm;
let authority: Authority;
let realm: Realm;
let createAuthSession: (config: AuthSessionConfig) => AuthSession;
let session: AuthSession;
let accounts = 0;

beforeAll(async () => {
  jvm = new Jvm();
  authority = await Authority.start();
  ({ createAuthSession } = await loadPackage(await jvm.module()));
});

beforeEach(async () => {
  realm = await authority.realm();
  session = createAuthSession({
    baseURL: realm.apiURL,
    account: `account ${(accounts += 1)}`,
    allowLoopback: true,
    allowedOrigins: [realm.authURL],
  });
  await session.signIn(credentials);
});

afterEach(() => {
  expect(jvm.crashes).toEqual([]);
});

afterAll(async () => {
  await jvm.stop();
  await authority.stop();
});

describe('an authorization for other means of sending', () => {
  test('its header field is taken by the server, and after a refusal there is a fresh one', async () => {
    const url = `${realm.apiURL}/me`;
    const first = await session.authorization(url);
    expect((await fetch(url, { headers: first.headers })).status).toBe(200);
    await realm.command('expire_access_tokens');
    const refused = await fetch(url, { headers: first.headers });
    expect(refused.status).toBe(401);
    const second = await session.refused(first, {
      status: refused.status,
      headers: [['WWW-Authenticate', refused.headers.get('WWW-Authenticate') ?? '']],
      body: await refused.text(),
    });
    expect((await fetch(url, { headers: second?.headers ?? {} })).status).toBe(200);
    expect(await realm.counters()).toMatchObject({ refreshes: 1 });
  });

  test('an answer that no other token would change is final', async () => {
    const authorization = await session.authorization('/me');
    expect(await session.refused(authorization, { status: 404 })).toBeNull();
    expect(await realm.counters()).toMatchObject({ refresh_requests: 0 });
  });

  test('there is none for another origin, and none after a sign-out', async () => {
    await expect(session.authorization('https://elsewhere.example/')).rejects.toMatchObject({
      code: 'origin_not_allowed',
    });
    await session.signOut();
    await expect(session.authorization('/me')).rejects.toMatchObject({ code: 'signed_out', signInRequired: true });
  });

  test('the oldest of very many is let go, and says so', async () => {
    const [oldest, next] = [await session.authorization('/me'), await session.authorization('/me')];
    for (let count = 2; count < 257; count += 1) await session.authorization('/me');
    await expect(session.refused(oldest, { status: 401 })).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('too old'),
    });
    expect(await session.refused(next, { status: 404 })).toBeNull();
  });

  test('those of a user who has signed out are let go', async () => {
    const authorization = await session.authorization('/me');
    const signedOut = new Promise((resolve) => session.on('signed_out', resolve));
    await session.signOut();
    await signedOut;
    await expect(session.refused(authorization, { status: 404 })).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('signed out'),
    });
  });

  test('a status that is none of HTTP is an invalid_request', async () => {
    const authorization = await session.authorization('/me');
    for (const status of [0, 1.5, 'secret' as never]) {
      await expect(session.refused(authorization, { status })).rejects.toMatchObject({ code: 'invalid_request' });
    }
  });
});

describe('a client of another host', () => {
  test('it sends there with the token, its own header fields and its own timeout', async () => {
    const client = session.client({ baseURL: `${realm.authURL}/`, headers: { 'X-App': '1' } });
    // Where the authority has its own API, it knows this path only.
    const response = await client.fetch('/auth/logout', { method: 'POST', body: '{}' });
    expect(response.url).toBe(`${realm.authURL}/auth/logout`);
    const own = session.client({ baseURL: realm.apiURL, headers: { 'X-App': '1' }, requestTimeoutMs: 200 });
    const echo = await (await own.fetch('/echo', { method: 'POST', body: 'x' })).json<{ body: string }>();
    expect(echo.body).toBe('x');
    await realm.command('hold', { endpoint: 'resource', path: '/slow', when: 'before' });
    await expect(own.fetch('/slow')).rejects.toMatchObject({ code: 'timeout' });
  });

  test('the timeout of a request counts, and not that of its client, whatever it is', async () => {
    const client = session.client({ baseURL: realm.apiURL, requestTimeoutMs: 200 });
    await realm.command('hold', { endpoint: 'resource', path: '/me', when: 'before' });
    // What Foundation gives to a request for which nobody has said anything.
    const patient = client.fetch('/me', { timeoutMs: 60_000 });
    await expect(client.fetch('/me')).rejects.toMatchObject({ code: 'timeout' });
    await realm.command('release', { endpoint: 'resource' });
    expect((await patient).status).toBe(200);
  });

  test('an origin that is not allowed is refused', async () => {
    const client = session.client({ baseURL: 'https://elsewhere.example' });
    await expect(client.fetch('/')).rejects.toMatchObject({ code: 'origin_not_allowed' });
  });

  test('a wrong setting is an invalid_configuration that names it', async () => {
    const client = session.client({ baseURL: realm.apiURL, requestTimeoutMs: Number.NaN });
    await expect(client.fetch('/me')).rejects.toMatchObject({
      code: 'invalid_configuration',
      message: expect.stringContaining('requestTimeoutMs'),
    });
  });

  test('with the same config it is the same one, and there are 64 at most', async () => {
    const make = (name: string) => session.client({ baseURL: realm.apiURL, headers: { 'X-App': name } });
    for (let count = 0; count < 64; count += 1) expect((await make(`${count}`).fetch('/me')).status).toBe(200);
    expect((await make('63').fetch('/me')).status).toBe(200);
    await expect(make('64').fetch('/me')).rejects.toMatchObject({
      code: 'invalid_configuration',
      message: expect.stringContaining('64'),
    });
  });
});

test('a rejected sign-in tells what the server said', async () => {
  await realm.command('fault', {
    endpoint: 'login',
    when: 'before',
    times: 1,
    status: 422,
    headers: { 'Content-Type': 'application/json' },
    body: '{"hint":"password is too short"}',
  });
  await expect(session.signIn(credentials)).rejects.toMatchObject({
    code: 'sign_in_rejected',
    answer: { hint: 'password is too short' },
  });
});

test('a second step is sent to its own URL, and signs in', async () => {
  await session.signOut();
  expect(await session.continueSignIn('/auth/login', credentials)).toMatchObject({ user: { id: 'u1' } });
  expect(session.getState()).toMatchObject({ status: 'signed_in' });
});

test('how recent a sign-in is decides, and only a number is an age', async () => {
  await session.requireRecentSignIn(60_000);
  await expect(session.requireRecentSignIn(0)).rejects.toMatchObject({
    code: 'recent_sign_in_required',
    signInRequired: true,
  });
  for (const age of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
    await expect(session.requireRecentSignIn(age)).rejects.toMatchObject({ code: 'invalid_request' });
  }
});

test('the trace tells what was decided, and no token', async () => {
  const { headers } = await session.authorization('/me');
  await realm.command('expire_access_tokens');
  await session.fetch('/me');
  const trace = await session.trace();
  expect(trace.map(({ decision }) => decision)).toEqual(expect.arrayContaining(['signed_in', 'refresh_started']));
  expect(JSON.stringify(trace)).not.toContain(headers.Authorization.replace('Bearer ', ''));
});

test('a session that ended before anybody listened tells those who come later', async () => {
  await realm.command('fault', {
    endpoint: 'refresh',
    when: 'before',
    status: 401,
    headers: { 'Content-Type': 'application/json' },
    body: '{"error":"invalid_grant"}',
  });
  await realm.command('expire_access_tokens');
  expect((await session.fetch('/me')).disposition).toBe('session_ended');
  await expect.poll(() => jvm.received.some((text) => text.includes('"type":"signed_out"'))).toBe(true);
  expect(await new Promise((resolve) => session.on('signed_out', resolve))).toEqual({
    type: 'signed_out',
    reason: 'rejected',
  });
});

test.each<[string, unknown[]]>([
  ['signIn', ['{}']],
  ['continueSignIn', ['/', '{}']],
  ['adopt', ['a', null, null]],
  ['importTokens', ['a', null, null]],
  ['signOut', []],
  ['requireRecentSignIn', [1]],
  ['client', [{ baseURL: 'https://a.example' }]],
  ['authorization', ['/']],
  ['refused', [{ authorizationId: '1', status: 401 }]],
  ['trace', []],
  ['request', ['r', { method: 'GET', url: '/' }]],
])('%s of a session that is not open rejects with a code, and does not throw', async (method, values) => {
  await expect(jvm.call(method, 'no session', ...values)).rejects.toMatchObject({
    code: 'invalid_request',
    userInfo: { retryable: false, signInRequired: false },
  });
});

test('what nobody waits for does nothing to a session that is not open', async () => {
  for (const method of ['networkChanged', 'resume', 'cancel']) await jvm.call(method, 'no session');
  expect(await jvm.call('getState', 'no session')).toMatchObject({ status: 'restoring' });
});
