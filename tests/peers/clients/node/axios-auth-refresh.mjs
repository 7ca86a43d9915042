// axios-auth-refresh as its README shows it: https://github.com/Flyrell/axios-auth-refresh#usage, with the request
// interceptor of https://github.com/Flyrell/axios-auth-refresh#request-interceptor.
import { createAuthRefresh } from 'axios-auth-refresh';
import { attachToken, createApp, hasEnded } from './app.mjs';

/** `options` are those of https://github.com/Flyrell/axios-auth-refresh#available-options. */
export function createAxiosAuthRefresh(environment, options) {
  const app = createApp(environment);
  const { api, store } = app;
  attachToken(app);

  const refreshAuthLogic = async (failedRequest) => {
    // The README leaves open what happens without a session and when the refresh fails.
    if (!store.refreshToken) {
      throw failedRequest;
    }
    try {
      store.save(await app.requestTokens(store.refreshToken));
    } catch (error) {
      if (hasEnded(error)) {
        store.clear();
      }
      throw error;
    }
    failedRequest.response.config.headers.Authorization = `Bearer ${store.accessToken}`;
  };
  createAuthRefresh(api, refreshAuthLogic, options);
  return app;
}
