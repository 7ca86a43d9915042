import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const storage = (name: string) => fileURLToPath(new URL(`tests/support/storage/${name}.ts`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: {
      // Before the other one, which stands for everything that begins with its name.
      'react-native-auth-session/axios': fileURLToPath(new URL('src/axios/index.ts', import.meta.url)),
      'react-native-auth-session': fileURLToPath(new URL('src/index.ts', import.meta.url)),
      'react-native-keychain': storage('reactNativeKeychain'),
      'expo-secure-store': storage('expoSecureStore'),
      '@react-native-async-storage/async-storage': storage('asyncStorage'),
    },
  },
  test: {
    include: ['tests/**/*.test.ts'],
    // The end-to-end files each run a JVM and a server, which on a small machine would slow each other down.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
