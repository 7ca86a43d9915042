// @vitest-environment happy-dom
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { compileFunction } from 'node:vm';
import { act, createElement, useEffect, useState } from 'react';
import type { ReactNode } from 'react';
import * as jsxRuntime from 'react/jsx-runtime';
import ts from 'typescript';
import { afterEach, expect, test, vi } from 'vitest';
import type { AuthSession } from '../../src/createAuthSession.ts';
import * as mockModule from '../../src/mock/index.ts';
import { useAuthSession } from '../../src/react/useAuthSession.ts';
import { render } from '../support/render.ts';
import type { Rendered } from '../support/render.ts';

interface Note {
  readonly id: number;
  readonly text: string;
}

/** An app of which the tests in the README could be: it asks once more after a failure. */
function App({ session }: { session: AuthSession }): ReactNode {
  const { status } = useAuthSession(session);
  const [notes, setNotes] = useState<readonly Note[]>();
  useEffect(() => {
    const load = async () => {
      const response = await session.fetch('/notes');
      setNotes(response.ok ? await response.json<Note[]>() : await (await session.fetch('/notes')).json<Note[]>());
    };
    void load();
  }, [session]);
  if (status !== 'signed_in') return 'Please sign in';
  if (notes === undefined) return 'Loading';
  return notes.length === 0 ? 'No notes' : notes.map(({ id, text }) => createElement('p', { key: id }, text));
}

const page = readFileSync(path.join(import.meta.dirname, '../../README.md'), 'utf8');
const [, snippet = ''] = /^## Testing an app$[^]*?^```tsx\n([^]*?)^```$/m.exec(page) ?? [];

let screen: Rendered | undefined;
const tests: (readonly [name: string, body: () => Promise<void>])[] = [];
const afterEachTest: (() => void)[] = [];

/** What a testing library and Jest give to the tests in the README. */
const given = {
  App,
  act,
  expect,
  test: (name: string, body: () => Promise<void>) => tests.push([name, body]),
  afterEach: (body: () => void) => afterEachTest.push(body),
  render: (node: ReactNode) => void (screen = render(node)),
  async findByText(text: string) {
    await vi.waitFor(async () => {
      // As testing libraries do, it lets all of React's work and all promises come to rest.
      await act(() => new Promise<void>((resolve) => void setImmediate(resolve)));
      expect(screen?.text()).toContain(text);
    });
  },
  require: (name: string) => (name === 'react/jsx-runtime' ? jsxRuntime : mockModule),
  exports: {},
};
const { outputText } = ts.transpileModule(snippet, {
  compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, jsx: ts.JsxEmit.ReactJSX },
});
(compileFunction(outputText, Object.keys(given)) as (...values: unknown[]) => void)(...Object.values(given));

const complaints = vi.spyOn(console, 'error');

// As with a testing library that cleans up last: the app is still there.
afterEach(() => {
  for (const body of afterEachTest) body();
  screen?.unmount();
  expect(complaints).not.toHaveBeenCalled();
});

test.each(tests)('in the README: %s', async (_, body) => body());

test('there are tests in the README', () => {
  expect(tests.length).toBeGreaterThan(1);
});
