import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AuthSession } from '../../src/index.ts';
import { oldAsyncStorage } from '../recipes/asyncStorage.ts';
import { oldKeychainItem } from '../recipes/keychain.ts';
import { moveIn, tokensFromJSON } from '../recipes/movingIn.ts';
import { oldSecureStore } from '../recipes/secureStore.ts';
import { Authority, credentials } from '../support/authority.ts';
import type { Realm } from '../support/authority.ts';
import { packageRoot, root } from '../support/checkout.ts';
import { Jvm } from '../support/jvm.ts';
import { loadPackage } from '../support/package.ts';
import { failures, items } from '../support/storage/items.ts';

let authority: Authority;
let realm: Realm;
let folder: string;
let jvm: Jvm;

beforeAll(async () => {
  authority = await Authority.start();
});

beforeEach(async () => {
  realm = await authority.realm();
  folder = mkdtempSync(path.join(tmpdir(), 'moving-in-'));
  items.clear();
  Object.assign(failures, { reads: 0, deletions: 0 });
  jvm = new Jvm();
});

afterEach(async () => {
  expect(jvm.crashes).toEqual([]);
  await jvm.stop();
  rmSync(folder, { recursive: true });
});

afterAll(async () => {
  await authority.stop();
});

/** The session as a start of the app opens it. */
async function open(): Promise<AuthSession> {
  const { createAuthSession } = await loadPackage(await jvm.module());
  return createAuthSession({ baseURL: realm.apiURL, allowLoopback: true, store: { type: 'file', path: folder } });
}

/** Ends the app's process and starts the app again. */
async function restart(): Promise<AuthSession> {
  await jvm.stop();
  jvm = new Jvm();
  return open();
}

/** What the server gives to the app's version before this one. */
async function issueTokens(): Promise<{ accessToken: string; refreshToken: string }> {
  const answer = await fetch(`${realm.authURL}/auth/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(credentials),
  });
  const { access_token, refresh_token } = (await answer.json()) as { access_token: string; refresh_token: string };
  return { accessToken: access_token, refreshToken: refresh_token };
}

const recipes = [
  {
    library: 'react-native-keychain',
    old: oldKeychainItem,
    keep: (tokens: object) => items.set('com.example.app.sign-in', JSON.stringify(tokens)),
  },
  {
    library: 'expo-secure-store',
    old: oldSecureStore,
    keep: (tokens: { accessToken: string; refreshToken: string }) => {
      items.set('com.example.app/access_token', tokens.accessToken);
      items.set('com.example.app/refresh_token', tokens.refreshToken);
    },
  },
  {
    library: 'AsyncStorage',
    old: oldAsyncStorage,
    keep: (tokens: { accessToken: string; refreshToken: string }) => {
      items.set('access_token', tokens.accessToken);
      items.set('refresh_token', tokens.refreshToken);
    },
  },
];

describe.each(recipes)('$library', ({ old, keep }) => {
  beforeEach(async () => {
    keep(await issueTokens());
  });

  test('the user stays signed in, the old place is emptied, and the next start finds nothing to do', async () => {
    const session = await open();
    await moveIn(session, old);
    expect(session.getState()).toMatchObject({ status: 'signed_in', subject: 'u1' });
    expect(items.size).toBe(0);
    const next = await restart();
    await moveIn(next, old);
    expect((await next.fetch('/me')).status).toBe(200);
    expect(await realm.counters()).toMatchObject({ logins: 1, refreshes: 0 });
  });

  test('ended before the old place is emptied, the next start sends none of its tokens again', async () => {
    const session = await open();
    failures.deletions = 1;
    await expect(moveIn(session, old)).rejects.toThrow('it cannot be deleted now');
    // From now on the old tokens are worse than useless: a strict server ends the session when it sees them again.
    await realm.command('expire_access_tokens');
    expect((await session.fetch('/me')).status).toBe(200);
    const next = await restart();
    await moveIn(next, old);
    expect(items.size).toBe(0);
    await realm.command('expire_access_tokens');
    expect((await next.fetch('/me')).status).toBe(200);
    expect(await realm.counters()).toMatchObject({ refreshes: 2, reuse_detected: 0 });
  });

  test('ended in the middle of the import, the next start completes it', async () => {
    const ended = moveIn(await open(), old).catch(() => {});
    const next = await restart();
    await ended;
    await moveIn(next, old);
    expect(next.getState()).toMatchObject({ status: 'signed_in' });
    expect(items.size).toBe(0);
    expect((await next.fetch('/me')).status).toBe(200);
  });

  test('a user who has signed out in the meantime is not signed in again', async () => {
    const session = await open();
    failures.deletions = 1;
    await expect(moveIn(session, old)).rejects.toThrow();
    await session.signOut();
    const next = await restart();
    await moveIn(next, old);
    expect(next.getState()).toEqual({ status: 'signed_out', reason: 'user' });
    expect(items.size).toBe(0);
  });

  test('an old place that cannot be read now is left as it is, and read at the next start', async () => {
    const before = new Map(items);
    const session = await open();
    failures.reads = 1;
    await expect(moveIn(session, old)).rejects.toThrow('it cannot be read now');
    expect(items).toEqual(before);
    await moveIn(session, old);
    expect(session.getState()).toMatchObject({ status: 'signed_in' });
  });

  test('a session that cannot be saved leaves the old place as it is', async () => {
    const before = new Map(items);
    const { createAuthSession, isAuthSessionError } = await loadPackage(await jvm.module());
    const store = { type: 'file', path: '/dev/null/sessions' } as const;
    const session = createAuthSession({ baseURL: realm.apiURL, allowLoopback: true, store });
    const failure = await moveIn(session, old).catch((error: unknown) => error);
    expect(isAuthSessionError(failure)).toBe(true);
    expect(items).toEqual(before);
  });
});

test('a refresh token alone is enough', async () => {
  const session = await open();
  const { refreshToken } = await issueTokens();
  expect(await session.importTokens({ refreshToken })).toBe(true);
  expect((await session.fetch('/me')).status).toBe(200);
  expect(await session.importTokens({ refreshToken })).toBe(false);
  await expect(session.importTokens({})).rejects.toMatchObject({ code: 'invalid_request' });
});

test('what cannot be read as JSON is not quoted', () => {
  expect(() => tokensFromJSON('secret-token')).toThrow(/^(?!.*secret)/);
});

test('the recipes of docs/moving-in.md are those that are tested here', () => {
  const page = readFileSync(path.join(root, 'docs/moving-in.md'), 'utf8');
  for (const name of ['movingIn', 'keychain', 'secureStore', 'asyncStorage']) {
    const recipe = readFileSync(path.join(packageRoot, `tests/recipes/${name}.ts`), 'utf8');
    expect(page).toContain(`\`\`\`ts\n// ${name}.ts\n${recipe}\`\`\``);
  }
});
