import path from 'node:path';
import ts from 'typescript';
import { beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../support/checkout.ts';

/** The declarations that are published, by their paths; an app of the test is beside them. */
const files = new Map<string, string>();
const app = path.join(packageRoot, 'lib/typescript/src/app.ts');
let options: ts.CompilerOptions;

beforeAll(() => {
  const { config } = ts.readConfigFile(path.join(packageRoot, 'tsconfig.build.json'), (file) => ts.sys.readFile(file));
  ({ options } = ts.parseJsonConfigFileContent(config, ts.sys, packageRoot));
  const entries = ['index.ts', 'axios/index.ts'].map((entry) => path.join(packageRoot, 'src', entry));
  const program = ts.createProgram(entries, { ...options, emitDeclarationOnly: true });
  program.emit(undefined, (file, text) => files.set(file, text));
});

/** The codes of what TypeScript finds wrong with an app that uses the published declarations so. */
function mistakes(code: string): number[] {
  files.set(
    app,
    `import type { AuthSession } from './index.ts';
    import { authSessionAdapter } from './axios/index.ts';
    declare const session: AuthSession;
    ${code}`,
  );
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (file) => files.has(file) || fileExists(file);
  host.readFile = (file) => files.get(file) ?? readFile(file);
  host.getSourceFile = (file, version) => {
    const text = files.get(file);
    return text === undefined ? getSourceFile(file, version) : ts.createSourceFile(file, text, version);
  };
  delete host.directoryExists;
  const program = ts.createProgram([app], { ...options, noEmit: true, rootDir: packageRoot }, host);
  return ts.getPreEmitDiagnostics(program).map(({ code: found }) => found);
}

test('the adapter takes a session, and a client of one', () => {
  expect(mistakes('authSessionAdapter(session); authSessionAdapter(session.client({ baseURL: "" }));')).toEqual([]);
});

test.each(['session.fetch', '{}', '"https://api.example.com"'])('the adapter does not take %s', (other) => {
  // TS2345: the argument is not assignable.
  expect(mistakes(`authSessionAdapter(${other});`)).toEqual([2345]);
});
