// Stands in for expo-secure-store 57: what a recipe calls, as its documentation describes it.
import { read, remove } from './items.ts';

interface SecureStoreOptions {
  readonly keychainService?: string;
}

export async function getItemAsync(key: string, options: SecureStoreOptions = {}): Promise<string | null> {
  return read(`${options.keychainService}/${key}`);
}

export async function deleteItemAsync(key: string, options: SecureStoreOptions = {}): Promise<void> {
  remove(`${options.keychainService}/${key}`);
}
