import AsyncStorage from '@react-native-async-storage/async-storage';
import axios from 'axios';
import * as Keychain from 'react-native-keychain';
import { config } from './config';
import { navigationRef } from './navigation';

export const api = axios.create({ baseURL: config.baseURL });

let isRefreshing = false;
let failedQueue: ((accessToken: string) => void)[] = [];

async function saveTokens(accessToken: string, refreshToken: string) {
  await AsyncStorage.setItem('access_token', accessToken);
  await Keychain.setGenericPassword('refresh_token', refreshToken);
}

async function readRefreshToken() {
  try {
    const item = await Keychain.getGenericPassword();
    return item ? item.password : null;
  } catch {
    return null;
  }
}

async function endSession() {
  await AsyncStorage.removeItem('access_token');
  await Keychain.resetGenericPassword();
  navigationRef.reset({ index: 0, routes: [{ name: 'Login' }] });
}

api.interceptors.request.use(async (request) => {
  const accessToken = await AsyncStorage.getItem('access_token');
  if (accessToken) request.headers.Authorization = `Bearer ${accessToken}`;
  return request;
});

api.interceptors.response.use(
  (response) => response,
  async (error) => {
    const request = error.config;
    if (error.response?.status !== 401 || request._retry) return Promise.reject(error);
    if (isRefreshing) {
      return new Promise((resolve) => {
        failedQueue.push((accessToken) => {
          request._retry = true;
          request.headers.Authorization = `Bearer ${accessToken}`;
          resolve(api(request));
        });
      });
    }
    isRefreshing = true;
    try {
      const refreshToken = await readRefreshToken();
      const { data } = await api.post('/auth/refresh', { refresh_token: refreshToken });
      await saveTokens(data.access_token, data.refresh_token);
      failedQueue.forEach((retry) => retry(data.access_token));
      failedQueue = [];
      return api(request);
    } catch (failure) {
      await endSession();
      return Promise.reject(failure);
    } finally {
      isRefreshing = false;
    }
  },
);

export async function signIn(credentials: { email: string; password: string }) {
  const { data } = await api.post('/auth/login', credentials);
  await saveTokens(data.access_token, data.refresh_token);
  return data.user;
}

export async function signOut() {
  const refreshToken = await readRefreshToken();
  await api.post('/auth/logout', { refresh_token: refreshToken }).catch(() => {});
  await endSession();
}
