import { AuthSessionError } from './errors.ts';
import NativeAuthSession from './NativeAuthSession.ts';
import type { Spec } from './NativeAuthSession.ts';

/** The native half of this package. Throws what to do where the app was built without it. */
export function nativeModule(): Spec {
  if (NativeAuthSession == null) {
    throw new AuthSessionError(
      'not_initialized',
      'the app was built without the native module of react-native-auth-session: run `pod install` in ios/, then ' +
        'build the app anew for each platform. With Expo, make a development build: Expo Go cannot load it. In tests, ' +
        'use react-native-auth-session/mock',
    );
  }
  return NativeAuthSession;
}
