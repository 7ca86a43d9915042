import { cpSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test, vi } from 'vitest';
import { packageRoot } from '../support/checkout.ts';
import { app } from '../support/packed.ts';
import { node, programTimeoutMs } from '../support/run.ts';

vi.setConfig({ testTimeout: programTimeoutMs, hookTimeout: programTimeoutMs });

interface Report {
  readonly testResults: ReadonlyArray<{
    readonly message: string;
    readonly assertionResults: ReadonlyArray<{ readonly title: string; readonly status: string }>;
  }>;
}

const project = path.join(app, 'jest');
let report: Report;
let said: string;

beforeAll(() => {
  cpSync(path.join(packageRoot, 'tests/apps/jest'), project, { recursive: true });
  const jest = path.join(packageRoot, 'node_modules/jest/bin/jest.js');
  const cache = path.join(app, '../jest-cache');
  said = node(project, jest, '--json', '--runInBand', `--cacheDirectory=${cache}`).output;
  report = JSON.parse(/^\{"num.*$/m.exec(said)?.[0] ?? '{"testResults":[]}') as Report;
});

// Each test there is one here: in an app of React Native's template, with the package installed.
test.each([
  'a sign-in greets the user',
  'a rejected sign-in asks again',
  'requests are answered by the route',
  'the end of the session is told with its reason',
  'its functions can be spied on',
  'the hook works on it',
])("in an app's Jest: %s", (title) => {
  const results = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  expect(results.find((result) => result.title === title)?.status, said).toBe('passed');
});

test("nothing else runs in an app's Jest", () => {
  const results = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  expect(results, said).toHaveLength(6);
});
