import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AuthSession } from '../../src/index.ts';
import { Jvm, nativeHalf } from '../support/jvm.ts';
import { loadPackage } from '../support/package.ts';
import { ApiServer } from '../support/server.ts';

const accessToken = 'access-token-that-must-not-be-seen';
const refreshToken = 'refresh-token-that-must-not-be-seen';
const image = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x00, 0xff]);
const withNul = 'text\0text';
const password = 'password-that-must-not-be-seen';

let jvm: Jvm;
let server: ApiServer;
let session: AuthSession;
let authSession: Awaited<ReturnType<typeof loadPackage>>;

function answer(request: IncomingMessage, response: ServerResponse): void {
  switch (request.url) {
    case '/auth/login':
      request.resume().on('end', () => {
        response.setHeader('Content-Type', 'application/json');
        response.end(JSON.stringify({ access_token: accessToken, refresh_token: refreshToken }));
      });
      return;
    case '/image':
      response.setHeader('Content-Type', 'image/png');
      response.end(image);
      return;
    case '/nul':
      response.end(withNul);
      return;
    case '/cookies':
      response.setHeader('Set-Cookie', ['a=1; Expires=Wed, 01 Jan 2031 00:00:00 GMT', 'b=2']);
      response.setHeader('Link', ['<1>', '<2>']);
      response.end('\uFEFFtext');
      return;
    case '/refused':
    case '/auth/refresh':
      response.statusCode = 401;
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ error: 'invalid_grant' }));
      return;
    default:
      response.end(JSON.stringify(request.headers));
  }
}

beforeAll(async () => {
  jvm = new Jvm();
  server = await ApiServer.start(answer);
  authSession = await loadPackage(await jvm.module());
  session = authSession.createAuthSession({ baseURL: server.url, allowLoopback: true });
  await session.signIn({ email: 'ada@example.com', password });
});

afterAll(async () => {
  expect(jvm.crashes).toEqual([]);
  await jvm.stop();
  await server.stop();
});

test('a body that is not UTF-8 reaches JavaScript whole', async () => {
  const response = await session.fetch('/image');
  expect(Buffer.from(await response.bytes())).toEqual(image);
  const { returned } = JSON.parse(jvm.received.find((text) => text.includes('image/png')) ?? '{}');
  expect(returned).toMatchObject({ text: null, base64: image.toString('base64') });
});

test('a text that contains a NUL reaches JavaScript whole', async () => {
  jvm.received.length = 0;
  expect(await (await session.fetch('/nul')).text()).toBe(withNul);
  // From Objective-C a string comes to JavaScript up to the first NUL, so there it does not go as one.
  const { returned } = JSON.parse(jvm.received.find((text) => text.includes('"base64"')) ?? '{}');
  expect(returned.text).toBe(nativeHalf === 'swift' ? null : withNul);
});

test('a subject that contains a NUL is not taken for another one', async () => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const sub = 'u1\0other';
  const other = authSession.createAuthSession({ baseURL: server.url, account: 'nul', allowLoopback: true });
  await other.adopt({ accessToken: `${part({ alg: 'none' })}.${part({ sub })}.c2ln`, refreshToken });
  const subject = nativeHalf === 'swift' ? null : sub;
  expect(other.getState()).toMatchObject({ status: 'signed_in', subject, claims: { sub } });
});

test('repeated header fields arrive each by itself, and a byte order mark is not text', async () => {
  const response = await session.fetch('/cookies');
  expect(response.headers.getSetCookie()).toEqual(['a=1; Expires=Wed, 01 Jan 2031 00:00:00 GMT', 'b=2']);
  expect(response.headers.get('link')).toBe('<1>, <2>');
  expect(await response.text()).toBe('text');
});

test('a string is sent as text/plain, with the access token', async () => {
  const response = await session.fetch('/other', { method: 'PUT', body: 'text' });
  expect(await response.json()).toMatchObject({
    authorization: `Bearer ${accessToken}`,
    'content-type': 'text/plain;charset=UTF-8',
  });
});

test.each([-1, Number.POSITIVE_INFINITY])('a lifetime of %d seconds is none that is known', async (expiresInSeconds) => {
  const other = authSession.createAuthSession({ baseURL: server.url, account: 'lifetime', allowLoopback: true });
  await other.adopt({ accessToken, refreshToken, expiresInSeconds });
  expect(other.getState()).toMatchObject({ status: 'signed_in', expiresAt: null });
});

test('what native code tells JavaScript contains no token and no password, whatever goes wrong', async () => {
  jvm.received.length = 0;
  const other = authSession.createAuthSession({ baseURL: server.url, account: 'other', allowLoopback: true });
  const failures = await Promise.allSettled([
    other.adopt({ accessToken: `${accessToken}\n`, refreshToken }),
    other.adopt({ accessToken, refreshToken, expiresInSeconds: Number.NaN }),
    other.signIn([password] as unknown as Record<string, unknown>),
    other.fetch(`https://user:${password}@elsewhere.example/?token=${accessToken}`),
    other.fetch('/other', { headers: { Authorization: `Bearer ${accessToken}\n` } }),
  ]);
  expect(failures.map(({ status }) => status)).toEqual(Array(failures.length).fill('rejected'));
  await other.adopt({ accessToken, refreshToken });
  await other.signIn({ email: 'ada@example.com', password });
  const ended = new Promise((resolve) => other.on('signed_out', resolve));
  expect(await other.fetch('/refused')).toMatchObject({ status: 401, disposition: 'session_ended' });
  await ended;
  for (const secret of [accessToken, refreshToken, password]) {
    expect(jvm.received.filter((text) => text.includes(secret))).toEqual([]);
  }
});
