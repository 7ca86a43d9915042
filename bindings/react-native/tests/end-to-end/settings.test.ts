import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AuthSession, AuthSessionConfig } from '../../src/index.ts';
import { Jvm, nativeHalf } from '../support/jvm.ts';
import { loadPackage } from '../support/package.ts';
import { ApiServer } from '../support/server.ts';

interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

let jvm: Jvm;
let server: ApiServer;
let folder: string;
let createAuthSession: (config: AuthSessionConfig) => AuthSession;
let accounts = 0;
let seen: Seen[];
let reply: (request: Seen, response: ServerResponse) => void;

function json(response: ServerResponse, value: unknown, status = 200): void {
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(value));
}

/** A file, where a directory is expected. */
function newFile(name: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, '');
  return file;
}

/** The requests to a path. */
function requests(url: string): Seen[] {
  return seen.filter((request) => request.url === url);
}

beforeAll(async () => {
  jvm = new Jvm();
  folder = mkdtempSync(path.join(tmpdir(), 'settings-'));
  server = await ApiServer.start((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const one = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body };
      seen.push(one);
      reply(one, response);
    });
  });
  ({ createAuthSession } = await loadPackage(await jvm.module()));
});

beforeEach(() => {
  seen = [];
  reply = (_, response) => json(response, { access_token: 'a1', refresh_token: 'r1' });
});

afterAll(async () => {
  expect(jvm.crashes).toEqual([]);
  await jvm.stop();
  await server.stop();
  rmSync(folder, { recursive: true });
});

/** A session with these settings, that nobody else has. */
function open(settings: Partial<AuthSessionConfig> = {}): AuthSession {
  const account = `account ${(accounts += 1)}`;
  return createAuthSession({ baseURL: server.url, account, allowLoopback: true, ...settings });
}

async function signedIn(settings: Partial<AuthSessionConfig> = {}): Promise<AuthSession> {
  const session = open(settings);
  await session.adopt({ accessToken: 'a0', refreshToken: 'r0' });
  return session;
}

describe('endpoints with JSON', () => {
  test('places, names, additions and the method of the logout are those of the settings', async () => {
    reply = ({ url, headers }, response) => {
      if (url === '/in') json(response, { data: { at: 'a1', rt: 'r1', ttl: 60 } });
      else if (url === '/renew') json(response, { data: { at: 'a2', rt: 'r2' } });
      else if (url === '/out') json(response, {});
      else json(response, {}, headers.authorization === 'Bearer a2' ? 200 : 401);
    };
    const session = open({
      deviceIdHeader: 'X-Device-Id',
      endpoints: {
        type: 'json',
        loginURL: '/in',
        refreshURL: '/renew',
        logoutURL: '/out',
        logoutMethod: 'DELETE',
        accessTokenAt: ['data.at'],
        refreshTokenAt: ['data.rt'],
        expiresInAt: ['data.ttl'],
        refreshRequestField: 'renewal',
        logoutRequestField: 'ended',
        login: { fields: { app: { version: 3 } }, headers: { 'X-Api-Key': 'k' } },
        refresh: { fields: { kind: 'rotation' } },
        logout: { headers: { 'X-Bye': '1' } },
      },
    });
    await session.signIn({ email: 'ada@example.com' });
    expect((await session.fetch('/me')).status).toBe(200);
    await session.signOut();
    await expect.poll(() => requests('/out')).toHaveLength(1);
    const [login] = requests('/in');
    expect(JSON.parse(login?.body ?? '')).toEqual({ email: 'ada@example.com', app: { version: 3 } });
    expect(login?.body).toContain('"version":3}');
    expect(login?.headers).toMatchObject({ 'x-api-key': 'k', 'x-device-id': expect.stringMatching(/.+/) });
    expect(JSON.parse(requests('/renew')[0]?.body ?? '')).toEqual({ renewal: 'r1', kind: 'rotation' });
    expect(requests('/out')[0]).toMatchObject({ method: 'DELETE', headers: { 'x-bye': '1' } });
  });

  test('without a logout a sign-out stays on the device', async () => {
    const session = await signedIn({ endpoints: { type: 'json', logoutURL: false } });
    await session.signOut();
    // Whatever was to be sent before it has been.
    await signedIn().then((other) => other.fetch('/me'));
    expect(seen.map(({ url }) => url)).toEqual(['/me']);
  });

  test('the statuses and codes that end the session are those of the settings', async () => {
    for (const [settings, status, body] of [
      [{ terminalStatuses: [418] }, 418, {}],
      [{ terminalCodes: ['gone'], errorCodeAt: ['why'] }, 400, { why: 'gone' }],
    ] as const) {
      reply = ({ url }, response) => json(response, body, url === '/auth/refresh' ? status : 401);
      const session = await signedIn({ endpoints: { type: 'json', ...settings } });
      expect((await session.fetch('/me')).disposition).toBe('session_ended');
      expect(session.getState()).toEqual({ status: 'signed_out', reason: 'rejected' });
    }
  });
});

test('an OAuth 2 server gets the client, the parameters and the refresh token', async () => {
  reply = ({ url, headers }, response) => {
    if (url === '/token') json(response, { access_token: 'a1', token_type: 'Bearer' });
    else json(response, {}, headers.authorization === 'Bearer a1' ? 200 : 401);
  };
  const session = await signedIn({
    endpoints: {
      type: 'oauth2',
      tokenEndpoint: `${server.url}/token`,
      clientId: 'app',
      revocationEndpoint: `${server.url}/revoke`,
      parameters: { audience: 'api', resource: 'r' },
    },
  });
  expect((await session.fetch('/me')).status).toBe(200);
  await session.signOut();
  await expect.poll(() => requests('/revoke').length).toBeGreaterThan(0);
  expect(Object.fromEntries(new URLSearchParams(requests('/token')[0]?.body))).toEqual({
    grant_type: 'refresh_token',
    refresh_token: 'r0',
    client_id: 'app',
    audience: 'api',
    resource: 'r',
  });
});

describe('what the settings of a session do', () => {
  test('its tokens rest where they are told to, and nobody else can read them', async () => {
    const directory = path.join(folder, 'tokens');
    await signedIn({ store: { type: 'file', path: directory } });
    expect(existsSync(directory)).toBe(true);
    expect(readdirSync(directory).length).toBeGreaterThan(0);
  });

  test('a session whose store cannot be read is locked, and says why', async () => {
    const session = open({ store: { type: 'file', path: newFile('no directory') } });
    await session.trace();
    expect(session.getState()).toEqual({ status: 'locked', code: 'store_unavailable' });
  });

  test('answers mean what the rules say', async () => {
    reply = ({ url }, response) => json(response, { code: 'E1' }, url === '/auth/refresh' ? 500 : 403);
    const session = await signedIn({ answerRules: { codes: { E1: 'end_session' } } });
    expect((await session.fetch('/me')).disposition).toBe('session_ended');
    expect(session.getState()).toEqual({ status: 'signed_out', reason: 'ended_by_server' });
    const other = await signedIn({ answerRules: { codes: { E1: 'pass' }, refreshOnForbidden: true } });
    expect((await other.fetch('/me')).disposition).toBe('permission_denied');
  });

  test('failures are tried again as often as the policy says', async () => {
    reply = (_, response) => json(response, {}, 503);
    const session = await signedIn({ retry: { attempts: 2, budgetMs: 10_000 } });
    expect((await session.fetch('/me')).status).toBe(503);
    expect(requests('/me')).toHaveLength(2);
  });

  test('an answer above the limit is a body_too_large', async () => {
    const session = await signedIn({ maxBodyBytes: 10 });
    await expect(session.fetch('/me')).rejects.toMatchObject({ code: 'body_too_large' });
  });

  test('a request takes no longer than the settings say', async () => {
    reply = () => {};
    const session = await signedIn({ requestTimeoutMs: 200 });
    await expect(session.fetch('/me')).rejects.toMatchObject({ code: 'timeout' });
  });

  test('a session that only reads neither signs in nor out', async () => {
    const session = open({ readOnly: true, store: { type: 'file', path: path.join(folder, 'read') } });
    await expect(session.signIn({ email: 'a' })).rejects.toMatchObject({ code: 'read_only' });
  });

  test('a session ends when it has lasted as long as it may', async () => {
    const session = await signedIn({ absoluteLifetimeMs: 100 });
    const ended = await new Promise((resolve) => session.on('signed_out', resolve));
    expect(ended).toEqual({ type: 'signed_out', reason: 'lifetime_exceeded' });
  });

  test('origins for development get the token', async () => {
    const session = await signedIn({ allowLoopback: false, developmentOrigins: [server.url] });
    expect((await session.fetch('/me')).status).toBe(200);
  });
});

/** Each platform knows its own store, and not the other's. */
const platformStores: Record<typeof nativeHalf, [string, object][]> = {
  kotlin: [
    ['store.type', { store: { type: 'keychain' } }],
    ['store.strongBox', { store: { type: 'keystore', strongBox: 'yes' } }],
    ['store.userAuthenticationMs', { store: { type: 'keystore', userAuthenticationMs: -1 } }],
  ],
  swift: [
    ['store.type', { store: { type: 'keystore' } }],
    ['store.accessGroup', { store: { type: 'keychain', accessGroup: 1 } }],
    ['store.appGroup', { store: { type: 'keychain', appGroup: 'secret' } }],
    ['store.gate', { store: { type: 'keychain', gate: 'secret' } }],
    ['store.purgeAfterReinstall', { store: { type: 'keychain', purgeAfterReinstall: 'no' } }],
  ],
};

describe('a setting that cannot work is an invalid_configuration that names it', () => {
  test.each<[string, object]>([
    ['account', { account: 1 }],
    ['namespace', { namespace: [] }],
    ['endpoints', { endpoints: 'json' }],
    ['endpoints.type', { endpoints: {} }],
    ['endpoints.loginURL', { endpoints: { type: 'json', loginURL: 1 } }],
    ['endpoints.logoutURL', { endpoints: { type: 'json', logoutURL: true } }],
    ['endpoints.accessTokenAt', { endpoints: { type: 'json', accessTokenAt: 'data' } }],
    ['endpoints.login.fields', { endpoints: { type: 'json', login: { fields: 'secret' } } }],
    ['endpoints.login.headers.X-Key', { endpoints: { type: 'json', login: { headers: { 'X-Key': 1 } } } }],
    ['endpoints.terminalStatuses', { endpoints: { type: 'json', terminalStatuses: [401.5] } }],
    ['endpoints.clientId', { endpoints: { type: 'oauth2', tokenEndpoint: 'https://a.example' } }],
    ['endpoints.parameters', { endpoints: { type: 'oauth2', tokenEndpoint: 'https://a', clientId: 'c', parameters: [] } }],
    ['store', { store: 'memory' }],
    ['store.path', { store: { type: 'file' } }],
    ...platformStores[nativeHalf],
    ['developmentOrigins', { developmentOrigins: 'http://10.0.0.1' }],
    ['developmentAnchors', { developmentAnchors: [1] }],
    ['development_anchors', { developmentAnchors: ['secret'] }],
    ['idleTimeoutMs', { idleTimeoutMs: '1' }],
    ['absoluteLifetimeMs', { absoluteLifetimeMs: Number.NaN }],
    ['refreshGraceMs', { refreshGraceMs: Number.POSITIVE_INFINITY }],
    ['accessTokenInMemoryOnly', { accessTokenInMemoryOnly: 1 }],
    ['readOnly', { readOnly: 'no' }],
    ['deviceIdHeader', { deviceIdHeader: true }],
    ['maxBodyBytes', { maxBodyBytes: 1.5 }],
    ['maxBodyBytes', { maxBodyBytes: true }],
    ['maxConnectionsPerHost', { maxConnectionsPerHost: -1 }],
    ['answerRules.codes.E1', { answerRules: { codes: { E1: 'secret' } } }],
    ['retry.budgetMs', { retry: { attempts: 3 } }],
    ['pins', { pins: { host: 'a.example' } }],
    ['pins.sha256', { pins: [{ host: 'a.example' }] }],
    ['pins.host', { pins: [{ sha256: [] }] }],
    ['pins', { pins: [{ host: 'a.example', sha256: ['secret'] }] }],
  ])('%s', async (name, settings) => {
    const error = await open(settings).signOut().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'AuthSessionError', code: 'invalid_configuration' });
    expect((error as Error).message).toContain(name);
    expect((error as Error).message).not.toContain('secret');
  });
});

test('settings that are equal in all parts are the same session', async () => {
  const config: AuthSessionConfig = {
    baseURL: server.url,
    account: 'the same',
    allowLoopback: true,
    endpoints: { type: 'json', login: { fields: { a: 1 }, headers: { B: '2', A: '1' } } },
    answerRules: { codes: { E1: 'pass' } },
    developmentAnchors: [],
    retry: { attempts: 2, budgetMs: 1 },
  };
  await createAuthSession(config).adopt({ accessToken: 'a0' });
  const same = createAuthSession({ ...config, account: 'the same' });
  await same.trace();
  expect(same.getState().status).toBe('signed_in');
  const other = createAuthSession({ ...config, answerRules: { codes: { E1: 'refresh' } } });
  await expect(other.signOut()).rejects.toMatchObject({ code: 'already_open' });
});
