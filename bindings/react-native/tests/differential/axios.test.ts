import path from 'node:path';
import axios from 'axios';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authSessionAdapter } from '../../src/axios/index.ts';
import { optionTreatments } from '../../src/axios/options.ts';
import type { AuthSession } from '../../src/index.ts';
import { root } from '../support/checkout.ts';
import { Jvm } from '../support/jvm.ts';
import { loadPackage } from '../support/package.ts';
import { cases, nobody } from './axios/cases.ts';
import { differences, explained, matrixPage } from './axios/matrix.ts';
import type { Row } from './axios/matrix.ts';
import { observe } from './axios/observation.ts';
import { ObservedServer } from './axios/server.ts';

let jvm: Jvm;
let server: ObservedServer;
let session: AuthSession;
const rows: Row[] = [];

beforeAll(async () => {
  jvm = new Jvm();
  server = await ObservedServer.start();
  const { createAuthSession } = await loadPackage(await jvm.module());
  session = createAuthSession({ baseURL: server.url, allowLoopback: true, allowedOrigins: [nobody] });
  await session.adopt({ accessToken: 'access-token' });
});

afterAll(async () => {
  expect(jvm.crashes).toEqual([]);
  await jvm.stop();
  await server.stop();
});

describe('the same request through the session and through the adapters of axios', () => {
  test.each(cases)('$name', async (request) => {
    const ours = await observe(request, authSessionAdapter(session), server);
    const http = await observe(request, 'http', server);
    const fetch = await observe(request, 'fetch', server);
    rows.push({ request, ours });
    const found = { http: differences(ours, http), fetch: differences(ours, fetch) };
    expect(found, JSON.stringify({ ours, http, fetch }, null, 2)).toEqual({
      http: explained(request, 'http'),
      fetch: explained(request, 'fetch'),
    });
  });
});

test('a form is as large as maxBodyLength takes it for', async () => {
  const form = new FormData() as unknown as { append(...part: unknown[]): void };
  form.append('a "quoted"\nname', 'Zoë');
  form.append('b', new Blob(['Zoë'], { type: 'text/x' } as BlobOptions), 'b.txt');
  const api = axios.create({ adapter: authSessionAdapter(session), baseURL: server.url });
  await api.post('/json', form);
  const size = Number(server.lengths.at(-1));
  await api.post('/json', form, { maxBodyLength: size });
  const sent = server.seen.length;
  const refused = api.post('/json', form, { maxBodyLength: size - 1 });
  await expect(refused).rejects.toMatchObject({ code: 'ERR_BAD_REQUEST' });
  expect(server.seen).toHaveLength(sent);
});

test('docs/react-native-axios-matrix.md is what was found; with --update it is written', async () => {
  expect(rows).toHaveLength(cases.length);
  const page = matrixPage(rows, optionTreatments);
  console.log(page);
  await expect(page).toMatchFileSnapshot(path.join(root, 'docs/react-native-axios-matrix.md'));
});
