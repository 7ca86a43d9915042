import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot, root } from '../support/checkout.ts';

const page = readFileSync(path.join(packageRoot, 'README.md'), 'utf8');
const linked = Array.from(page.matchAll(/\]\((\.[^)#]*)/g), ([, link = '']) => path.join(packageRoot, link));

test('the README leads to every page about React Native', () => {
  const pages = ['docs', 'docs/guides'].flatMap((folder) =>
    readdirSync(path.join(root, folder))
      .filter((name) => name.startsWith('react-native-'))
      .map((name) => path.join(root, folder, name)),
  );
  expect(pages.length).toBeGreaterThan(3);
  expect(linked).toEqual(expect.arrayContaining(pages));
});

test('the README leads to nothing that is not there', () => {
  expect(linked.filter((file) => !existsSync(file))).toEqual([]);
});
