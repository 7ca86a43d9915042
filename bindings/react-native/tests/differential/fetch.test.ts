import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuthSession } from '../../src/index.ts';
import { root } from '../support/checkout.ts';
import { Jvm } from '../support/jvm.ts';
import { loadPackage } from '../support/package.ts';
import { explanations, fetchCases } from './fetchCases.ts';
import type { Answer, Explanation, Fetch, FetchCase, Field } from './fetchCases.ts';
import { FetchServer } from './fetchServer.ts';
import type { SeenRequest } from './fetchServer.ts';

/** What came of a call, in the terms of both. */
type Outcome = Readonly<Partial<Record<Field, unknown>>>;

let jvm: Jvm;
let elsewhere: FetchServer;
let server: FetchServer;
let session: AuthSession;

beforeAll(async () => {
  jvm = new Jvm();
  elsewhere = await FetchServer.start();
  server = await FetchServer.start(elsewhere.url);
  const { createAuthSession } = await loadPackage(await jvm.module());
  session = createAuthSession({ baseURL: server.url, allowLoopback: true });
  await session.signIn({ email: 'ada@example.com' });
});

afterAll(async () => {
  expect(jvm.crashes).toEqual([]);
  await jvm.stop();
  await server.stop();
  await elsewhere.stop();
});

/** About the connection, and not about the answer. */
const connectionHeaders = ['connection', 'date', 'keep-alive', 'transfer-encoding'];

async function outcome({ call, read = (answer) => answer.text() }: FetchCase, fetch: Fetch): Promise<Outcome> {
  const seen = (): SeenRequest[] => [...server.takeSeen(), ...elsewhere.takeSeen()];
  let answer: Answer;
  try {
    answer = await call(fetch, (part) => `${server.url}${part}`, server);
  } catch (error) {
    return { requests: seen(), error: errorName(error) };
  }
  const headers = [...answer.headers].filter(([name]) => !connectionHeaders.includes(name));
  const { status, statusText, redirected, type } = answer;
  const fields = { status, statusText, redirected, type, url: answer.url.replace(server.url, ''), headers };
  // A body that breaks is an error of the call in native code, which reads it whole.
  const body = await read(answer).catch((error: unknown) => ({ rejected: errorName(error) }));
  return { ...fields, body, requests: seen() };
}

/** Its class, whose text is nobody's business; of the session's own also its code. */
function errorName(error: unknown): string {
  const { name, code } = error as { name: string; code?: unknown };
  return name === 'AuthSessionError' ? `${name}: ${code}` : name;
}

function differingFields(node: Outcome, own: Outcome): Field[] {
  const fields = new Set([...Object.keys(node), ...Object.keys(own)] as Field[]);
  const text = (value: unknown) => JSON.stringify(value) ?? 'undefined';
  const differing = [...fields].filter((field) => text(node[field]) !== text(own[field]));
  // Where one has an answer and the other an error, everything is different, and one word says it.
  if (differing.includes('error')) return differing.filter((field) => field === 'error' || field === 'requests');
  // Another answer has other fields, too.
  return differing.includes('status') ? ['status'] : differing;
}

function summary(result: Outcome): string {
  return result.error === undefined ? `${result.status}` : String(result.error);
}

interface Row {
  readonly name: string;
  readonly node: string;
  readonly session: string;
  readonly differences: NonNullable<FetchCase['differences']>;
}

const rows = new Map<string, Row[]>();

describe.each(Object.entries(fetchCases))('%s', (subject, cases) => {
  const named = cases.map((one) => [one.name, one] as const);
  test.each(named)('%s: as with fetch of Node.js, but for what is explained', async (_, one) => {
    const node = await outcome(one, globalThis.fetch as unknown as Fetch);
    const own = await outcome(one, session.fetch as unknown as Fetch);
    const { name, differences = {} } = one;
    const row = { name, node: summary(node), session: summary(own), differences };
    rows.set(subject, [...(rows.get(subject) ?? []), row]);
    const found = JSON.stringify({ node, own }, null, 1);
    expect(differingFields(node, own).sort(), found).toEqual(Object.keys(differences).sort());
  });
});

test('every explanation explains something', () => {
  const used = Object.values(fetchCases)
    .flat()
    .flatMap(({ differences = {} }) => Object.values(differences));
  expect(new Set(used)).toEqual(new Set(Object.keys(explanations)));
});

test('the published matrix is what was found', async () => {
  const page = matrix();
  console.log(page);
  await expect(page).toMatchFileSnapshot(path.join(root, 'docs/react-native-fetch-matrix.md'));
});

function matrix(): string {
  const used: Explanation[] = [];
  const note = (explanation: Explanation) => {
    if (!used.includes(explanation)) used.push(explanation);
    return `[${used.indexOf(explanation) + 1}](#explanations)`;
  };
  const tables = [...rows].map(([subject, results]) => {
    const lines = results.map(({ name, node, session: own, differences }) => {
      const fields = (reason: Explanation) =>
        Object.entries(differences).flatMap(([field, explanation]) => (explanation === reason ? [field] : []));
      const reasons = [...new Set(Object.values(differences))];
      const notes = reasons.map((reason) => `${fields(reason).join(', ')} ${note(reason)}`);
      return `| ${name} | ${node} | ${own} | ${notes.join('; ')} |`;
    });
    return [`## ${subject}`, '', '| call | Node.js | session | what differs |', '|---|---|---|---|', ...lines, ''].join(
      '\n',
    );
  });
  const all = [...rows.values()].flat();
  const same = all.filter(({ differences }) => Object.keys(differences).length === 0);
  return [
    '# `session.fetch` beside `fetch` of Node.js',
    '',
    'Written by `bindings/react-native/tests/differential/fetch.test.ts`, which makes each call with both against the',
    'same server, the session through the real Kotlin module and the real library. It compares what the server saw',
    '(method, path, header fields, bytes: `requests`) and what came of it (status, phrase, header fields, URL, body, or',
    `the kind of error). Of ${all.length} calls ${same.length} are the same in everything; what differs in the others is`,
    'explained below.',
    '',
    ...tables,
    '## Explanations',
    '',
    ...used.map((explanation, index) => `${index + 1}. ${explanations[explanation]}`),
    '',
  ].join('\n');
}
