import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { codegen, packageRoot } from './support/checkout.ts';

function source(...file: string[]): string {
  return readFileSync(path.join(...file), 'utf8');
}

function only(pattern: RegExp, text: string): string {
  const [, found] = pattern.exec(text) ?? [];
  if (found === undefined) throw new Error(`nothing matches ${pattern}`);
  return found;
}

/** Objective-C methods as one line each, without the names of parameters and what does not change a type. */
function methods(objectiveC: string, end: ';' | '{'): string[] {
  return Array.from(objectiveC.matchAll(new RegExp(`^- [^;{]+(?=\\s*${end})`, 'gm')), ([method]) =>
    method
      .replace(/_Nullable|_Nonnull/g, '')
      .replace(/(:\([^)]*\))\w+/g, '$1')
      .replace(/\s+/g, ''),
  ).sort();
}

const today = codegen;
const floor = path.join(codegen, 'floor');
const methodCount = JSON.parse(source(today, 'schema.json')).modules.NativeAuthSession.spec.methods.length as number;
const shell = source(packageRoot, 'ios/RNAuthSession.mm');
const implementation = source(packageRoot, 'ios/AuthSessionImpl.swift');

describe.each([
  ["today's React Native", today],
  ['the oldest React Native that is supported', floor],
])('the codegen of %s', (_, output) => {
  const header = source(output, 'ios/RNAuthSessionSpec/RNAuthSessionSpec.h');
  const java = source(output, 'android/java/dev/authsession/reactnative/NativeAuthSessionSpec.java');

  test('asks for no Objective-C method that the shell does not implement with the same types', () => {
    const protocol = only(/@protocol NativeAuthSessionSpec ([^]*?)@end/, header);
    const required = methods(protocol, ';');
    expect(required).toHaveLength(methodCount);
    expect(methods(shell, '{')).toEqual(expect.arrayContaining(required));
  });

  test('gives the shell the base class and the member that it guards events by', () => {
    expect(header).toContain('@interface NativeAuthSessionSpecBase : NSObject');
    expect(header).toContain('EventEmitterCallback _eventEmitterCallback;');
    expect(header).toContain('- (void)emitOnEvent:(NSDictionary *)value;');
    expect(header).toContain('- (void)emitOnProgress:(NSDictionary *)value;');
  });

  test('asks for no Java method that the Kotlin module does not override', () => {
    const module = source(packageRoot, 'android/src/main/java/dev/authsession/reactnative/RNAuthSessionModule.kt');
    const required = Array.from(java.matchAll(/public abstract \w+ (\w+)\(/g), ([, name]) => name);
    expect(required).toHaveLength(methodCount);
    expect(Array.from(module.matchAll(/override fun (\w+)\(/g), ([, name]) => name)).toEqual(
      expect.arrayContaining(required),
    );
  });
});

test('both versions ask for the same Java methods, so that compiling the module against one is enough', () => {
  const declarations = (output: string) =>
    source(output, 'android/java/dev/authsession/reactnative/NativeAuthSessionSpec.java').match(/public abstract .*;/g);
  expect(declarations(today)).toEqual(declarations(floor));
});

test('every message that the Objective-C++ shell sends to Swift has a method there', () => {
  const sent = Array.from(shell.matchAll(/\[_impl ([^\]]+)\]/g), ([, message = '']) => {
    const labels = message.match(/\w+(?=:)/g);
    return labels ? labels.map((label) => `${label}:`).join('') : message;
  });
  const declared = Array.from(
    implementation.matchAll(/public func (\w+)\(([^{]*?)\)\s*(?:->[^{]+)?\{/g),
    ([, name = '', parameters = '']) => {
      // A parameter's label is its first word; the first parameter has none, and stands after the name.
      const labels = parameters.match(/(?:^|,)\s*(?:@\w+ )?(\w+)(?=[ :])/g) ?? [];
      return labels.length === 0
        ? name
        : [name, ...labels.slice(1).map((label) => label.replace(/[,\s]/g, ''))].map((label) => `${label}:`).join('');
    },
  );
  // Beside the spec's own: invalidate.
  expect(sent).toHaveLength(methodCount + 1);
  expect(declared).toEqual(expect.arrayContaining(sent));
  expect(shell).toMatch(/initWithEventHandler:[^]*progressHandler:/);
  expect(implementation).toMatch(/public init\(\s*eventHandler:[^]*?progressHandler:/);
});

test('React Native makes the Objective-C++ module on whatever thread asks for it', () => {
  expect(shell).toMatch(/^\+ \(BOOL\)requiresMainQueueSetup\s*\{\s*return NO;\s*\}/m);
});

test('the Objective-C++ module emits by no callback of C++ once it has ended', () => {
  expect(only(/^- \(void\)invalidate\s*\{([^}]*)\}/m, shell)).toMatch(
    /\[_impl invalidate\];\s*_eventEmitterCallback = nullptr;/,
  );
});

test('the oldest React Native is the same one for the codegen, the harness and the package', () => {
  const { devDependencies, peerDependencies } = JSON.parse(source(packageRoot, 'package.json'));
  const version = only(/<react-native.version>(.*)</, source(packageRoot, 'harness/pom.xml'));
  expect(devDependencies['react-native-codegen-floor']).toBe(`npm:@react-native/codegen@${version}`);
  expect(version.startsWith(peerDependencies['react-native'].replace('>=', ''))).toBe(true);
});
