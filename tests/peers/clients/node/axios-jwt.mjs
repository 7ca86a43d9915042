// axios-jwt as its README shows it: https://github.com/jetbridge/axios-jwt#how-do-i-use-it. It refreshes before a request
// when the clock says that the token has expired, and takes no notice of a 401. When the refresh is answered with a 401 or a
// 422, it forgets the tokens by itself.
import axiosJwt from 'axios-jwt';
import { createApp } from './app.mjs';

const { applyAuthTokenInterceptor, clearAuthTokens, getAccessToken, getRefreshToken, isLoggedIn, setAuthTokens } = axiosJwt;

export function createAxiosJwt(environment) {
  const app = createApp(environment);
  const { api, store, requestTokens, signIn, signOut } = app;

  // "You can create you own storage": the tokens stay in a variable.
  const kept = new Map();
  const storage = {
    get: async (key) => kept.get(key) ?? null,
    set: async (key, value) => void kept.set(key, value),
    remove: async (key) => void kept.delete(key),
  };
  const requestRefresh = async (refreshToken) => {
    const tokens = await requestTokens(refreshToken);
    // Both tokens where the server rotates, the access token alone where it does not.
    return tokens.refresh_token
      ? { accessToken: tokens.access_token, refreshToken: tokens.refresh_token }
      : tokens.access_token;
  };
  applyAuthTokenInterceptor(api, { requestRefresh, getStorage: () => storage });

  return {
    ...app,
    async signIn(credentials) {
      await signIn(credentials);
      await setAuthTokens({ accessToken: store.accessToken, refreshToken: store.refreshToken });
    },
    async signOut() {
      store.save({ access_token: await getAccessToken(), refresh_token: await getRefreshToken() });
      await clearAuthTokens();
      await signOut();
    },
    isSignedIn: async () => isLoggedIn(),
  };
}
