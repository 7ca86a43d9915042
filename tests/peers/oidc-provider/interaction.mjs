import { text } from 'node:stream/consumers';

const page = /^\/interaction\/[\w-]+$/;

/**
 * Koa middleware with the pages a person sees while signing in. GET answers what is asked for, `login` or `consent`;
 * a POST of the form field `account` agrees to it.
 */
export function interactionPages(provider) {
  return async (context, next) => {
    if (!page.test(context.path)) return next();
    const { prompt, params, session } = await provider.interactionDetails(context.req, context.res);
    if (context.method === 'GET') {
      context.body = { prompt: prompt.name };
      return undefined;
    }
    if (context.method !== 'POST') return next();

    let result;
    if (prompt.name === 'login') {
      const form = new URLSearchParams(await text(context.req));
      result = { login: { accountId: form.get('account') } };
    } else {
      const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
      grant.addOIDCScope(params.scope);
      result = { consent: { grantId: await grant.save() } };
    }
    const location = await provider.interactionResult(context.req, context.res, result);
    context.status = 303;
    context.set('Location', location);
    return undefined;
  };
}
