import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

function findRoot(): string {
  let folder = fileURLToPath(new URL('.', import.meta.url));
  while (!existsSync(path.join(folder, 'tests/scenarios'))) {
    const parent = path.dirname(folder);
    if (parent === folder) throw new Error('no folder above holds tests/scenarios; set AUTHSESSION_ROOT');
    folder = parent;
  }
  return folder;
}

/** The checkout. */
export const root = process.env['AUTHSESSION_ROOT'] ?? findRoot();

/** What was built. */
export const target = process.env['CARGO_TARGET_DIR'] ?? path.join(root, 'target');

/** This package. */
export const packageRoot = fileURLToPath(new URL('../..', import.meta.url));

/** What `npm run codegen` was told to write. */
export const codegen = path.join(target, 'react-native/codegen');
