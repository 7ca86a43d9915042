import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { packageRoot, root } from '../support/checkout.ts';
import { app, fileList, installed, tarball } from '../support/packed.ts';
import { node, programTimeoutMs } from '../support/run.ts';

vi.setConfig({ testTimeout: programTimeoutMs, hookTimeout: programTimeoutMs });

const files = JSON.parse(readFileSync(fileList, 'utf8')) as string[];
const manifest = JSON.parse(readFileSync(path.join(installed, 'package.json'), 'utf8')) as {
  readonly exports: Record<string, string | { readonly types: string; readonly default: string }>;
  readonly main: string;
  readonly types: string;
  readonly peerDependencies: Record<string, string>;
  readonly peerDependenciesMeta: Record<string, { readonly optional: boolean }>;
  readonly dependencies?: object;
};

describe('the tarball', () => {
  test('has what an app needs, and nothing else', () => {
    const allowed = [
      /^(package\.json|README\.md|LICENSE-(APACHE|MIT)|app\.plugin\.js|ReactNativeAuthSession\.podspec)$/,
      /^src\/[\w/]+\.ts$/,
      /^lib\/module\/(package\.json|[\w/]+\.js(\.map)?)$/,
      /^lib\/typescript\/(package\.json|src\/[\w/]+\.d\.ts(\.map)?)$/,
      /^plugin\/build\/\w+\.(js|d\.ts)$/,
      /^android\/(build\.gradle|src\/main\/AndroidManifest\.xml|src\/main\/java\/[\w/]+\.kt)$/,
      /^ios\/\w+\.(h|mm|swift)$/,
      /^ios\/PrivacyInfo\.xcprivacy$/,
      // What a release brings along; it is not in a checkout.
      /^(ios\/Frameworks|android\/maven)\//,
    ];
    expect(files.filter((file) => !allowed.some((pattern) => pattern.test(file)))).toEqual([]);
    for (const pattern of allowed.slice(0, -1)) expect(files.some((file) => pattern.test(file)), String(pattern)).toBe(true);
  });

  test('has both halves of the native module, and the spec that an app runs its codegen on', () => {
    expect(files).toEqual(expect.arrayContaining([
      'src/NativeAuthSession.ts',
      'ios/RNAuthSession.mm',
      'android/src/main/java/dev/authsession/reactnative/RNAuthSessionModule.kt',
    ]));
  });

  test("has the Swift library's privacy manifest, which its pod ships", () => {
    const manifestOf = (folder: string) => readFileSync(path.join(folder, 'PrivacyInfo.xcprivacy'), 'utf8');
    expect(manifestOf(path.join(installed, 'ios'))).toBe(manifestOf(path.join(root, 'ios/Sources/AuthSessionKit')));
    expect(readFileSync(path.join(installed, 'ReactNativeAuthSession.podspec'), 'utf8')).toMatch(
      /^\s*s\.resource_bundles = \{ "\w+" => \["ios\/PrivacyInfo\.xcprivacy"\] \}$/m,
    );
  });

  test('has the licences of the repository', () => {
    for (const name of ['LICENSE-APACHE', 'LICENSE-MIT']) {
      expect(readFileSync(path.join(installed, name), 'utf8')).toBe(readFileSync(path.join(root, name), 'utf8'));
    }
  });

  test('names nothing of the machine that packed it', () => {
    for (const file of files) {
      expect(readFileSync(path.join(installed, file), 'latin1'), file).not.toContain(root);
    }
  });

  test('has the source of each compiled module where its map says', () => {
    for (const map of files.filter((file) => file.endsWith('.map'))) {
      const { sources } = JSON.parse(readFileSync(path.join(installed, map), 'utf8')) as { sources: string[] };
      for (const source of sources) {
        expect(files, map).toContain(path.join(path.dirname(map), source));
      }
    }
  });
});

describe('package.json', () => {
  test('names only files that are there', () => {
    const named = [manifest.main, manifest.types, ...Object.values(manifest.exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : [entry.types, entry.default])];
    expect(named.length).toBeGreaterThan(6);
    for (const file of named) expect(files).toContain(path.normalize(file));
  });

  test('asks an app for nothing but React and React Native', () => {
    expect(manifest.dependencies).toBeUndefined();
    const required = Object.keys(manifest.peerDependencies).filter((name) => !manifest.peerDependenciesMeta[name]?.optional);
    expect(required.sort()).toEqual(['react', 'react-native']);
  });

  test('has an entry for each folder that is one', () => {
    const folders = ['axios', 'mock'].filter((name) => existsSync(path.join(packageRoot, 'src', name, 'index.ts')));
    expect(Object.keys(manifest.exports)).toEqual(expect.arrayContaining(folders.map((name) => `./${name}`)));
  });
});

test('publint has nothing to say', () => {
  const { output, status } = node(app, path.join(packageRoot, 'node_modules/publint/src/cli.js'), 'run', tarball, '--strict');
  expect(output).toContain('All good!');
  expect(status).toBe(0);
});

test('the declarations are right for every resolution of ES modules (attw)', () => {
  // `exports` of it does not name the program.
  const attw = path.join(packageRoot, 'node_modules/@arethetypeswrong/cli/dist/index.js');
  const { output, status } = node(app, attw, tarball, '--profile', 'esm-only', '--format', 'json');
  expect(status, output).toBe(0);
  const { analysis } = JSON.parse(output) as { analysis: { entrypoints: Record<string, { resolutions: object }> } };
  expect(Object.keys(analysis.entrypoints).sort()).toEqual(Object.keys(manifest.exports).sort());
});

test('the mock runs in plain Node.js', () => {
  const program = `
    import { createMockAuthSession } from 'react-native-auth-session/mock';
    const session = createMockAuthSession({ state: 'signed_in' });
    session.mock.on('GET /me').reply(200, { name: 'Ada' });
    console.log((await (await session.fetch('/me')).json()).name);
  `;
  expect(node(app, '--input-type=module', '--eval', program)).toEqual({ status: 0, output: 'Ada\n' });
});

test('without its native libraries it is not published, and what is missing is named', () => {
  const { status, output } = node(packageRoot, 'scripts/native-libraries.mjs');
  const missing = ['ios/Frameworks/AuthSessionKit.xcframework', 'android/maven/dev/authsession/auth-session'].filter(
    (place) => !existsSync(path.join(packageRoot, place)),
  );
  expect(status).toBe(missing.length > 0 ? 1 : 0);
  for (const place of missing) expect(output).toContain(place);
});

describe('what an app builds of it', () => {
  const podspec = readFileSync(path.join(installed, 'ReactNativeAuthSession.podspec'), 'utf8');
  const gradle = readFileSync(path.join(installed, 'android/build.gradle'), 'utf8');

  test('the pod takes the sources beside the framework, and not the headers in it', () => {
    expect(podspec).toContain('s.source_files = "ios/*.{h,mm,swift}"');
    expect(podspec).toContain('framework = "ios/Frameworks/AuthSessionKit.xcframework"');
    expect(podspec).toContain('s.vendored_frameworks = framework');
    expect(podspec).toMatch(/install_modules_dependencies\(s\)\nend\n$/);
  });

  test('the AAR is that of the same version, from the repository in the package', () => {
    expect(gradle).toContain('implementation "dev.authsession:auth-session:${packageJson.version}"');
    expect(gradle).toContain('forRepository { maven { url vendored } }');
    expect(gradle).toContain('def vendored = file("maven")');
  });
});
