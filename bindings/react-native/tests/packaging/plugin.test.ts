import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ExportedConfig } from '@expo/config-plugins';
import { packageRoot, root } from '../support/checkout.ts';
import { app } from '../support/packed.ts';

// The copy that the plugin itself is given; another one would have another history of what has run.
const require = createRequire(import.meta.url);
const { compileModsAsync, withPlugins } =
  require('@expo/config-plugins') as typeof import('@expo/config-plugins');
const { default: plist } = require('@expo/plist') as { default: { parse(text: string): Record<string, unknown> } };

let project: string;
const warnings = vi.spyOn(console, 'warn').mockImplementation(() => {});

beforeEach(() => {
  project = mkdtempSync(path.join(tmpdir(), 'authsession-expo-'));
  cpSync(path.join(packageRoot, 'tests/apps/expo'), project, { recursive: true });
  symlinkSync(path.join(app, 'node_modules'), path.join(project, 'node_modules'));
  warnings.mockClear();
});

afterEach(() => rmSync(project, { recursive: true }));

/** What `expo prebuild` does with the plugins of an app's config, once. */
async function prebuild(...plugins: unknown[]): Promise<void> {
  const config = { name: 'App', slug: 'app', _internal: { projectRoot: project } } as unknown as ExportedConfig;
  const used = withPlugins(config, plugins as Parameters<typeof withPlugins>[1]);
  await compileModsAsync(used, { projectRoot: project, platforms: ['android', 'ios'], assertMissingModProviders: false });
}

const withOptions = (options?: unknown) => ['react-native-auth-session', options];
const source = (...file: string[]) => readFileSync(path.join(project, ...file), 'utf8');
const manifest = () => source('android/app/src/main/AndroidManifest.xml');
const infoPlist = () => plist.parse(source('ios/App/Info.plist'));
const entitlements = () => plist.parse(source('ios/App/App.entitlements'));
const everything = () =>
  readdirSync(project, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort()
    .map((file) => [file, readFileSync(file, 'utf8')]);

test("the README's config is one that the plugin takes", async () => {
  const [, json = ''] = /^```json\n([^]*?)^```$/m.exec(readFileSync(path.join(packageRoot, 'README.md'), 'utf8')) ?? [];
  const { expo } = JSON.parse(json) as { expo: { plugins: unknown[] } };
  await prebuild(...expo.plugins);
  expect(manifest()).toContain('@xml/auth_session_backup_rules');
  expect(infoPlist()['NSFaceIDUsageDescription']).toBe('To open your account');
  expect(entitlements()['keychain-access-groups']).toHaveLength(2);
});

test('without options nothing is changed', async () => {
  const before = everything();
  await prebuild('react-native-auth-session');
  await prebuild(withOptions({}));
  expect(everything()).toEqual(before);
});

describe('keychainAccessGroups', () => {
  test("the app's own group stays the first, and the team's prefix goes before the others", async () => {
    await prebuild(withOptions({ keychainAccessGroups: ['com.example.shared', 'ABCDE12345.com.example.other'] }));
    expect(entitlements()['keychain-access-groups']).toEqual([
      '$(AppIdentifierPrefix)$(CFBundleIdentifier)',
      '$(AppIdentifierPrefix)com.example.shared',
      'ABCDE12345.com.example.other',
    ]);
    expect(source('ios/App.xcodeproj/project.pbxproj')).toContain('CODE_SIGN_ENTITLEMENTS = App/App.entitlements');
  });

  test('groups that are there stay where they are, once', async () => {
    const has = (config: ExportedConfig) => {
      config.ios = { entitlements: { 'keychain-access-groups': ['$(AppIdentifierPrefix)com.example.shared', 'x.y'] } };
      return config;
    };
    await prebuild(has, withOptions({ keychainAccessGroups: ['com.example.shared', '$(AppIdentifierPrefix)com.example.new'] }));
    expect(entitlements()['keychain-access-groups']).toEqual([
      '$(AppIdentifierPrefix)com.example.shared',
      'x.y',
      '$(AppIdentifierPrefix)com.example.new',
    ]);
  });
});

test('faceIDPermission is what iOS shows, and what else is in the Info.plist stays', async () => {
  await prebuild(withOptions({ faceIDPermission: 'To open your account & notes' }));
  expect(infoPlist()).toEqual({
    CFBundleIdentifier: '$(PRODUCT_BUNDLE_IDENTIFIER)',
    CFBundleName: '$(PRODUCT_NAME)',
    NSFaceIDUsageDescription: 'To open your account & notes',
  });
});

describe('excludeFromAndroidBackup', () => {
  test('names the rules of the AAR, and what else is in the manifest stays', async () => {
    await prebuild(withOptions({ excludeFromAndroidBackup: true }));
    expect(manifest()).toContain(
      '<application android:name=".MainApplication" android:label="App" android:allowBackup="true" '
      + 'android:dataExtractionRules="@xml/auth_session_data_extraction_rules" '
      + 'android:fullBackupContent="@xml/auth_session_backup_rules">',
    );
    expect(manifest()).toContain('android.intent.category.LAUNCHER');
    for (const [, name] of manifest().matchAll(/@xml\/(\w+)/g)) {
      expect(readdirSync(path.join(root, 'android/src/main/res/xml'))).toContain(`${name}.xml`);
    }
  });

  test('rules of the app stay, and it is warned', async () => {
    const file = path.join(project, 'android/app/src/main/AndroidManifest.xml');
    writeFileSync(file, manifest().replace('<application ', '<application android:fullBackupContent="@xml/mine" '));
    await prebuild(withOptions({ excludeFromAndroidBackup: true }));
    expect(manifest()).toContain('android:fullBackupContent="@xml/mine"');
    expect(manifest()).toContain('android:dataExtractionRules="@xml/auth_session_data_extraction_rules"');
    expect(warnings.mock.calls).toEqual([[expect.stringMatching(/android:fullBackupContent names rules already/)]]);
  });

  test('false names none', async () => {
    await prebuild(withOptions({ excludeFromAndroidBackup: false }));
    expect(manifest()).not.toContain('@xml/');
  });
});

test('a second run, and a second entry in the config, change nothing more', async () => {
  const options = withOptions({
    keychainAccessGroups: ['com.example.shared'],
    faceIDPermission: 'To open your account',
    excludeFromAndroidBackup: true,
  });
  await prebuild(options);
  const once = everything();
  expect(once.length).toBeGreaterThan(4);
  await prebuild(options, options);
  expect(everything()).toEqual(once);
  expect(warnings).not.toHaveBeenCalled();
});

test.each<[unknown, RegExp]>([
  ['com.example.shared', /the options must be an object/],
  [[], /the options must be an object/],
  [{ keychainAccessGroup: 'com.example.shared' }, /keychainAccessGroup must be one of the options keychainAccessGroups,/],
  [{ keychainAccessGroups: 'com.example.shared' }, /keychainAccessGroups must be a list/],
  [{ keychainAccessGroups: ['a.b', 5] }, /keychainAccessGroups\[1\] must be an access group/],
  [{ keychainAccessGroups: ['a b'] }, /keychainAccessGroups\[0\] must be an access group/],
  [{ keychainAccessGroups: [''] }, /keychainAccessGroups\[0\] must be an access group/],
  [{ faceIDPermission: ' ' }, /faceIDPermission must be a text/],
  [{ faceIDPermission: true }, /faceIDPermission must be a text/],
  [{ excludeFromAndroidBackup: 'yes' }, /excludeFromAndroidBackup must be true or false/],
])('the options %j are refused by name', async (options, message) => {
  await expect(prebuild(withOptions(options))).rejects.toThrow(message);
});
