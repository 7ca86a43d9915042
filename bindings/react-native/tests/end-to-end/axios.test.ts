import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import axios from 'axios';
import type { AxiosInstance, AxiosProgressEvent, AxiosRequestConfig } from 'axios';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { authSessionAdapter } from '../../src/axios/index.ts';
import type { AuthSession } from '../../src/index.ts';
import { Authority, credentials } from '../support/authority.ts';
import type { Realm } from '../support/authority.ts';
import { Jvm } from '../support/jvm.ts';
import { loadPackage } from '../support/package.ts';
import { ReactNativeFormData } from '../support/reactNativeClasses.ts';
import { ApiServer } from '../support/server.ts';

/** In React Native it is the global `FormData`, by which axios knows it. */
class GlobalFormData extends ReactNativeFormData {
  readonly [Symbol.toStringTag] = 'FormData';
}

/** More than the buffers of both sides hold. */
const large = Buffer.alloc(30_000_000, 'large ');
/** As axios has to be told of what is no object to be made JSON of. */
const asItIs = { transformRequest: (data: unknown) => data };

let authority: Authority;
let jvm: Jvm;
let folder: string;
let api: AxiosInstance;
let session: AuthSession;
let authSession: Awaited<ReturnType<typeof loadPackage>>;
let server: ApiServer;
/** What the server got last. */
let received: { headers: IncomingMessage['headers']; body: Buffer };
let onHeld: (request: IncomingMessage, response: ServerResponse) => void;
let accounts = 0;

function answer(request: IncomingMessage, response: ServerResponse): void {
  if (request.url === '/held') {
    onHeld(request, response);
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    received = { headers: request.headers, body: Buffer.concat(chunks) };
    if (request.url !== '/large') {
      response.end('ok');
      return;
    }
    response.setHeader('Content-Length', large.length);
    response.end(large);
  });
}

function newFile(name: string, content: Buffer | string): string {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return pathToFileURL(file).href;
}

async function newSession(baseURL: string): Promise<AuthSession> {
  return authSession.createAuthSession({ baseURL, account: `account ${(accounts += 1)}`, allowLoopback: true });
}

beforeAll(async () => {
  authority = await Authority.start();
  jvm = new Jvm();
  folder = mkdtempSync(path.join(tmpdir(), 'axios-'));
  server = await ApiServer.start(answer);
  authSession = await loadPackage(await jvm.module());
  session = await newSession(server.url);
  await session.adopt({ accessToken: 'access-token' });
  api = axios.create({ adapter: authSessionAdapter(session) });
});

afterAll(async () => {
  expect(jvm.crashes).toEqual([]);
  await jvm.stop();
  await server.stop();
  await authority.stop();
  rmSync(folder, { recursive: true });
});

describe('files', () => {
  test('a form of React Native is sent with what is in its files', async () => {
    const form = new GlobalFormData();
    form.append('title', 'Zoë');
    form.append('photo', { uri: newFile('photo.jpg', 'the photo'), name: 'photo.jpg', type: 'image/jpeg' });
    await api.post('/form', form, { headers: { 'Content-Type': 'multipart/form-data' } });
    expect(received.headers['content-type']).toMatch(/^multipart\/form-data; boundary=./);
    expect(received.body.toString()).toContain('name="title"\r\n\r\nZoë\r\n');
    expect(received.body.toString()).toContain(
      'name="photo"; filename="photo.jpg"\r\nContent-Type: image/jpeg\r\n\r\nthe photo\r\n',
    );
    expect(jvm.received.filter((text) => text.includes('the photo'))).toEqual([]);
  });

  test('a body that is a file is sent as it is, and tells how far it has come', async () => {
    const events: AxiosProgressEvent[] = [];
    const onUploadProgress = (event: AxiosProgressEvent) => events.push(event);
    await api.put('/file', { uri: newFile('large', large), type: 'image/x' }, { ...asItIs, onUploadProgress });
    expect(received.headers['content-type']).toBe('image/x');
    expect(received.body.equals(large)).toBe(true);
    expect(events.at(-1)).toMatchObject({ loaded: large.length, total: large.length, progress: 1, upload: true });
    expect(events.map(({ loaded }) => loaded)).toEqual(events.map(({ loaded }) => loaded).sort((a, b) => a - b));
    expect(events.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(large.length);
  });

  test('a file above maxBodyLength is ended on its way', async () => {
    let gotAll = false;
    onHeld = (request, response) => {
      request.resume().on('end', () => {
        gotAll = true;
        response.end();
      });
    };
    const request = api.put('/held', { uri: newFile('large', large) }, { ...asItIs, maxBodyLength: 1000 });
    await expect(request).rejects.toMatchObject({
      code: 'ERR_BAD_REQUEST',
      message: 'Request body larger than maxBodyLength limit',
    });
    await jvm.hasReceived('"code":"cancelled"');
    expect(gotAll).toBe(false);
  });

  test('a download is in its file, and tells how far it has come', async () => {
    const events: AxiosProgressEvent[] = [];
    const file = path.join(folder, 'downloaded');
    const { data } = await api.get('/large', {
      authSession: { downloadTo: pathToFileURL(file).href },
      onDownloadProgress: (event) => events.push(event),
    });
    expect(data).toBeNull();
    expect(readFileSync(file).equals(large)).toBe(true);
    expect(events.at(-1)).toMatchObject({ loaded: large.length, total: large.length, download: true });
  });

  test('a file that is not there is the session’s error', async () => {
    const uri = pathToFileURL(path.join(folder, 'none')).href;
    await expect(api.put('/file', { uri }, asItIs)).rejects.toMatchObject({ name: 'AxiosError', code: 'file' });
  });
});

describe('a request that is ended is ended in native code, as the server sees', () => {
  async function ended(config: AxiosRequestConfig, end: () => void, code: string): Promise<void> {
    const held = new Promise<IncomingMessage>((resolve) => {
      onHeld = resolve;
    });
    const request = api.put('/held', { uri: newFile('large', large) }, { ...asItIs, ...config });
    const failed = expect(request).rejects.toMatchObject({ code });
    const incoming = await held;
    const closed = new Promise((resolve) => incoming.socket.once('close', resolve));
    end();
    await failed;
    // What is in the buffers comes before the end.
    incoming.resume();
    await closed;
  }

  test('by a signal', async () => {
    const controller = new AbortController();
    await ended({ signal: controller.signal }, () => controller.abort(), 'ERR_CANCELED');
  });

  test('by a cancel token', async () => {
    const { token, cancel } = axios.CancelToken.source();
    await ended({ cancelToken: token }, () => cancel(), 'ERR_CANCELED');
  });

  test('by its timeout', () => ended({ timeout: 300 }, () => {}, 'ECONNABORTED'));
});

describe('refreshes', () => {
  let realm: Realm;
  let refreshing: AuthSession;
  let adapted: () => AxiosInstance;

  beforeEach(async () => {
    realm = await authority.realm();
    refreshing = await newSession(realm.apiURL);
    await refreshing.signIn(credentials);
    await realm.command('expire_access_tokens');
    adapted = () => axios.create({ adapter: authSessionAdapter(refreshing) });
  });

  test('several instances have one refresh between them', async () => {
    const requests = Array.from({ length: 20 }, () => adapted().get('/me'));
    expect((await Promise.all(requests)).map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(await realm.counters()).toMatchObject({ refreshes: 1 });
  });

  test('a body is sent again with the new token', async () => {
    await adapted().post('/echo', Buffer.from('once more'), { headers: { 'Content-Type': 'text/plain' } });
    expect(await realm.counters()).toMatchObject({ refreshes: 1, echoed_bytes: 'once more'.length });
  });

  test('the timeout covers the wait for one, which goes on for the others', async () => {
    await realm.command('hold', { endpoint: 'refresh', when: 'before' });
    const patient = adapted().get('/me');
    const hurried = adapted().get('/me', { timeout: 200 });
    await expect(hurried).rejects.toMatchObject({ code: 'ECONNABORTED', message: 'timeout of 200ms exceeded' });
    await realm.command('release', { endpoint: 'refresh' });
    expect((await patient).status).toBe(200);
    expect(await realm.counters()).toMatchObject({ refreshes: 1 });
  });
});

test('nothing of a failed request shows the token', async () => {
  const error = await api.get('/large', { maxContentLength: 10 }).catch((error: unknown) => error);
  expect(axios.isAxiosError(error)).toBe(true);
  const { config, request, response, cause } = error as { config: object; request: object; response: object; cause: Error };
  expect(JSON.stringify([error, config, request, response, cause.message, cause.stack])).not.toContain('access-token');
});
