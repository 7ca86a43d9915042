// The recipe that most apps with axios contain: a flag `isRefreshing`, a queue of those who wait, `_retry` on the request.
// Our own text; the recipe is shown at
//   https://gist.github.com/Godofbrowser/bf118322301af3fc334437c683887c5f
//   https://www.techynovice.com/setting-up-JWT-token-refresh-mechanism-with-axios/
//   https://gist.github.com/bragma/f68391596de71e1bfae066be80c259dc
// Where its many versions differ, this is a careful one: the refresh goes around the interceptors (else a refused refresh
// waits for itself), the flag falls in `finally`, a request without a session is not refreshed for, and those in the queue
// are rejected when the refresh fails.
import { attachToken, createApp } from './app.mjs';

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
      // "The refresh failed, so the user has to sign in again": in every version of the recipe.
      store.clear();
      throw refreshError;
    } finally {
      isRefreshing = false;
    }
  });
  return app;
}
