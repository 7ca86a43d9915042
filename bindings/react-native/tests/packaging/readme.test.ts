import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { packageRoot } from '../support/checkout.ts';
import { app } from '../support/packed.ts';
import { node, programTimeoutMs } from '../support/run.ts';

vi.setConfig({ testTimeout: programTimeoutMs, hookTimeout: programTimeoutMs });

const page = readFileSync(path.join(packageRoot, 'README.md'), 'utf8');
const blocks = Array.from(page.matchAll(/^```(\w+)\n([^]*?)^```$/gm), ([, language = '', code = '']) => ({ language, code }));
const snippets = blocks
  .filter(({ language }) => language === 'ts' || language === 'tsx')
  .map((block, index) => ({ ...block, file: `snippet${index + 1}.tsx` }));

describe('the TypeScript of the README', () => {
  const project = path.join(app, 'readme');
  let said: string;

  beforeAll(() => {
    rmSync(project, { recursive: true, force: true });
    cpSync(path.join(packageRoot, 'tests/apps/readme'), project, { recursive: true });
    for (const { file, code } of snippets) writeFileSync(path.join(project, file), code);
    said = node(project, path.join(packageRoot, 'node_modules/typescript/bin/tsc'), '-p', '.').output;
  });

  test.each(snippets)('$file compiles against the installed package', ({ file, code }) => {
    expect(said.split('\n').filter((line) => line.startsWith(file)), code).toEqual([]);
  });

  test('is all there is to compile', () => {
    expect(snippets.length).toBeGreaterThan(7);
    expect(said).toBe('');
  });
});

test('its configuration of Jest is the one that is tested', () => {
  const tested = readFileSync(path.join(packageRoot, 'tests/apps/jest/jest.config.js'), 'utf8');
  const shown = blocks.find(({ language }) => language === 'js')?.code;
  expect(shown).toBe(tested.replace(/^ *\/\/.*\n/gm, ''));
});
