import AsyncStorage from '@react-native-async-storage/async-storage';
import * as Keychain from 'react-native-keychain';
import type { OldPlace } from './movingIn';

export const oldPlace: OldPlace = {
  async read() {
    const item = await Keychain.getGenericPassword();
    const accessToken = await AsyncStorage.getItem('access_token');
    const refreshToken = item === false ? null : item.password;
    return accessToken === null && refreshToken === null ? null : { accessToken, refreshToken };
  },
  async empty() {
    if (!(await Keychain.resetGenericPassword())) throw new Error('the old item could not be deleted');
    await AsyncStorage.removeItem('access_token');
  },
};
