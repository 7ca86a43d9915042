import { Console } from 'node:console';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { control } from './control.mjs';
import { countEvents } from './counters.mjs';
import { interactionPages } from './interaction.mjs';
import { clientId, createProvider } from './provider.mjs';
import { resource } from './resource.mjs';
import { createStore } from './store.mjs';

// Standard output carries one line for the parent process; the provider's notices would go there too.
globalThis.console = new Console(process.stderr, process.stderr);

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    'access-token-seconds': { type: 'string', default: '3600' },
  },
});
const port = Number(values.port);
const accessTokenSeconds = Number(values['access-token-seconds']);
if (!Number.isSafeInteger(accessTokenSeconds) || accessTokenSeconds < 1) {
  throw new RangeError('--access-token-seconds takes a whole number from 1 on');
}

const server = createServer();
// Longer than any client keeps an idle connection: otherwise the server may close one just as a request goes out on it.
server.keepAliveTimeout = 10 * 60 * 1000;
server.listen(port, '127.0.0.1');
await once(server, 'listening');

const issuer = `http://127.0.0.1:${server.address().port}`;
const store = createStore();
const provider = createProvider({ issuer, store, accessTokenSeconds });
const counters = countEvents(provider);
provider.use(interactionPages(provider));
provider.use(resource(provider, counters));
provider.use(control(provider, store, counters));
server.on('request', provider.callback());

process.stdout.write(
  `${JSON.stringify({
    issuer,
    token_endpoint: provider.urlFor('token'),
    revocation_endpoint: provider.urlFor('revocation'),
    resource: `${issuer}/api/me`,
    control_url: `${issuer}/control`,
    client_id: clientId,
  })}\n`,
);

// A parent that dies takes the server along.
process.stdin.on('end', () => process.exit(0)).resume();
