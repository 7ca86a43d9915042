import { vi } from 'vitest';
import type { Spec } from '../../src/NativeAuthSession.ts';

/** The package as a new JavaScript runtime loads it, with `nativeModule` under it. */
export async function loadPackage(nativeModule: Spec | null): Promise<typeof import('../../src/index.ts')> {
  vi.resetModules();
  vi.doMock('react-native', () => ({ TurboModuleRegistry: { get: () => nativeModule } }));
  return import('../../src/index.ts');
}
