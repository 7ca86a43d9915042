import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { packageRoot } from '../support/checkout.ts';
import { fakeModule, response, signedIn } from '../support/fakeModule.ts';
import { app } from '../support/packed.ts';
import { node, programTimeoutMs, run } from '../support/run.ts';

vi.setConfig({ testTimeout: programTimeoutMs, hookTimeout: programTimeoutMs });

const project = path.join(app, 'metro');
cpSync(path.join(packageRoot, 'tests/apps/metro'), project, { recursive: true });
const output = mkdtempSync(path.join(app, 'bundles-'));
afterAll(() => rmSync(output, { recursive: true }));

describe.each(['ios', 'android'])('a release bundle for %s', (platform) => {
  const bundle = path.join(output, `${platform}.js`);

  test('finds every entry of the installed package', () => {
    const metro = path.join(packageRoot, 'node_modules/metro/src/cli.js');
    const options = ['--platform', platform, '--dev', 'false', '--minify', 'false', '--config', 'metro.config.js'];
    const { output: said, status } = node(project, metro, 'build', 'main.js', '--out', bundle, ...options);
    expect(status, said).toBe(0);
    expect(existsSync(bundle)).toBe(true);
  });

  test("runs on React Native's own registry, and on nothing that not every Hermes has", async () => {
    const native = fakeModule();
    native.module.getState.mockReturnValue(signedIn);
    native.module.request.mockResolvedValue(response({ text: '{"name":"Grace"}' }));
    const asked: string[] = [];
    // Nothing else is there: no URL, no TextDecoder, no AbortController, no Buffer.
    const context = createContext({
      setTimeout,
      clearTimeout,
      __turboModuleProxy: (name: string) => {
        asked.push(name);
        return name === 'RNAuthSession' ? native.module : null;
      },
    });
    runInContext(readFileSync(bundle, 'utf8'), context, { filename: bundle });
    expect(JSON.parse(await (context['outcome'] as Promise<string>))).toEqual({
      answers: [{ name: 'Grace' }, { name: 'Ada' }, { name: 'Grace' }],
      recognised: true,
      hook: 'function',
    });
    expect(asked).toContain('RNAuthSession');
  });

  test('compiles for Hermes', () => {
    const hermesc = path.join(packageRoot, 'node_modules/hermes-compiler/hermesc', process.platform === 'darwin' ? 'osx-bin' : 'linux64-bin', 'hermesc');
    const bytecode = `${bundle}.hbc`;
    const { output: said, status } = run(hermesc, output, '-emit-binary', '-O', '-out', bytecode, bundle);
    expect(status, said).toBe(0);
    // The first eight bytes of Hermes bytecode, in the order of the machine.
    expect(readFileSync(bytecode).readBigUInt64LE(0)).toBe(0x1f1903c103bc1fc6n);
    expect(statSync(bytecode).size).toBeGreaterThan(10_000);
  });
});
