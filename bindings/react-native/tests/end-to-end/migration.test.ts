import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import axios from 'axios';
import type { AxiosInstance } from 'axios';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { AuthSession, AuthSessionConfig } from '../../src/index.ts';
import { moveIn } from '../recipes/movingIn.ts';
import { Authority, credentials } from '../support/authority.ts';
import type { Realm } from '../support/authority.ts';
import { packageRoot, root } from '../support/checkout.ts';
import { Jvm } from '../support/jvm.ts';
import { loadPackage } from '../support/package.ts';
import { ApiServer } from '../support/server.ts';

/** Longer than it takes what is still going to happen, and far shorter than for ever. */
const patienceMs = 1500;
/** For what must happen, on a busy machine, too. */
const eventuallyMs = 20_000;

interface App {
  readonly api: AxiosInstance;
  signIn(): Promise<unknown>;
  signOut(): Promise<void>;
  /** How many 401 the app itself has got; the session keeps to itself those that a refresh cures. */
  readonly refusals?: () => number;
  /** Where the app has sent its user. */
  readonly visited: readonly { name: string; params?: object }[];
}

let authority: Authority;
let realm: Realm;
let jvm: Jvm;
let accounts = 0;
/** What the device keeps; every start of the app loads a module of its own with the same in it. */
let storage: typeof import('../support/storage/items.ts');

beforeAll(async () => {
  authority = await Authority.start();
  jvm = new Jvm();
});

beforeEach(async () => {
  realm = await authority.realm();
  storage = await import('../support/storage/items.ts');
  storage.items.clear();
});

afterAll(async () => {
  expect(jvm.crashes).toEqual([]);
  await jvm.stop();
  await authority.stop();
});

/** The storage as modules that are loaded from now on see it. */
async function carryStorageOver(): Promise<void> {
  const kept = new Map(storage.items);
  storage = await import('../support/storage/items.ts');
  storage.items.clear();
  for (const [name, value] of kept) storage.items.set(name, value);
}

/** The app with the well-known recipe, as a start of its process loads it. */
async function startBefore(): Promise<App> {
  vi.resetModules();
  await carryStorageOver();
  const { config } = await import('../migration/config.ts');
  Object.assign(config, { baseURL: realm.authURL });
  const { visited } = await import('../migration/navigation.ts');
  const { api, signIn, signOut } = await import('../migration/before.ts');
  let refusals = 0;
  api.defaults.validateStatus = (status) => {
    if (status === 401) refusals += 1;
    return status >= 200 && status < 300;
  };
  return { api, signIn: () => signIn(credentials), signOut, refusals: () => refusals, visited };
}

/** The app with the session. */
async function startAfter(settings: Partial<AuthSessionConfig> = {}): Promise<App & { session: AuthSession }> {
  await loadPackage(await jvm.module());
  await carryStorageOver();
  const { config } = await import('../migration/config.ts');
  const account = `account ${(accounts += 1)}`;
  Object.assign(config, { baseURL: realm.authURL, allowLoopback: true, account, ...settings });
  const { visited } = await import('../migration/navigation.ts');
  const { api, session } = await import('../migration/after.ts');
  return { api, session, signIn: () => session.signIn(credentials), signOut: session.signOut, visited };
}

/** What has become of each request when `settling` of them have been settled, and the others had their time to be. */
async function outcomes(
  requests: readonly Promise<{ status: number }>[],
  settling = requests.length,
): Promise<(number | string)[]> {
  const ended: (number | string)[] = Array(requests.length).fill('pending');
  await new Promise<void>((resolve) => {
    let left = settling;
    const end = (index: number, outcome: number | string) => {
      ended[index] = outcome;
      if ((left -= 1) === 0) resolve();
    };
    if (left === 0) resolve();
    requests.forEach((request, index) => {
      request.then(
        ({ status }) => end(index, status),
        (error: unknown) =>
          end(index, axios.isAxiosError(error) ? `rejected: ${error.status ?? error.code}` : String(error)),
      );
    });
  });
  if (settling < requests.length) await new Promise((resolve) => setTimeout(resolve, patienceMs));
  return ended;
}

/** Sends requests whose token has expired, and has the refresh wait until all of them were refused. */
async function refusedTogether({ api, refusals }: App, count: number): Promise<Promise<{ status: number }>[]> {
  await realm.command('expire_access_tokens');
  await realm.command('hold', { endpoint: 'refresh', when: 'before' });
  const requests = Array.from({ length: count }, () => api.get('/me'));
  for (const request of requests) request.catch(() => {});
  await realm.command('await_counter', { counter: 'resource_unauthorized', at_least: count });
  await realm.command('await_held', { endpoint: 'refresh', count: 1 });
  // What the server has answered may still be on its way.
  if (refusals) await vi.waitFor(() => expect(refusals()).toBe(count), eventuallyMs);
  await realm.command('release', { endpoint: 'refresh' });
  return requests;
}

/** Two requests with an expired token, of which the first hears of it when the second has caused a refresh. */
async function lateRefusal({ api }: App): Promise<(number | string)[]> {
  await realm.command('expire_access_tokens');
  await realm.command('hold', { endpoint: 'resource', path: '/slow', when: 'after' });
  const late = api.get('/slow');
  await realm.command('await_held', { endpoint: 'resource', count: 1 });
  const early = api.get('/me');
  const first = await outcomes([early]);
  await realm.command('release', { endpoint: 'resource' });
  return [...first, ...(await outcomes([late]))];
}

/** A sign-out while the answer to a refresh is on its way. */
async function signOutDuringRefresh(app: App): Promise<{ request: Promise<{ status: number }> }> {
  await realm.command('expire_access_tokens');
  await realm.command('hold', { endpoint: 'refresh', when: 'after' });
  const request = app.api.get('/me');
  request.catch(() => {});
  await realm.command('await_held', { endpoint: 'refresh', count: 1 });
  await app.signOut();
  await realm.command('release', { endpoint: 'refresh' });
  return { request };
}

/** What another host sees of a request to it. */
async function seenElsewhere({ api }: App): Promise<(string | undefined)[]> {
  const seen: (string | undefined)[] = [];
  const elsewhere = await ApiServer.start((request, response) => {
    seen.push(request.headers.authorization);
    response.end();
  });
  await outcomes([api.get(`${elsewhere.url}/image`)]);
  await elsewhere.stop();
  return seen;
}

describe('before: the recipe', () => {
  let app: App;

  beforeEach(async () => {
    app = await startBefore();
    await app.signIn();
  });

  test('refreshes once for requests that are refused together', async () => {
    expect(await outcomes(await refusedTogether(app, 5))).toEqual([200, 200, 200, 200, 200]);
    expect(await realm.counters()).toMatchObject({ refreshes: 1 });
  });

  test('refreshes a second time when a refusal of the old token comes late', async () => {
    expect(await lateRefusal(app)).toEqual([200, 200]);
    expect(await realm.counters()).toMatchObject({ refreshes: 2 });
  });

  test('signs the user out when a refresh fails for a moment, and all requests but one never return', async () => {
    await realm.command('fault', { endpoint: 'refresh', status: 503 });
    const ended = await outcomes(await refusedTogether(app, 3), 1);
    expect(ended.sort()).toEqual(['pending', 'pending', 'rejected: 503']);
    expect(storage.items.size).toBe(0);
    expect(app.visited).toEqual([{ name: 'Login' }]);
  });

  test('returns from no request when the server rejects the refresh token, and tells nobody', async () => {
    await realm.command('revoke_refresh_tokens');
    expect(await outcomes(await refusedTogether(app, 3), 0)).toEqual(['pending', 'pending', 'pending']);
    expect(app.visited).toEqual([]);
    // And so is whatever the app asks for from now on.
    expect(await outcomes([app.api.get('/me')], 0)).toEqual(['pending']);
  });

  test('refreshes again and again when the server keeps answering 401', async () => {
    await realm.command('fault', { endpoint: 'resource', path: '/me', status: 401 });
    const request = app.api.get('/me');
    await realm.command('await_counter', { counter: 'refreshes', at_least: 20 });
    await realm.command('clear_faults');
    expect((await request).status).toBe(200);
  });

  test('signs the user out when the Keychain cannot be read now, as on a locked phone', async () => {
    await realm.command('expire_access_tokens');
    await realm.command('hold', { endpoint: 'resource', path: '/me', when: 'after' });
    const request = app.api.get('/me');
    request.catch(() => {});
    await realm.command('await_held', { endpoint: 'resource', count: 1 });
    storage.failures.reads = 1;
    await realm.command('release', { endpoint: 'resource' });
    await expect(request).rejects.toThrow();
    expect(storage.items.size).toBe(0);
    expect(app.visited).toEqual([{ name: 'Login' }]);
  });

  test('sends a used refresh token when it was ended between its two writes, and loses the session', async () => {
    await realm.command('expire_access_tokens');
    let ended: Map<string, string> | undefined;
    const { items } = storage;
    const written = vi.spyOn(items, 'set').mockImplementation((name, value) => {
      // The refresh token is the second of them.
      if (name !== 'access_token') ended ??= new Map(items);
      return Map.prototype.set.call(items, name, value) as typeof items;
    });
    expect(await outcomes([app.api.get('/me')])).toEqual([200]);
    written.mockRestore();
    items.clear();
    for (const [name, value] of ended ?? []) items.set(name, value);
    const next = await startBefore();
    await realm.command('expire_access_tokens');
    expect(await outcomes([next.api.get('/me')], 0)).toEqual(['pending']);
    expect(await realm.counters()).toMatchObject({ reuse_detected: 1, active_families: 0 });
  });

  test('keeps tokens again after a sign-out during a refresh', async () => {
    await signOutDuringRefresh(app);
    expect(app.visited).toEqual([{ name: 'Login' }]);
    await vi.waitFor(() => expect([...storage.items.keys()]).toContain('access_token'), eventuallyMs);
  });

  test('shows the access token to another host', async () => {
    expect(await seenElsewhere(app)).toEqual([expect.stringMatching(/^Bearer ./)]);
  });
});

describe('after: the session', () => {
  let app: Awaited<ReturnType<typeof startAfter>>;

  beforeEach(async () => {
    app = await startAfter();
    await app.signIn();
  });

  test('refreshes once for requests that are refused together', async () => {
    expect(await outcomes(await refusedTogether(app, 5))).toEqual([200, 200, 200, 200, 200]);
    expect(await realm.counters()).toMatchObject({ refreshes: 1 });
  });

  test('refreshes once when a refusal of the old token comes late', async () => {
    expect(await lateRefusal(app)).toEqual([200, 200]);
    expect(await realm.counters()).toMatchObject({ refreshes: 1 });
  });

  test('keeps the session when the refresh fails for a moment, and every request has its answer', async () => {
    await realm.command('fault', { endpoint: 'refresh', status: 503 });
    expect(await outcomes(await refusedTogether(app, 3))).toEqual(Array(3).fill('rejected: 401'));
    expect(app.session.getState().status).toBe('signed_in');
    expect(app.visited).toEqual([]);
    await realm.command('clear_faults');
    app.session.networkChanged();
    await vi.waitFor(async () => expect(await outcomes([app.api.get('/me')])).toEqual([200]), eventuallyMs);
  });

  test('tells the user when the server rejects the refresh token, and every request has its answer', async () => {
    await realm.command('revoke_refresh_tokens');
    expect(await outcomes(await refusedTogether(app, 3))).toEqual(Array(3).fill('rejected: 401'));
    const login = [{ name: 'Login', params: { reason: 'rejected' } }];
    await vi.waitFor(() => expect(app.visited).toEqual(login), eventuallyMs);
    expect(await outcomes([app.api.get('/me')])).toEqual(['rejected: signed_out']);
  });

  test('refreshes once when the server keeps answering 401, and passes the answer on', async () => {
    await realm.command('fault', { endpoint: 'resource', path: '/me', status: 401 });
    const error: unknown = await app.api.get('/me').catch((error: unknown) => error);
    expect(error).toMatchObject({
      code: 'ERR_BAD_REQUEST',
      status: 401,
      response: { authSession: { disposition: 'refused' } },
    });
    expect(await realm.counters()).toMatchObject({ refreshes: 1 });
    expect(app.session.getState().status).toBe('signed_in');
  });

  test('says so when the store cannot be read now, and signs nobody out', async () => {
    const unreadable = await startAfter({ store: { type: 'file', path: '/dev/null/sessions' } });
    const error = await unreadable.api.get('/me').catch((error: unknown) => error);
    expect(error).toMatchObject({ code: 'store_unavailable', cause: { retryable: true, signInRequired: false } });
    expect(unreadable.visited).toEqual([]);
  });

  test('goes on with what it has saved when it is ended after a refresh', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'migration-'));
    const settings = { account: 'kept', store: { type: 'file', path: folder } } as const;
    const kept = await startAfter(settings);
    await kept.signIn();
    await realm.command('expire_access_tokens');
    expect(await outcomes([kept.api.get('/me')])).toEqual([200]);
    await jvm.stop();
    jvm = new Jvm();
    const next = await startAfter(settings);
    await realm.command('expire_access_tokens');
    expect(await outcomes([next.api.get('/me')])).toEqual([200]);
    expect(await realm.counters()).toMatchObject({ refreshes: 2, reuse_detected: 0 });
    rmSync(folder, { recursive: true });
  });

  test('stays signed out after a sign-out during a refresh', async () => {
    const { request } = await signOutDuringRefresh(app);
    expect(await outcomes([request])).toEqual([expect.stringMatching(/^rejected: /)]);
    expect(app.session.getState()).toEqual({ status: 'signed_out', reason: 'user' });
    await vi.waitFor(() => expect(app.visited).toEqual([{ name: 'Login', params: { reason: 'user' } }]), eventuallyMs);
  });

  test('tells by a request whether the session has ended, and why the next ones fail', async () => {
    const { hasEnded, why } = await import('../migration/usage.ts');
    expect(await hasEnded(app.session)).toBe(false);
    await realm.command('expire_access_tokens');
    await realm.command('revoke_refresh_tokens');
    expect(await hasEnded(app.session)).toBe(true);
    expect(await why(app.session)).toMatchObject({ code: 'signed_out', retryable: false, signInRequired: true });
  });

  test('shows nothing to another host', async () => {
    expect(await seenElsewhere(app)).toEqual([]);
  });

  test('asks for the same without a token, where the app wants that', async () => {
    const other = await ApiServer.start((request, response) => response.end(request.headers.authorization ?? 'none'));
    const elsewhere = await startAfter({ allowedOrigins: [other.url] });
    expect((await elsewhere.api.get(other.url, { authSession: { auth: 'never' } })).data).toBe('none');
    await other.stop();
  });
});

test('whoever was signed in with the recipe stays so with the session, and the old place is empty', async () => {
  await (await startBefore()).signIn();
  const folder = mkdtempSync(path.join(tmpdir(), 'migration-'));
  const { api, session } = await startAfter({ store: { type: 'file', path: folder } });
  const { oldPlace } = await import('../recipes/interceptors.ts');
  await moveIn(session, oldPlace);
  expect(storage.items.size).toBe(0);
  await realm.command('expire_access_tokens');
  expect(await outcomes([api.get('/me')])).toEqual([200]);
  expect(await realm.counters()).toMatchObject({ logins: 1, refreshes: 1, reuse_detected: 0 });
  rmSync(folder, { recursive: true });
});

const guide = path.join(root, 'docs/guides/react-native-axios.md');
const code = (file: string) => readFileSync(path.join(packageRoot, 'tests', file), 'utf8');

test.each([
  ['api.ts', 'migration/before.ts'],
  ['api.ts', 'migration/after.ts'],
  ['interceptors.ts', 'recipes/interceptors.ts'],
])('the %s of docs/guides/react-native-axios.md is %s, which is run here', (name, file) => {
  expect(readFileSync(guide, 'utf8')).toContain(`\`\`\`ts\n// ${name}\n${code(file)}\`\`\``);
});

test('all other code of the guide is from a file that compiles', () => {
  const withoutIndentation = (text: string) => text.replace(/^ +/gm, '');
  const usage = withoutIndentation(code('migration/usage.ts'));
  const blocks = [...readFileSync(guide, 'utf8').matchAll(/```ts\n((?!\/\/ )[^]*?)```/g)].map(([, block]) => block ?? '');
  expect(blocks).toHaveLength(4);
  for (const block of blocks) expect(usage).toContain(withoutIndentation(block));
});
