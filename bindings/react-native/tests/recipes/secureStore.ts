import * as SecureStore from 'expo-secure-store';
import type { OldPlace } from './movingIn';

// Those with which the app has written the items: `keychainService` is a part of their name.
const options = { keychainService: 'com.example.app' };

export const oldSecureStore: OldPlace = {
  async read() {
    const accessToken = await SecureStore.getItemAsync('access_token', options);
    const refreshToken = await SecureStore.getItemAsync('refresh_token', options);
    return accessToken === null && refreshToken === null ? null : { accessToken, refreshToken };
  },
  async empty() {
    await SecureStore.deleteItemAsync('access_token', options);
    await SecureStore.deleteItemAsync('refresh_token', options);
  },
};
