import * as Keychain from 'react-native-keychain';
import { tokensFromJSON } from './movingIn';
import type { OldPlace } from './movingIn';

// Those with which the app has written the item: with others another item is read, or none.
const options = { service: 'com.example.app.sign-in' };

export const oldKeychainItem: OldPlace = {
  async read() {
    const item = await Keychain.getGenericPassword(options);
    return item === false ? null : tokensFromJSON(item.password);
  },
  async empty() {
    if (!(await Keychain.resetGenericPassword(options))) throw new Error('the old item could not be deleted');
  },
};
