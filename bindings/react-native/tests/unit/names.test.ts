import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot, root } from '../support/checkout.ts';

function part(file: string, pattern: RegExp): string {
  const [, found] = pattern.exec(readFileSync(file, 'utf8')) ?? [];
  if (found === undefined) throw new Error(`nothing in ${file} matches ${pattern}`);
  return found;
}

// What TypeScript knows of types is gone when they are tested, so their text is read.
test.each([
  ['Error codes', 'errors.ts', /const codes = \[([^]*?)\] as const/, /(?<=^ {2}')\w+(?=',$)/gm],
  ['Dispositions of an answer', 'fetch/response.ts', /type Disposition =([^;]*);/, /(?<=\| ')\w+(?=')/g],
  ['Reasons for being signed out', 'state.ts', /type SignOutReason =([^;]*);/, /(?<=\| ')\w+(?=')/g],
  // The last one is TypeScript's own.
  ['Events', 'events.ts', /interface SessionEvents \{([^]*?) {2}state_changed/, /(?<=^ {2})\w+(?=: \{)/gm],
  ['States', 'state.ts', /([^]*)type SessionState/, /(?<=readonly status: ')\w+(?=')/g],
])('%s: the names are those of docs/reference.md', (section, file, declaration, name) => {
  const page = part(path.join(root, 'docs/reference.md'), new RegExp(`\n## ${section}\n([^]*?)(?:\n## |$)`));
  const declared = part(path.join(packageRoot, 'src', file), declaration).match(name);
  expect(new Set(declared)).toEqual(new Set(page.match(/(?<=^\| `)\w+(?=`)/gm)));
});
