// Stands in for @react-native-async-storage/async-storage: what a recipe calls, the same in its versions 1 to 3.
import { items, read, remove } from './items.ts';

export default {
  async getItem(key: string): Promise<string | null> {
    return read(key);
  },
  async setItem(key: string, value: string): Promise<void> {
    items.set(key, value);
  },
  async removeItem(key: string): Promise<void> {
    remove(key);
  },
};
