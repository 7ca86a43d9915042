// The recipe that most apps with axios contain: a flag `isRefreshing`, a queue of those who wait, `_retry` on the request.
// Our own text; the recipe is that of
//   https://gist.github.com/Godofbrowser/bf118322301af3fc334437c683887c5f
// Where its many versions differ, this is a careful one: the refresh goes around the interceptors (else a refused refresh
// waits for itself), the flag falls in `finally`, and a request without a session is not refreshed for. When the refresh
// fails, the gist rejects those in the queue and does nothing else, while other versions forget the tokens at any failure.
// What that means for the user is left to the app, so it is as in all apps here (`hasEnded`).
import { attachToken, createApp, hasEnded } from './app.mjs';

export function createAxiosRecipe(environment) {
  const app = createApp(environment);
  const { api, store } = app;
  attachToken(app);

  let isRefreshing = false;
  let failedQueue = [];
  const processQueue = (error, token) => {
    const waiting = failedQueue;
    failedQueue = [];
    for (const { resolve, reject } of waiting) {
      if (error) {
        reject(error);
      } else {
        resolve(token);
      }
    }
  };

  api.interceptors.response.use(undefined, async (error) => {
    const request = error.config;
    if (error.response?.status !== 401 || request._retry || !store.refreshToken) {
      throw error;
    }
    if (isRefreshing) {
      const token = await new Promise((resolve, reject) => {
        failedQueue.push({ resolve, reject });
      });
      request.headers.Authorization = `Bearer ${token}`;
      return api(request);
    }
    request._retry = true;
    isRefreshing = true;
    try {
      store.save(await app.requestTokens(store.refreshToken));
      processQueue(null, store.accessToken);
      request.headers.Authorization = `Bearer ${store.accessToken}`;
      return api(request);
    } catch (refreshError) {
      processQueue(refreshError, null);
      if (hasEnded(refreshError)) {
        store.clear();
      }
      throw refreshError;
    } finally {
      isRefreshing = false;
    }
  });
  return app;
}
