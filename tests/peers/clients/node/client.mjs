// `node client.mjs NAME ARGUMENTS-JSON`: a driven client; tests/peers/README.md has the protocol.
import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { createInterface } from 'node:readline';
import { createAxiosAuthRefresh } from './axios-auth-refresh.mjs';
import { createAxiosJwt } from './axios-jwt.mjs';
import { createAxiosRecipe } from './axios-recipe.mjs';
import { load } from './load.mjs';

const clients = {
  'axios-recipe': { create: createAxiosRecipe, packages: ['axios'] },
  'axios-auth-refresh': { create: createAxiosAuthRefresh, packages: ['axios', 'axios-auth-refresh'] },
  'axios-auth-refresh-no-dedupe': {
    create: (environment) => createAxiosAuthRefresh(environment, { deduplicateRefresh: false }),
    packages: ['axios', 'axios-auth-refresh'],
  },
  'axios-jwt': { create: createAxiosJwt, packages: ['axios', 'axios-jwt'] },
};

const [name, text] = process.argv.slice(2);
if (!Object.hasOwn(clients, name ?? '') || !text) {
  console.error(`usage: client.mjs NAME ARGUMENTS-JSON, where NAME is one of ${Object.keys(clients).join(', ')}`);
  process.exit(2);
}
const { create, packages } = clients[name];
const { root_certificate: rootCertificate, ...urls } = JSON.parse(text);
const httpsAgent = rootCertificate && new Agent({ ca: readFileSync(rootCertificate), keepAlive: true });
const app = create({ urls, httpsAgent });

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** An axios error that holds a response is an answer, unless that response, a success, could not be read to its end. */
async function settle(request) {
  try {
    return { status: (await request).status };
  } catch (error) {
    const status = error.response?.status ?? 200;
    return status >= 300 ? { status } : { error: error.code ?? error.name ?? 'error' };
  }
}

/** The controllers of requests that have begun, by the command that began them. */
const underWay = new Map();

const commands = {
  async sign_in({ id, email, password }) {
    await app.signIn({ email, password });
    say({ id, done: true });
  },
  async requests({ id, path, method, body, count }) {
    const controller = new AbortController();
    const { signal } = controller;
    underWay.set(id, controller);
    const send = () => app.api.request({ url: path, method, data: body ?? undefined, signal });
    await Promise.all(Array.from({ length: count }, async () => say({ id, ...(await settle(send())) })));
    underWay.delete(id);
  },
  // As https://axios.rest/pages/advanced/cancellation has it.
  async cancel({ id, of }) {
    underWay.get(of)?.abort();
    say({ id, done: true });
  },
  async sign_out({ id }) {
    await app.signOut();
    say({ id, done: true });
  },
  // axios has no notion of it.
  async network_changed({ id }) {
    say({ id, done: true });
  },
  async state({ id }) {
    say({ id, signed_in: await app.isSignedIn() });
  },
  async load({ id, ...what }) {
    say({ id, ...(await load(app.api, what)) });
  },
};

const version = (name) =>
  JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;
const versions = Object.fromEntries(packages.map((name) => [name, version(name)]));
say({ ready: true, client: name, versions: { ...versions, node: process.versions.node } });

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const command = JSON.parse(line);
  const obey = Object.hasOwn(commands, command.do ?? '') ? commands[command.do] : undefined;
  if (!obey) {
    say({ id: command.id, error: 'unknown command' });
    return;
  }
  obey(command).catch((error) => say({ id: command.id, error: error.code ?? error.name ?? 'error' }));
});
// A parent that dies takes the client along.
lines.on('close', () => process.exit(0));
