import { generateKeyPairSync, randomBytes } from 'node:crypto';
import Provider from 'oidc-provider';

const day = 24 * 60 * 60;

export const clientId = 'auth-session';
export const redirectUri = 'dev.authsession:/signed-in';

/** A strict authorization server with one public native client: PKCE always, rotation always, reuse ends the grant. */
export function createProvider({ issuer, store, accessTokenSeconds }) {
  const signingKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
  const ownToken = (context, client, token) => token.clientId === client.clientId;
  return new Provider(issuer, {
    adapter: store,
    clients: [
      {
        client_id: clientId,
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        redirect_uris: [redirectUri],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    // The provider would accept tokens for 15 seconds beyond their expiry.
    clockTolerance: 0,
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: ownToken },
      revocation: { enabled: true, allowedPolicy: ownToken },
    },
    findAccount: (context, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    interactions: { url: (context, interaction) => `/interaction/${interaction.uid}` },
    jwks: { keys: [{ ...signingKey, alg: 'ES256', use: 'sig' }] },
    pkce: { required: () => true },
    responseTypes: ['code'],
    rotateRefreshToken: () => true,
    scopes: ['openid', 'offline_access'],
    ttl: {
      AccessToken: accessTokenSeconds,
      AuthorizationCode: 60,
      Grant: 14 * day,
      IdToken: 3600,
      Interaction: 600,
      RefreshToken: 14 * day,
      Session: 14 * day,
    },
  });
}
