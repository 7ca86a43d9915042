import AsyncStorage from '@react-native-async-storage/async-storage';
import type { OldPlace } from './movingIn';

export const oldAsyncStorage: OldPlace = {
  async read() {
    const accessToken = await AsyncStorage.getItem('access_token');
    const refreshToken = await AsyncStorage.getItem('refresh_token');
    return accessToken === null && refreshToken === null ? null : { accessToken, refreshToken };
  },
  async empty() {
    await AsyncStorage.removeItem('access_token');
    await AsyncStorage.removeItem('refresh_token');
  },
};
