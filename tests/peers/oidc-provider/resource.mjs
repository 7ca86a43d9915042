/** Koa middleware: `GET /api/me`, open to whoever presents an access token that is alive in the provider's store. */
export function resource(provider, counters) {
  return async (context, next) => {
    if (context.method !== 'GET' || context.path !== '/api/me') return next();
    const [, value] = /^Bearer ([\w.~+/-]+=*)$/i.exec(context.get('Authorization')) ?? [];
    const accessToken = await provider.AccessToken.find(value);
    // A token can outlive its grant in the store, never in effect.
    if (accessToken && (await provider.Grant.find(accessToken.grantId))) {
      counters.resource_ok += 1;
      context.body = { sub: accessToken.accountId };
    } else {
      counters.resource_unauthorized += 1;
      context.status = 401;
      context.set('WWW-Authenticate', 'Bearer error="invalid_token"');
      context.body = { error: 'invalid_token' };
    }
    return undefined;
  };
}
