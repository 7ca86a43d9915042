import { spawnSync } from 'node:child_process';

/**
 * The longest that a program may run. On an idle machine the slowest takes a quarter of a minute; the tests of other
 * tiers may have the machine busy.
 */
export const programTimeoutMs = 240_000;

/** What a program said, and how it ended. */
export interface Outcome {
  readonly status: number | null;
  readonly output: string;
}

/** Runs a program to its end, in the environment of an app: without what Vitest sets for its own. */
export function run(program: string, directory: string, ...words: string[]): Outcome {
  const { NODE_OPTIONS: _options, NODE_ENV: _mode, VITEST: _vitest, ...env } = process.env;
  const { status, stdout, stderr, error } = spawnSync(program, words, {
    cwd: directory,
    env: { ...env, CI: '1', NO_COLOR: '1' },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    timeout: programTimeoutMs,
  });
  if (error) throw error;
  return { status, output: stdout + stderr };
}

/** The same with a program of Node.js. */
export function node(directory: string, ...words: string[]): Outcome {
  return run(process.execPath, directory, ...words);
}
