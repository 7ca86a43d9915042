import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AuthSessionConfig } from '../../src/index.ts';
import { Authority, credentials } from '../support/authority.ts';
import type { Realm } from '../support/authority.ts';
import { Jvm } from '../support/jvm.ts';
import { loadPackage } from '../support/package.ts';

let jvm: Jvm;
let authority: Authority;
let realm: Realm;
let config: AuthSessionConfig;

beforeEach(async () => {
  jvm = new Jvm();
  authority = await Authority.start();
  realm = await authority.realm();
  config = { baseURL: realm.apiURL, allowLoopback: true };
});

afterEach(async () => {
  expect(jvm.crashes).toEqual([]);
  await jvm.stop();
  await authority.stop();
});

/** A new JavaScript runtime in the same process. */
async function load() {
  return loadPackage(await jvm.module());
}

test('after a reload of JavaScript the same session is found, still signed in, with its events', async () => {
  await (await load()).createAuthSession(config).signIn(credentials);
  await jvm.reload();

  const session = (await load()).createAuthSession(config);
  const events: string[] = [];
  session.on('refreshed', ({ type }) => events.push(type));
  const signedOut = new Promise<void>((resolve) => {
    session.on('signed_out', ({ type }) => {
      events.push(type);
      resolve();
    });
  });
  await realm.command('expire_access_tokens');
  expect((await session.fetch('/me')).status).toBe(200);
  expect(session.getState()).toMatchObject({ status: 'signed_in', subject: 'u1' });
  await session.signOut();
  await signedOut;
  expect(events).toEqual(['refreshed', 'signed_out']);
  expect(await realm.counters()).toMatchObject({ logins: 1, refreshes: 1 });
});

test('a reload drops the requests of the old JavaScript, and not the refresh that they had caused', async () => {
  const before = (await load()).createAuthSession(config);
  await before.signIn(credentials);
  await realm.command('expire_access_tokens');
  await realm.command('hold', { endpoint: 'refresh', when: 'after' });
  let settled = false;
  before.fetch('/me').then(
    () => (settled = true),
    () => (settled = true),
  );
  await realm.command('await_held', { endpoint: 'refresh', count: 1 });
  await jvm.reload();

  const after = (await load()).createAuthSession(config);
  const refreshed = new Promise<void>((resolve) => after.on('refreshed', () => resolve()));
  const response = after.fetch('/me');
  await realm.command('await_counter', { counter: 'resource_unauthorized', at_least: 2 });
  await realm.command('release', { endpoint: 'refresh' });
  expect((await response).status).toBe(200);
  await refreshed;
  expect(settled).toBe(false);
  expect(await realm.counters()).toMatchObject({ refreshes: 1, reuse_detected: 0, resource_ok: 1 });
});

test('nothing is emitted to the JavaScript that a reload has ended, however much is under way', async () => {
  await (await load()).createAuthSession(config).signIn(credentials);
  const sessionId = await jvm.call('open', config);
  for (let count = 0; count < 300; count += 1) {
    const request = { method: 'GET', url: '/me', reportDownload: true };
    // Those that the reload ends are never settled, until the process ends.
    jvm.call('request', sessionId, `${count}`, request).catch(() => {});
  }
  await jvm.hasReceived('onProgress');
  await jvm.reload();

  expect((await (await load()).createAuthSession(config).fetch('/me')).status).toBe(200);
  expect(jvm.crashes).toEqual([]);
});

test('the clients of a JavaScript that has ended do not count any more', async () => {
  await (await load()).createAuthSession(config).signIn(credentials);
  for (let start = 0; start < 2; start += 1) {
    const sessionId = await jvm.call('open', config);
    for (let count = 0; count < 64; count += 1) {
      // Another header each time, as one that carries the time of the start.
      const headers = [{ name: 'X-Start', value: `${start}-${count}` }];
      await jvm.call('client', sessionId, { baseURL: realm.apiURL, headers });
    }
    await jvm.reload();
  }
});

test('events that come before JavaScript has attached do no harm, and the later ones arrive', async () => {
  await jvm.reload();
  const sessionId = await jvm.call('open', config);
  await jvm.call('signIn', sessionId, JSON.stringify(credentials));
  await jvm.call('request', sessionId, '1', { method: 'GET', url: '/me' });

  const session = (await load()).createAuthSession(config);
  const signedOut = new Promise((resolve) => session.on('signed_out', resolve));
  await session.signOut();
  expect(await signedOut).toEqual({ type: 'signed_out', reason: 'user' });
});
