/** Counts what the provider does, from the events it emits itself. */
export function countEvents(provider) {
  const counters = {
    token_requests: 0,
    rotations: 0,
    rejections: 0,
    grants_revoked: 0,
    resource_ok: 0,
    resource_unauthorized: 0,
  };
  const tokenEndpoint = provider.pathFor('token');
  provider.use(async (context, next) => {
    if (context.method === 'POST' && context.path === tokenEndpoint) counters.token_requests += 1;
    await next();
  });
  provider.on('grant.success', (context) => {
    if (context.oidc.entities.RotatedRefreshToken) counters.rotations += 1;
  });
  provider.on('grant.error', (context, error) => {
    if (error.error === 'invalid_grant') counters.rejections += 1;
  });
  provider.on('grant.revoked', (context) => {
    // The token endpoint revokes a grant only when it detects reuse; the other place is the revocation endpoint.
    if (context.path === tokenEndpoint) counters.grants_revoked += 1;
  });
  return counters;
}
