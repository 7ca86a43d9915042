import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { packageRoot } from './support/checkout.ts';
import { node, programTimeoutMs } from './support/run.ts';

vi.setConfig({ testTimeout: programTimeoutMs, hookTimeout: programTimeoutMs });

test('ESLint finds no mistake in the sources, the tests and the scripts', () => {
  const eslint = path.join(packageRoot, 'node_modules/eslint/bin/eslint.js');
  expect(node(packageRoot, eslint, '--max-warnings=0', '.')).toEqual({ status: 0, output: '' });
});
