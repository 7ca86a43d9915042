// Stands in for react-native-keychain 10: what a recipe calls, as its documentation describes it.
import { items, read, remove } from './items.ts';

interface Options {
  readonly service?: string;
}

interface UserCredentials {
  readonly username: string;
  readonly password: string;
  readonly service: string;
  readonly storage: string;
}

export async function getGenericPassword({ service = '' }: Options = {}): Promise<false | UserCredentials> {
  const password = read(service);
  return password === null ? false : { username: 'ada', password, service, storage: 'keychain' };
}

export async function setGenericPassword(
  _username: string,
  password: string,
  { service = '' }: Options = {},
): Promise<{ service: string; storage: string }> {
  items.set(service, password);
  return { service, storage: 'keychain' };
}

export async function resetGenericPassword({ service = '' }: Options = {}): Promise<boolean> {
  remove(service);
  return true;
}
