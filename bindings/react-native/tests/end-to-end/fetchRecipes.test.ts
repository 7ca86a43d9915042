import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { gql } from '@apollo/client';
import { configureStore } from '@reduxjs/toolkit';
import { CancelledError } from '@tanstack/react-query';
import { HTTPError } from 'ky';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { AuthSession, TransferProgress } from '../../src/index.ts';
import { packageRoot, root } from '../support/checkout.ts';
import { Jvm } from '../support/jvm.ts';
import { NotesApi } from '../support/notesApi.ts';
import { loadPackage } from '../support/package.ts';
import { ReactNativeFormData } from '../support/reactNativeClasses.ts';

const first = { id: '1', text: 'héllo €' };
const nothing = () => {};

let jvm: Jvm;
let api: NotesApi;
let session: AuthSession;
let authSession: Awaited<ReturnType<typeof loadPackage>>;
let accounts = 0;
let folder: string;

beforeAll(async () => {
  jvm = new Jvm();
  authSession = await loadPackage(await jvm.module());
  folder = mkdtempSync(path.join(tmpdir(), 'recipes-'));
});

beforeEach(async () => {
  api = await NotesApi.start();
  session = authSession.createAuthSession({
    baseURL: api.url,
    account: `account ${(accounts += 1)}`,
    allowLoopback: true,
  });
  await session.signIn({ email: 'ada@example.com' });
  return () => api.stop();
});

afterAll(async () => {
  expect(jvm.crashes).toEqual([]);
  await jvm.stop();
  rmSync(folder, { recursive: true });
});

/** The text by which a rejected promise can be told from an accepted one. */
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable('it did not fail'),
    (error: unknown) => error as Error,
  );

describe('TanStack Query', () => {
  test('a query gets its answer with an expired token, after one refresh', async () => {
    const { notes, queryClient } = await import('../recipes/fetch/tanstackQuery.ts');
    api.expire();
    expect(await queryClient.query(notes(session))).toEqual([first]);
    expect(api.refreshes).toBe(1);
    queryClient.clear();
  });

  test('what needs a sign-in is not tried again', async () => {
    const { notes, queryClient } = await import('../recipes/fetch/tanstackQuery.ts');
    await session.signOut();
    const fetch = vi.fn(session.fetch);
    const error = await failure(queryClient.query(notes({ ...session, fetch })));
    expect(error).toMatchObject({ code: 'signed_out', signInRequired: true });
    expect(fetch).toHaveBeenCalledOnce();
    queryClient.clear();
  });

  test('what fails otherwise is tried again', async () => {
    const { notes, queryClient } = await import('../recipes/fetch/tanstackQuery.ts');
    const fetch = vi.fn(session.fetch).mockRejectedValueOnce(new TypeError('Network request failed'));
    expect(await queryClient.query({ ...notes({ ...session, fetch }), retryDelay: 0 })).toEqual([first]);
    expect(fetch).toHaveBeenCalledTimes(2);
    queryClient.clear();
  });

  test('a cancelled query ends its request', async () => {
    const { notes, queryClient } = await import('../recipes/fetch/tanstackQuery.ts');
    const fetch: AuthSession['fetch'] = (_, init) => session.fetch('/held', init);
    const held = api.held();
    const query = failure(queryClient.query(notes({ ...session, fetch })));
    const { ended } = await held;
    await queryClient.cancelQueries();
    expect(await query).toBeInstanceOf(CancelledError);
    await ended;
  });
});

describe('Apollo Client', () => {
  const query = gql`
    query Notes {
      notes {
        id
        text
      }
    }
  `;

  test('a query gets its answer with an expired token, after one refresh', async () => {
    const { apolloClient } = await import('../recipes/fetch/apolloClient.ts');
    api.expire();
    const { data } = await apolloClient(session).query({ query });
    expect(data).toMatchObject({ notes: [first] });
    expect(api.refreshes).toBe(1);
    expect(api.requests).toMatchObject([{ method: 'POST', path: '/graphql', contentType: 'application/json' }]);
  });

  test("the session's own error arrives as it is", async () => {
    const { apolloClient } = await import('../recipes/fetch/apolloClient.ts');
    await session.signOut();
    const error = await failure(apolloClient(session).query({ query }));
    expect(authSession.isAuthSessionError(error)).toBe(true);
    expect(error).toMatchObject({ code: 'signed_out', signInRequired: true });
  });

  test('a subscriber that leaves ends the request', async () => {
    const { apolloClient } = await import('../recipes/fetch/apolloClient.ts');
    const fetch: AuthSession['fetch'] = (_, init) => session.fetch('/held', { ...init, method: 'GET', body: null });
    const held = api.held();
    const subscription = apolloClient({ ...session, fetch })
      .watchQuery({ query })
      .subscribe(nothing);
    const { ended } = await held;
    subscription.unsubscribe();
    await ended;
  });
});

describe('RTK Query', () => {
  async function store() {
    const { notesApi } = await import('../recipes/fetch/rtkQuery.ts');
    const notes = notesApi(session, api.url);
    const { dispatch } = configureStore({
      reducer: { [notes.reducerPath]: notes.reducer },
      middleware: (middleware) => middleware().concat(notes.middleware),
    });
    return { notes, dispatch };
  }

  test('queries and mutations get their answers with an expired token, after one refresh', async () => {
    const { notes, dispatch } = await store();
    api.expire();
    expect(await dispatch(notes.endpoints.list.initiate())).toMatchObject({ data: [first] });
    expect(await dispatch(notes.endpoints.add.initiate('second'))).toMatchObject({ data: { id: '2', text: 'second' } });
    expect(api.refreshes).toBe(1);
    const post = api.requests.find(({ method }) => method === 'POST');
    expect(post).toMatchObject({ contentType: 'application/json', body: Buffer.from('{"text":"second"}') });
  });

  test('a request that cannot be made is a FETCH_ERROR that names its code', async () => {
    const { notes, dispatch } = await store();
    await session.signOut();
    const { error } = await dispatch(notes.endpoints.list.initiate());
    expect(error).toMatchObject({ status: 'FETCH_ERROR', error: expect.stringContaining('AuthSessionError') });
  });

  test('an aborted query ends its request', async () => {
    const { createApi, fetchBaseQuery } = await import('@reduxjs/toolkit/query');
    const held = api.held();
    const slow = createApi({
      baseQuery: fetchBaseQuery({ baseUrl: api.url, fetchFn: session.fetch }),
      endpoints: (build) => ({ held: build.query<unknown, void>({ query: () => '/held' }) }),
    });
    const { dispatch } = configureStore({
      reducer: { [slow.reducerPath]: slow.reducer },
      middleware: (middleware) => middleware().concat(slow.middleware),
    });
    const query = dispatch(slow.endpoints.held.initiate());
    const { ended } = await held;
    query.abort();
    await ended;
  });
});

describe('ky', () => {
  test('JSON goes and comes with an expired token, after one refresh', async () => {
    const { kyClient } = await import('../recipes/fetch/ky.ts');
    const client = kyClient(session, api.url);
    api.expire();
    expect(await client.get('notes').json()).toEqual([first]);
    expect(await client.post('notes', { json: { text: 'zwei €' } }).json()).toEqual({ id: '2', text: 'zwei €' });
    expect(api.refreshes).toBe(1);
  });

  test("an unsuccessful answer is ky's HTTPError, whose body can be read", async () => {
    const { kyClient } = await import('../recipes/fetch/ky.ts');
    const error = await failure(kyClient(session, api.url).get('notes/9').json());
    expect(error).toBeInstanceOf(HTTPError);
    expect((error as HTTPError).response.status).toBe(404);
    expect((error as HTTPError).data).toEqual({ message: 'there is no such note' });
  });

  test("the session's own error arrives as it is, and an option of the session is honoured", async () => {
    const { kyClient } = await import('../recipes/fetch/ky.ts');
    const slow = kyClient(session, api.url).get('held', { timeoutMs: 200 } as object);
    expect(await failure(slow.json())).toMatchObject({ name: 'AuthSessionError', code: 'timeout' });
    await session.signOut();
    expect(await failure(kyClient(session, api.url).get('notes').json())).toMatchObject({ code: 'signed_out' });
  });

  test('an abort ends the request', async () => {
    const { kyClient } = await import('../recipes/fetch/ky.ts');
    const controller = new AbortController();
    const held = api.held();
    const request = failure(kyClient(session, api.url).get('held', { signal: controller.signal }).json());
    const { ended } = await held;
    controller.abort();
    expect(await request).toMatchObject({ name: 'AbortError' });
    await ended;
  });
});

describe('openapi-fetch', () => {
  test('typed calls get their answers with an expired token, after one refresh', async () => {
    const { openapiClient } = await import('../recipes/fetch/openapiFetch.ts');
    const client = openapiClient(session, api.url);
    api.expire();
    expect((await client.GET('/notes')).data).toEqual([first]);
    expect((await client.POST('/notes', { body: { text: 'zwei' } })).data).toEqual({ id: '2', text: 'zwei' });
    expect((await client.GET('/notes/{id}', { params: { path: { id: '1' } } })).data).toEqual(first);
    expect(api.refreshes).toBe(1);
  });

  test('an unsuccessful answer is its error, with the response', async () => {
    const { openapiClient } = await import('../recipes/fetch/openapiFetch.ts');
    const { data, error, response } = await openapiClient(session, api.url).GET('/notes/{id}', {
      params: { path: { id: '9' } },
    });
    expect(data).toBeUndefined();
    expect(error).toEqual({ message: 'there is no such note' });
    expect(response.status).toBe(404);
  });

  test("the session's own error rejects", async () => {
    const { openapiClient } = await import('../recipes/fetch/openapiFetch.ts');
    await session.signOut();
    expect(await failure(openapiClient(session, api.url).GET('/notes'))).toMatchObject({ code: 'signed_out' });
  });
});

describe("the Request and Headers of React Native's own", () => {
  beforeEach(async () => {
    // @ts-expect-error It has no types; React Native brings it.
    const { Request, Headers } = await import('whatwg-fetch');
    vi.stubGlobal('Request', Request);
    vi.stubGlobal('Headers', Headers);
    return () => vi.unstubAllGlobals();
  });

  test('carry what ky sends', async () => {
    const { kyClient } = await import('../recipes/fetch/ky.ts');
    const client = kyClient(session, api.url);
    expect(await client.post('notes', { json: { text: 'zwei €' } }).json()).toEqual({ id: '2', text: 'zwei €' });
    expect(await failure(client.get('notes/9').json())).toBeInstanceOf(HTTPError);
  });

  test('carry what RTK Query sends', async () => {
    const { notesApi } = await import('../recipes/fetch/rtkQuery.ts');
    const notes = notesApi(session, api.url);
    const { dispatch } = configureStore({
      reducer: { [notes.reducerPath]: notes.reducer },
      middleware: (middleware) => middleware().concat(notes.middleware),
    });
    expect(await dispatch(notes.endpoints.add.initiate('zwei €'))).toMatchObject({ data: { id: '2', text: 'zwei €' } });
    expect(await dispatch(notes.endpoints.list.initiate())).toMatchObject({ data: [first, { id: '2' }] });
  });

  test('carry what openapi-fetch sends', async () => {
    const { openapiClient } = await import('../recipes/fetch/openapiFetch.ts');
    const client = openapiClient(session, api.url);
    expect((await client.POST('/notes', { body: { text: 'zwei €' } })).data).toEqual({ id: '2', text: 'zwei €' });
    expect((await client.GET('/notes')).data).toMatchObject([first, { id: '2' }]);
  });
});

describe('files', () => {
  const content = Buffer.alloc(1_500_000, 'photo ');

  function photo(): { uri: string; type: string; name: string } {
    const file = path.join(folder, 'photo ü.jpg');
    writeFileSync(file, content);
    return { uri: pathToFileURL(file).href, type: 'image/jpeg', name: 'photo.jpg' };
  }

  test('a picture is sent by its URI, with an expired token, and none of it comes into JavaScript', async () => {
    const { uploadPhoto } = await import('../recipes/fetch/files.ts');
    const progress: TransferProgress[] = [];
    api.expire();
    jvm.received.length = 0;
    await uploadPhoto(session, photo(), (each) => progress.push(each), new AbortController().signal);
    const [request] = api.requests;
    expect(request).toMatchObject({ method: 'PUT', contentType: 'image/jpeg' });
    expect(request?.body.equals(content)).toBe(true);
    expect(progress.at(-1)).toEqual({ loaded: content.length, total: content.length });
    expect(jvm.received.join('').length).toBeLessThan(content.length / 10);
  });

  test("a picture is sent among the fields of React Native's form", async () => {
    const { postForm } = await import('../recipes/fetch/files.ts');
    vi.stubGlobal('FormData', ReactNativeFormData);
    await postForm(session, photo()).finally(() => vi.unstubAllGlobals());
    const [request] = api.requests;
    const form = await new Response(new Uint8Array(request?.body ?? []), {
      headers: { 'Content-Type': request?.contentType ?? '' },
    }).formData();
    expect(form.getAll('title')).toEqual(['Meer']);
    const [file] = form.getAll('photo') as unknown as File[];
    expect(file).toMatchObject({ name: 'photo.jpg', type: 'image/jpeg', size: content.length });
  });

  test('a film is written to a file, with an expired token, and none of it comes into JavaScript', async () => {
    const { downloadFilm } = await import('../recipes/fetch/files.ts');
    const file = path.join(folder, 'film.mp4');
    const progress: TransferProgress[] = [];
    api.expire();
    jvm.received.length = 0;
    const to = pathToFileURL(file).href;
    await downloadFilm(session, to, (each) => progress.push(each), new AbortController().signal);
    expect(readFileSync(file).equals(api.film)).toBe(true);
    expect(progress.at(-1)).toEqual({ loaded: api.film.length, total: api.film.length });
    expect(jvm.received.join('').length).toBeLessThan(api.film.length / 10);
  });

  test('an unsuccessful download has its body, and writes nothing', async () => {
    const file = path.join(folder, 'nothing.mp4');
    const response = await session.download('/films/9', { to: pathToFileURL(file).href });
    expect(response).toMatchObject({ status: 404, ok: false });
    expect(await response.json()).toEqual({ message: 'there is no such note' });
    expect(existsSync(file)).toBe(false);
  });

  test('an aborted download ends its request, and leaves nothing', async () => {
    const file = path.join(folder, 'aborted.mp4');
    const controller = new AbortController();
    const held = api.held();
    const to = pathToFileURL(file).href;
    const download = failure(session.download('/held', { to, signal: controller.signal }));
    const { ended } = await held;
    controller.abort();
    expect(await download).toMatchObject({ name: 'AbortError' });
    await ended;
    expect(existsSync(file)).toBe(false);
  });

  test('a file that is not there is a typed error that does not name it', async () => {
    const uri = 'file:///not/there/secret.jpg';
    const error = await failure(session.fetch('/photos/1', { method: 'PUT', body: { uri, type: 'image/jpeg' } }));
    expect(error).toMatchObject({ name: 'AuthSessionError', code: 'file' });
    expect(error.message).not.toContain('secret');
    expect(api.requests).toEqual([]);
  });
});

test('the recipes of docs/guides/react-native-fetch.md are those that are tested here', () => {
  const page = readFileSync(path.join(root, 'docs/guides/react-native-fetch.md'), 'utf8');
  for (const name of ['tanstackQuery', 'apolloClient', 'rtkQuery', 'ky', 'openapiFetch', 'files']) {
    const recipe = readFileSync(path.join(packageRoot, `tests/recipes/fetch/${name}.ts`), 'utf8');
    expect(page).toContain(`\`\`\`ts\n// ${name}.ts\n${recipe}\`\`\``);
  }
});
