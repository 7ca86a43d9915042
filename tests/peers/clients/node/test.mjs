// Each client does the plain case right, so that what the scoreboard finds is not of our making.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test from 'node:test';

/** For a client to end; much longer than it takes. */
const PATIENCE_MS = 10_000;
const names = ['axios-recipe', 'axios-auth-refresh', 'axios-auth-refresh-no-dedupe', 'axios-jwt'];
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const secondsFromNow = (seconds) => Math.floor(Date.now() / 1000) + seconds;

/** A server whose first access token has expired and whose later ones are good. A refresh token works once. */
async function startServer(context) {
  const seen = { refreshes: 0, answers: [], bodies: [], logouts: [] };
  let issued = 0;
  const issue = () => {
    issued += 1;
    const exp = secondsFromNow(issued === 1 ? -60 : 3600);
    return { access_token: `${part({ alg: 'none' })}.${part({ exp, issued })}.`, refresh_token: `refresh-${issued}` };
  };
  let current;
  const answer = (path, authorization, body) => {
    if (path === '/login') {
      return [200, (current = issue())];
    }
    if (path === '/refresh') {
      seen.refreshes += 1;
      if (seen.failing) {
        return [503, {}];
      }
      const isGood = !seen.refusing && JSON.parse(body).refresh_token === current.refresh_token;
      return isGood ? [200, (current = issue())] : [401, {}];
    }
    if (path === '/logout') {
      seen.logouts.push(JSON.parse(body).refresh_token);
      return [204, undefined];
    }
    const good = issued > 1 && authorization === `Bearer ${current.access_token}`;
    seen.answers.push(good ? 200 : 401);
    seen.bodies.push(body);
    return good ? [200, { ok: true }] : [401, {}];
  };
  let arrived;
  const neverArrived = new Promise((resolve) => {
    arrived = resolve;
  });
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    if (request.url === '/never') {
      arrived();
      return;
    }
    const [status, json] = answer(request.url, request.headers.authorization, body);
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(json && JSON.stringify(json));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, seen, neverArrived };
}

async function startClient(context, name, url) {
  const urls = { api_url: url, login_url: `${url}/login`, refresh_url: `${url}/refresh`, logout_url: `${url}/logout` };
  const program = fileURLToPath(new URL('client.mjs', import.meta.url));
  const child = spawn(process.execPath, [program, name, JSON.stringify(urls)], { stdio: ['pipe', 'pipe', 'inherit'] });
  context.after(() => child.kill());
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value);
  let id = 0;
  const tell = (command) => {
    id += 1;
    child.stdin.write(`${JSON.stringify({ id, ...command })}\n`);
    return id;
  };
  const ask = async (command) => {
    const asked = tell(command);
    const { id: answered, ...answer } = await next();
    assert.equal(answered, asked);
    return answer;
  };
  return { ready: await next(), ask, tell, next, child };
}

const credentials = { email: 'a@example.com', password: 'secret' };
const get = { do: 'requests', path: '/me', method: 'GET', body: null, count: 1 };

for (const name of names) {
  test(`${name}: a token that has expired is refreshed once, and the caller gets the answer`, async (context) => {
    const { url, seen } = await startServer(context);
    const { ready, ask, child } = await startClient(context, name, url);
    assert.equal(ready.ready, true);
    assert.equal(ready.client, name);
    assert.match(ready.versions.axios, /^\d+\.\d+\.\d+$/);
    assert.equal(ready.versions.node, process.versions.node);

    assert.deepEqual(await ask({ do: 'state' }), { signed_in: false });
    assert.deepEqual(await ask({ do: 'sign_in', ...credentials }), { done: true });
    assert.deepEqual(await ask({ do: 'state' }), { signed_in: true });
    const order = { do: 'requests', path: '/orders', method: 'POST', body: 'one order', count: 1 };
    assert.deepEqual(await ask(order), { status: 200 });
    assert.equal(seen.refreshes, 1);
    assert.deepEqual(seen.bodies.at(-1), 'one order');
    assert.deepEqual(await ask(get), { status: 200 });
    assert.equal(seen.refreshes, 1);
    // axios-jwt knows before it asks.
    assert.deepEqual(seen.answers, name === 'axios-jwt' ? [200, 200] : [401, 200, 200]);

    const load = await ask({ do: 'load', path: '/me', concurrency: 2, requests: 10, warmup: 2 });
    assert.equal(load.requests, 10);
    assert.equal(load.failed, 0);
    assert.ok(load.p50_us > 0 && load.p50_us <= load.max_us);

    assert.deepEqual(await ask({ do: 'network_changed' }), { done: true });
    assert.deepEqual(await ask({ do: 'sign_out' }), { done: true });
    assert.deepEqual(seen.logouts, ['refresh-2']);
    assert.deepEqual(await ask({ do: 'state' }), { signed_in: false });
    assert.deepEqual(await ask({ do: 'dance' }), { error: 'unknown command' });
    child.stdin.end();
    assert.deepEqual(await once(child, 'exit', { signal: AbortSignal.timeout(PATIENCE_MS) }), [0, null]);
  });

  test(`${name}: a refresh that fails signs nobody out, and one that is refused does`, async (context) => {
    const { url, seen } = await startServer(context);
    const { ask } = await startClient(context, name, url);
    await ask({ do: 'sign_in', ...credentials });
    seen.failing = true;
    assert.notEqual((await ask(get)).status, 200);
    assert.deepEqual(await ask({ do: 'state' }), { signed_in: true });
    seen.failing = false;
    seen.refusing = true;
    assert.notEqual((await ask(get)).status, 200);
    assert.deepEqual(await ask({ do: 'state' }), { signed_in: false });
  });

  test(`${name}: requests that are cancelled come back at once, and others go on`, async (context) => {
    const { url, neverArrived } = await startServer(context);
    const { ask, tell, next } = await startClient(context, name, url);
    await ask({ do: 'sign_in', ...credentials });
    const requests = tell({ ...get, path: '/never' });
    await neverArrived;
    const cancel = tell({ do: 'cancel', of: requests });
    const answers = [await next(), await next()].sort((one, other) => one.id - other.id);
    assert.deepEqual(answers, [
      { id: requests, error: 'ERR_CANCELED' },
      { id: cancel, done: true },
    ]);
    assert.deepEqual(await ask(get), { status: 200 });
  });
}
