import { clientId, redirectUri } from './provider.mjs';
import { signIn } from './sign-in.mjs';

/** Koa middleware: what a test may ask of the server, under `/control`. */
export function control(provider, store, counters) {
  const commands = {
    'GET /control/counters': () => counters,
    'POST /control/expire-access-tokens': () => {
      store('AccessToken').clear();
      return {};
    },
    'POST /control/sign-in': () => signIn({ issuer: provider.issuer, clientId, redirectUri }),
  };
  return async (context, next) => {
    const command = commands[`${context.method} ${context.path}`];
    if (!command) return next();
    context.body = await command();
    return undefined;
  };
}
