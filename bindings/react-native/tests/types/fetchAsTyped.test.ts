import path from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { packageRoot } from '../support/checkout.ts';

// `tsc -p tests` looks at the same file with the types of Node.js beside those of React Native.
test.each([
  ['React Native', { lib: ['lib.es2022.d.ts'] }],
  ['React Native without its strict types', { lib: ['lib.es2022.d.ts'], customConditions: [] }],
  ['Expo, which adds those of browsers', { lib: ['lib.esnext.d.ts', 'lib.dom.d.ts'], customConditions: [] }],
])('session.fetch is a fetch in the types of %s', (_, options) => {
  const config = ts.readConfigFile(path.join(packageRoot, 'tsconfig.json'), (file) => ts.sys.readFile(file));
  const { options: own } = ts.parseJsonConfigFileContent(config.config, ts.sys, packageRoot);
  const file = path.join(packageRoot, 'tests/types/fetchAsTyped.ts');
  const program = ts.createProgram([file], { ...own, ...options });
  const mistakes = ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  expect(mistakes).toEqual([]);
});
