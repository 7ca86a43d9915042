import { createHash, randomBytes } from 'node:crypto';

/** Cookies of one origin by name, which is all a browser has to keep here. */
class Cookies {
  #values = new Map();

  keep(response) {
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      if (value === '') this.#values.delete(name);
      else this.#values.set(name, value);
    }
  }

  toString() {
    return [...this.#values].map(([name, value]) => `${name}=${value}`).join('; ');
  }
}

/**
 * Walks through sign-in and consent as a person with a browser would, and returns the URL that the authorization
 * server finally sends to the app.
 */
export async function browse(authorizationUrl, { redirectUri, account }) {
  const cookies = new Cookies();
  const visit = async (url, options = {}) => {
    const response = await fetch(url, { ...options, redirect: 'manual', headers: { cookie: String(cookies) } });
    cookies.keep(response);
    return response;
  };

  let url = new URL(authorizationUrl);
  // Two prompts with a redirect to and from each make five visits; more than ten is a loop.
  for (let visits = 0; visits < 10; visits += 1) {
    let response = await visit(url);
    if (response.ok) {
      await response.body.cancel();
      response = await visit(url, { method: 'POST', body: new URLSearchParams({ account }) });
    }
    const location = response.headers.get('location');
    await response.body?.cancel();
    if (location === null) throw new Error(`sign-in stopped at ${url.pathname} with status ${response.status}`);
    url = new URL(location, url);
    if (url.href.startsWith(redirectUri)) return url;
  }
  throw new Error('sign-in did not lead back to the app');
}

/**
 * Signs in by authorization-code flow with PKCE (S256), as a native app does, and resolves to what a session needs:
 * `{ token_endpoint, revocation_endpoint, client_id, access_token, refresh_token, expires_in }`.
 */
export async function signIn({ issuer, clientId, redirectUri, account = 'ada' }) {
  const metadata = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
  const verifier = randomBytes(32).toString('base64url');
  const state = randomBytes(16).toString('base64url');

  const authorizationUrl = new URL(metadata.authorization_endpoint);
  authorizationUrl.search = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    // The server issues a refresh token for offline access only, and that only after explicit consent.
    scope: 'openid offline_access',
    prompt: 'consent',
    state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });

  const answer = (await browse(authorizationUrl, { redirectUri, account })).searchParams;
  if (answer.has('error')) throw new Error(`the authorization server refused: ${answer.get('error')}`);
  if (answer.get('state') !== state) throw new Error('the answer belongs to another sign-in');
  if (answer.get('iss') !== metadata.issuer) throw new Error('the answer comes from another issuer');

  const response = await fetch(metadata.token_endpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: clientId,
      redirect_uri: redirectUri,
      code: answer.get('code'),
      code_verifier: verifier,
    }),
  });
  const tokens = await response.json();
  if (!response.ok) throw new Error(`the token endpoint refused the code: ${tokens.error}`);
  return {
    token_endpoint: metadata.token_endpoint,
    revocation_endpoint: metadata.revocation_endpoint,
    client_id: clientId,
    access_token: tokens.access_token,
    refresh_token: tokens.refresh_token,
    expires_in: tokens.expires_in,
  };
}
