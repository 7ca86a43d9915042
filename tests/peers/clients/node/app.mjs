// What an app has around its axios instance, whichever library refreshes for it.
import axios from 'axios';
import { TokenStore } from './token-store.mjs';

/**
 * An app without anything that refreshes: `api` carries the access token.
 *
 * The request interceptor is the one of https://axios.rest/pages/advanced/interceptors and of every guide, among them
 * https://github.com/Flyrell/axios-auth-refresh#request-interceptor.
 */
export function createApp({ urls, httpsAgent }) {
  const store = new TokenStore();
  const api = axios.create({ baseURL: urls.api_url, httpsAgent });
  // For the token endpoints: without the interceptors, so that a refresh does not wait for itself.
  const plain = axios.create({ httpsAgent });

  const app = {
    api,
    store,
    urls,
    async signIn(credentials) {
      const { data } = await plain.post(urls.login_url, credentials);
      store.save(data);
    },
    // Who signs out is signed out at once, whether the server hears of it or not.
    async signOut() {
      const { accessToken, refreshToken } = store;
      if (!refreshToken) {
        return;
      }
      store.clear();
      try {
        const headers = { Authorization: `Bearer ${accessToken}` };
        await plain.post(urls.logout_url, { refresh_token: refreshToken }, { headers });
      } catch {
        // The tokens of the server's side expire by themselves.
      }
    },
    async isSignedIn() {
      return store.isSignedIn;
    },
    async requestTokens(refreshToken) {
      const { data } = await plain.post(urls.refresh_url, { refresh_token: refreshToken });
      return data;
    },
  };
  return app;
}

/**
 * Whether a refresh failed in such a way that the user has to sign in again: the server says that the refresh token is no
 * good. What else fails may pass.
 */
export function hasEnded(error) {
  return error.response?.status === 401;
}

/** Puts the current access token on every request. */
export function attachToken({ api, store }) {
  api.interceptors.request.use((config) => {
    if (store.accessToken) {
      config.headers.Authorization = `Bearer ${store.accessToken}`;
    }
    return config;
  });
}
