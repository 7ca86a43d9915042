import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { redirectUri } from './provider.mjs';
import { browse, signIn } from './sign-in.mjs';

async function start(...options) {
  const child = spawn(process.execPath, [fileURLToPath(new URL('server.mjs', import.meta.url)), ...options]);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => { output += chunk; });
  child.stderr.setEncoding('utf8').on('data', (chunk) => { output += chunk; });
  const [line] = await once(createInterface(child.stdout), 'line');
  return {
    ...JSON.parse(line),
    line,
    async stop() {
      child.stdin.end();
      const [code] = await once(child, 'close');
      return { code, output };
    },
  };
}

let server;
before(async () => { server = await start(); });
after(() => server.stop());

const post = (url, form) => fetch(url, { method: 'POST', body: new URLSearchParams(form) });

async function controlCommand(command, method = 'POST') {
  const response = await fetch(`${server.control_url}/${command}`, { method });
  assert.equal(response.status, 200);
  return response.json();
}

const signedIn = () => controlCommand('sign-in');

/** The counters that `action` moved, and by how much. */
async function counted(action) {
  const earlier = await controlCommand('counters', 'GET');
  await action();
  const later = await controlCommand('counters', 'GET');
  const moved = Object.keys(later).filter((name) => later[name] !== earlier[name]);
  return Object.fromEntries(moved.map((name) => [name, later[name] - earlier[name]]));
}

async function refresh(refreshToken, more = {}) {
  const form = { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: server.client_id, ...more };
  const response = await post(server.token_endpoint, form);
  return { status: response.status, ...(await response.json()) };
}

async function assertInvalidGrant(refreshToken) {
  const answer = await refresh(refreshToken);
  assert.equal(answer.status, 400);
  assert.equal(answer.error, 'invalid_grant');
}

async function me(accessToken, resource = server.resource) {
  const response = await fetch(resource, { headers: { authorization: `Bearer ${accessToken}` } });
  const challenge = response.headers.get('www-authenticate');
  return { status: response.status, challenge, body: await response.json() };
}

async function assertOpens(accessToken) {
  assert.deepEqual(await me(accessToken), { status: 200, challenge: null, body: { sub: 'ada' } });
}

async function assertUnauthorized(accessToken) {
  const { status, challenge } = await me(accessToken);
  assert.deepEqual({ status, challenge }, { status: 401, challenge: 'Bearer error="invalid_token"' });
}

/** The answer to an authorization request whose parameters are the valid ones but for `changes`. */
async function authorize(changes) {
  const url = new URL('/auth', server.issuer);
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: server.client_id,
    redirect_uri: redirectUri,
    scope: 'openid offline_access',
    prompt: 'consent',
    ...changes,
  });
  return (await browse(url, { redirectUri, account: 'ada' })).searchParams;
}

test('signing in hands over tokens that open the resource', async () => {
  const session = await signedIn();
  assert.deepEqual(Object.keys(session), [
    'token_endpoint',
    'revocation_endpoint',
    'client_id',
    'access_token',
    'refresh_token',
    'expires_in',
  ]);
  assert.equal(session.token_endpoint, server.token_endpoint);
  assert.equal(session.revocation_endpoint, server.revocation_endpoint);
  assert.equal(session.client_id, server.client_id);
  assert.equal(session.expires_in, 3600);
  await assertOpens(session.access_token);
});

test('signing in works from outside the server as well', async () => {
  const session = await signIn({ issuer: server.issuer, clientId: server.client_id, redirectUri, account: 'grace' });
  assert.deepEqual((await me(session.access_token)).body, { sub: 'grace' });
});

test('an access token that was never issued is refused with a challenge', async () => {
  await assertUnauthorized('never-issued');
});

test('every refresh rotates the refresh token', async () => {
  const session = await signedIn();
  let rotated;
  const counters = await counted(async () => {
    rotated = await refresh(session.refresh_token);
    const again = await refresh(rotated.refresh_token);
    assert.equal(new Set([session.refresh_token, rotated.refresh_token, again.refresh_token]).size, 3);
    await assertOpens(again.access_token);
  });
  assert.equal(rotated.status, 200);
  assert.equal(rotated.token_type, 'Bearer');
  assert.equal(rotated.expires_in, 3600);
  assert.deepEqual(counters, { token_requests: 2, rotations: 2, resource_ok: 1 });
});

test('a replayed refresh token is rejected and ends the whole grant, access tokens included', async () => {
  const session = await signedIn();
  const rotated = await refresh(session.refresh_token);
  await assertOpens(rotated.access_token);
  const counters = await counted(async () => {
    await assertInvalidGrant(session.refresh_token);
    await assertInvalidGrant(rotated.refresh_token);
    await assertUnauthorized(session.access_token);
    await assertUnauthorized(rotated.access_token);
  });
  assert.deepEqual(counters, { token_requests: 2, rejections: 2, grants_revoked: 1, resource_unauthorized: 2 });
});

test('reuse in one grant leaves other grants of the same person alone', async () => {
  const [stolen, untouched] = await Promise.all([signedIn(), signedIn()]);
  await refresh(stolen.refresh_token);
  await assertInvalidGrant(stolen.refresh_token);
  await assertOpens(untouched.access_token);
  assert.equal((await refresh(untouched.refresh_token)).status, 200);
});

test('of a hundred concurrent refreshes with one refresh token the first wins and the second ends the grant', async () => {
  const session = await signedIn();
  let answers;
  const counters = await counted(async () => {
    answers = await Promise.all(Array.from({ length: 100 }, () => refresh(session.refresh_token)));
  });
  const winners = answers.filter(({ status }) => status === 200);
  assert.equal(winners.length, 1);
  assert.equal(answers.filter(({ error }) => error === 'invalid_grant').length, 99);
  assert.deepEqual(counters, { token_requests: 100, rotations: 1, rejections: 99, grants_revoked: 1 });
  await assertUnauthorized(winners[0].access_token);
  await assertInvalidGrant(winners[0].refresh_token);
});

test('a consumed refresh token is still recognised after thousands of later tokens', async () => {
  const session = await signedIn();
  const rotated = await refresh(session.refresh_token);
  let other = await signedIn();
  for (let round = 0; round < 1100; round += 1) other = await refresh(other.refresh_token);
  assert.equal(other.status, 200);
  const counters = await counted(() => assertInvalidGrant(session.refresh_token));
  assert.equal(counters.grants_revoked, 1);
  await assertUnauthorized(rotated.access_token);
});

test('a hundred sessions refresh and use the resource at the same time', async () => {
  const sessions = await Promise.all(Array.from({ length: 100 }, signedIn));
  const counters = await counted(() => Promise.all(sessions.map(async (session) => {
    await assertOpens((await refresh(session.refresh_token)).access_token);
  })));
  assert.deepEqual(counters, { token_requests: 100, rotations: 100, resource_ok: 100 });
});

test('access tokens issued so far can be expired, and later ones work', async () => {
  const session = await signedIn();
  assert.deepEqual(await controlCommand('expire-access-tokens'), {});
  await assertUnauthorized(session.access_token);
  const refreshed = await refresh(session.refresh_token);
  await assertOpens(refreshed.access_token);
});

test('access tokens expire by themselves after the configured time', { timeout: 30_000 }, async () => {
  const brief = await start('--access-token-seconds', '1');
  const response = await fetch(`${brief.control_url}/sign-in`, { method: 'POST' });
  const session = await response.json();
  assert.equal(session.expires_in, 1);
  let answer;
  do answer = await me(session.access_token, brief.resource); while (answer.status === 200);
  assert.equal(answer.status, 401);
  await brief.stop();
});

test('the code flow demands PKCE with S256', async () => {
  const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
  assert.equal((await authorize({})).get('error'), 'invalid_request');
  const plain = await authorize({ code_challenge: challenge, code_challenge_method: 'plain' });
  assert.equal(plain.get('error'), 'invalid_request');

  for (const verifier of [{}, { code_verifier: 'w'.repeat(43) }]) {
    const answer = await authorize({ code_challenge: challenge, code_challenge_method: 'S256' });
    const response = await post(server.token_endpoint, {
      grant_type: 'authorization_code',
      client_id: server.client_id,
      redirect_uri: redirectUri,
      code: answer.get('code'),
      ...verifier,
    });
    assert.equal(response.status, 400);
    assert.equal((await response.json()).error, 'invalid_grant');
  }
});

test('an unknown client is refused without a look at its token', async () => {
  const session = await signedIn();
  const answer = await refresh(session.refresh_token, { client_id: 'somebody-else' });
  assert.equal(answer.status, 401);
  assert.equal(answer.error, 'invalid_client');
  assert.equal((await refresh(session.refresh_token)).status, 200);
});

test('revoking the refresh token ends the grant, and is not counted as reuse', async () => {
  const session = await signedIn();
  const counters = await counted(async () => {
    const form = { token: session.refresh_token, token_type_hint: 'refresh_token', client_id: server.client_id };
    assert.equal((await post(server.revocation_endpoint, form)).status, 200);
    await assertUnauthorized(session.access_token);
    await assertInvalidGrant(session.refresh_token);
  });
  assert.deepEqual(counters, { token_requests: 1, rejections: 1, resource_unauthorized: 1 });
});

test('revoking an unknown token succeeds', async () => {
  const form = { token: 'never-issued', client_id: server.client_id };
  assert.equal((await post(server.revocation_endpoint, form)).status, 200);
});

test('introspection tells a living token from a dead one', async () => {
  const session = await signedIn();
  const introspect = async (token) => {
    const response = await post(`${server.token_endpoint}/introspection`, { token, client_id: server.client_id });
    assert.equal(response.status, 200);
    return (await response.json()).active;
  };
  assert.equal(await introspect(session.access_token), true);
  await controlCommand('expire-access-tokens');
  assert.equal(await introspect(session.access_token), false);
  assert.equal(await introspect(session.refresh_token), true);
});

test('the server writes one line of output and no token, and leaves when its standard input closes', async () => {
  const observed = await start();
  const response = await fetch(`${observed.control_url}/sign-in`, { method: 'POST' });
  const session = await response.json();
  const replay = { grant_type: 'refresh_token', refresh_token: session.refresh_token, client_id: observed.client_id };
  const rotated = await (await post(observed.token_endpoint, replay)).json();
  assert.equal((await post(observed.token_endpoint, replay)).status, 400);
  const { code, output } = await observed.stop();
  assert.equal(code, 0);
  assert.deepEqual(output.split('\n').filter((line) => line.startsWith('{')), [observed.line]);
  for (const token of [session.access_token, session.refresh_token, rotated.access_token, rotated.refresh_token]) {
    assert.equal(output.includes(token), false);
  }
});
