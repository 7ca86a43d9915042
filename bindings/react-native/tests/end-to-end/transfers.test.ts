import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { exchange, plainRequest } from '../../src/exchange.ts';
import type { ExchangeOptions, NativePart, NativeRequest } from '../../src/exchange.ts';
import type { AuthSession } from '../../src/index.ts';
import type { NativeProgress, NativeResponse } from '../../src/NativeAuthSession.ts';
import { Jvm, nativeHalf } from '../support/jvm.ts';
import { loadPackage } from '../support/package.ts';
import { ApiServer } from '../support/server.ts';

const large = Buffer.alloc(3_000_000, 'large file ');
const bytes = Buffer.from([0xff, 0x00, 0x80]);

/** What a process of the app that was killed during an upload has left. */
const leftOver = 'auth-session-uploads/upload1.tmp';

let jvm: Jvm;
let server: ApiServer;
let session: AuthSession;
let folder: string;
/** What the server got last. */
let received: { headers: IncomingMessage['headers']; body: Buffer };
/** Requests that the server got in full, by their URL. */
let arrived: string[];
let refuseOnce = false;
let onHeld = (_request: IncomingMessage, _response: ServerResponse) => {};

function json(response: ServerResponse, value: object): void {
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(value));
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  if (request.url === '/held') {
    onHeld(request, response);
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    received = { headers: request.headers, body: Buffer.concat(chunks) };
    arrived.push(request.url ?? '');
    if (request.url?.startsWith('/auth/')) {
      json(response, { access_token: 'a', refresh_token: 'r' });
    } else if (refuseOnce) {
      refuseOnce = false;
      response.statusCode = 401;
      response.end();
    } else if (request.url === '/large') {
      response.setHeader('Content-Length', large.length);
      response.end(large);
    } else if (request.url === '/pieces') {
      // Without a length.
      for (let start = 0; start < large.length; start += 100_000) response.write(large.subarray(start, start + 100_000));
      response.end();
    } else if (request.url === '/bytes') {
      response.end(bytes);
    } else if (request.url === '/missing') {
      response.statusCode = 404;
      response.end('not there');
    } else if (request.url === '/moved') {
      response.statusCode = 302;
      response.setHeader('Location', '/new');
      response.end('moved');
    } else {
      response.end('done');
    }
  });
}

beforeAll(async () => {
  jvm = new Jvm();
  mkdirSync(path.join(jvm.cache, path.dirname(leftOver)));
  writeFileSync(path.join(jvm.cache, leftOver), 'private');
  server = await ApiServer.start(answer);
  folder = mkdtempSync(path.join(tmpdir(), 'transfers ü-'));
  const { createAuthSession } = await loadPackage(await jvm.module());
  session = createAuthSession({ baseURL: server.url, allowLoopback: true });
  arrived = [];
  await session.signIn({ email: 'ada@example.com' });
});

beforeEach(() => {
  arrived = [];
  jvm.received.length = 0;
});

afterAll(async () => {
  expect(jvm.crashes).toEqual([]);
  await jvm.stop();
  await server.stop();
  rmSync(folder, { recursive: true });
});

function send(request: Partial<NativeRequest>, options?: ExchangeOptions): Promise<NativeResponse> {
  return session[exchange]({ ...plainRequest, method: 'POST', url: '/', ...request }, options);
}

function newFile(name: string, content: string | Buffer): string {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
}

/** What names a file that the user has picked: on Android another app provides it. */
function picked(file: string): string {
  return nativeHalf === 'kotlin' ? `content://files${file}` : pathToFileURL(file).href;
}

function cached(): string[] {
  return readdirSync(jvm.cache, { encoding: 'utf8', recursive: true }).sort();
}

const emptyPart: NativePart = {
  name: 'part',
  fileName: null,
  contentType: null,
  text: null,
  base64: null,
  uri: null,
};

describe('bodies', () => {
  test('bytes go and come as Base64 where they are asked for so, or are no text', async () => {
    await send({ body: { kind: 'base64', base64: bytes.toString('base64') } });
    expect(received.body).toEqual(bytes);
    expect(await send({ url: '/bytes' })).toMatchObject({ text: null, base64: bytes.toString('base64') });
    expect(await send({ answerAs: 'base64' })).toMatchObject({
      text: null,
      base64: Buffer.from('done').toString('base64'),
    });
    expect(await send({})).toMatchObject({ text: 'done', base64: null });
  });

  test('a file is sent by its URI, and once more after a refresh', async () => {
    const file = newFile('a b ü%.bin', large);
    refuseOnce = true;
    await send({ method: 'PUT', body: { kind: 'file', uri: pathToFileURL(file).href } });
    expect(received.body.equals(large)).toBe(true);
    expect(arrived).toEqual(['/', '/auth/refresh', '/']);
  });

  test('what the user has picked is sent with its length and again after a refresh, and no copy is left', async () => {
    const file = newFile('provided.bin', large);
    const before = cached();
    refuseOnce = true;
    await send({ method: 'PUT', body: { kind: 'file', uri: picked(file) } });
    expect(received.headers['content-length']).toBe(String(large.length));
    expect(received.body.equals(large)).toBe(true);
    expect(cached()).toEqual(before);
  });

  // On iOS there are no such copies, and what the memory does not suffice for ends any app.
  if (nativeHalf === 'kotlin') {
    test('copies that a killed process has left are gone after the first request', async () => {
      await send({});
      expect(cached()).not.toContain(leftOver);
    });

    test('a body that the memory does not suffice for is an internal error', async () => {
      await expect(send({ body: { kind: 'file', uri: 'content://memory/all' } })).rejects.toMatchObject({
        code: 'internal',
        message: 'a defect of AuthSession: OutOfMemoryError',
      });
    });
  }

  test('a form carries texts, bytes and files under the names and types that it gives them', async () => {
    const file = newFile('photo.jpg', 'of the sea');
    const parts: NativePart[] = [
      { ...emptyPart, name: 'title', text: 'Meer €' },
      { ...emptyPart, name: 'meta', text: '{}', contentType: 'application/json' },
      { ...emptyPart, name: 'note', text: 'n', fileName: 'note.txt', contentType: 'text/plain' },
      { ...emptyPart, name: 'bytes', base64: bytes.toString('base64') },
      { ...emptyPart, name: 'photo', uri: pathToFileURL(file).href, contentType: 'image/jpeg' },
      { ...emptyPart, name: 'copy', uri: picked(file), fileName: 'sea.jpg' },
    ];
    await send({ body: { kind: 'form', parts } });
    const type = received.headers['content-type'] ?? '';
    const echo = new Response(new Uint8Array(received.body), { headers: { 'Content-Type': type } });
    // Node's, and not React Native's, whose types are the global ones here.
    const form = (await echo.formData()) as unknown as Map<string, string | File>;
    expect(form.get('title')).toBe('Meer €');
    expect(form.get('meta')).toBe('{}');
    expect(received.body.toString()).toContain('name="meta"\r\nContent-Type: application/json');
    const files = ['note', 'bytes', 'photo', 'copy'].map((name) => form.get(name) as File);
    expect(files.map(({ name, type }) => [name, type])).toEqual([
      ['note.txt', 'text/plain'],
      ['blob', 'application/octet-stream'],
      ['photo.jpg', 'image/jpeg'],
      ['sea.jpg', 'application/octet-stream'],
    ]);
    expect(Buffer.from(await (files[1] as File).arrayBuffer())).toEqual(bytes);
    expect(await (files[3] as File).text()).toBe('of the sea');
  });

  test.each<[string, Partial<NativeRequest>, string]>([
    ['a scheme that is no file', { body: { kind: 'file', uri: 'https://a.example/secret' } }, 'body.uri'],
    ['a file on another host', { body: { kind: 'file', uri: 'file://host/secret' } }, 'body.uri'],
    ['a relative path', { body: { kind: 'file', uri: 'file:secret' } }, 'body.uri'],
    ['a path that is no URI', { body: { kind: 'file', uri: '/secret' } }, 'body.uri'],
    ['a broken escape', { body: { kind: 'file', uri: 'file:///secret%2' } }, 'body.uri'],
    ['bytes that are not Base64', { body: { kind: 'base64', base64: 'secret!' } }, 'body.base64'],
    ['a part without content', { body: { kind: 'form', parts: [emptyPart] } }, 'body.parts.uri'],
    ['an unknown kind', { body: { kind: 'secret' } as never }, 'body.kind'],
    ['a download to no file', { downloadTo: 'content://secret' }, 'downloadTo'],
    ['a fraction of a redirect', { maxRedirects: 0.5 }, 'maxRedirects'],
    ['an endless wait', { timeoutMs: Number.POSITIVE_INFINITY }, 'timeoutMs'],
    ['a header that is no text', { headers: [{ name: 'a', value: 1 as never }] }, 'headers.value'],
    ['an unknown authorization', { auth: 'secret' as never }, 'auth'],
  ])('%s is an invalid_request that names the field, and nothing of its value', async (_, request, field) => {
    const error = await send(request).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'AuthSessionError', code: 'invalid_request' });
    expect((error as Error).message).toContain(field);
    expect((error as Error).message).not.toContain('secret');
    expect(arrived).toEqual([]);
  });

  test.each([
    'file:///not-there',
    'file:///',
    ...(nativeHalf === 'kotlin' ? ['content://elsewhere/1'] : []),
  ])('%s is a file error', async (uri) => {
    const error = await send({ body: { kind: 'file', uri } }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'AuthSessionError', code: 'file' });
    expect((error as Error).message).not.toContain('there');
  });
});

describe('what a request says beside its body', () => {
  test('redirects are followed, or counted, and the answer tells', async () => {
    expect(await send({ method: 'GET', url: '/moved' })).toMatchObject({ redirected: true, url: `${server.url}/new` });
    expect(await send({ method: 'GET', url: '/moved', maxRedirects: 0 })).toMatchObject({
      status: 302,
      redirected: false,
      text: 'moved',
      disposition: 'redirect_refused',
    });
  });

  test('a request goes without the token where it says so, and with its idempotency key', async () => {
    await send({ auth: 'never', idempotencyKey: 'k1' });
    expect(received.headers).toMatchObject({ 'idempotency-key': 'k1' });
    expect(received.headers.authorization).toBeUndefined();
    await send({ auth: 'optional' });
    expect(received.headers.authorization).toBe('Bearer a');
  });

  test('a body above the limit of its request is a body_too_large', async () => {
    await expect(send({ url: '/large', maxBodyBytes: 1_000 })).rejects.toMatchObject({ code: 'body_too_large' });
  });
});

describe('progress', () => {
  test('it is told in order up to the last byte, of the requests that asked for it, in both directions', async () => {
    const up: NativeProgress[] = [];
    const down: NativeProgress[] = [];
    jvm.received.length = 0;
    await send({ body: { kind: 'base64', base64: bytes.toString('base64') } });
    expect(jvm.received.filter((text) => text.includes('onProgress'))).toEqual([]);
    const uri = pathToFileURL(newFile('up.bin', large)).href;
    const started = performance.now();
    await send(
      { url: '/large', body: { kind: 'file', uri } },
      { onUpload: (progress) => up.push(progress), onDownload: (progress) => down.push(progress) },
    );
    const elapsedMs = performance.now() - started;
    for (const [direction, told] of Object.entries({ upload: up, download: down })) {
      // However small the pieces are: every 50 ms, and the first and the last one.
      expect(told.length).toBeLessThanOrEqual(elapsedMs / 50 + 2);
      expect(told.at(-1)).toMatchObject({ direction, bytes: large.length, total: large.length });
      expect(told.map(({ bytes: count }) => count)).toEqual(told.map(({ bytes: count }) => count).sort((a, b) => a - b));
    }
  });
});

test('of a body whose length nobody knows the last progress is told before the answer', async () => {
  const told: NativeProgress[] = [];
  await send({ url: '/pieces', method: 'GET' }, { onDownload: (progress) => told.push(progress) });
  expect(told.at(-1)).toMatchObject({ bytes: large.length, total: null });
});

describe('downloads', () => {
  test('the body of a successful answer is in the file, and not in JavaScript', async () => {
    const file = path.join(folder, 'down load.bin');
    jvm.received.length = 0;
    const response = await send({ method: 'GET', url: '/large', downloadTo: pathToFileURL(file).href });
    expect(response).toMatchObject({ status: 200, text: '' });
    expect(readFileSync(file).equals(large)).toBe(true);
    expect(jvm.received.filter((text) => text.includes('large file'))).toEqual([]);
  });

  test('the body of any other answer is in the answer, and there is no file', async () => {
    const file = path.join(folder, 'none.bin');
    const response = await send({ method: 'GET', url: '/missing', downloadTo: pathToFileURL(file).href });
    expect(response).toMatchObject({ status: 404, text: 'not there' });
    expect(existsSync(file)).toBe(false);
  });
});

describe('an abort ends the transfer, as the server sees', () => {
  async function aborted(request: Partial<NativeRequest>): Promise<void> {
    const controller = new AbortController();
    const held = new Promise<IncomingMessage>((resolve) => {
      onHeld = (incoming, response) => {
        // As much as shows that the transfer has begun.
        if (incoming.method === 'GET') {
          response.setHeader('Content-Length', large.length);
          response.write(large.subarray(0, 100_000));
        }
        resolve(incoming);
      };
    });
    const ended = send({ url: '/held', ...request }, { signal: controller.signal });
    const incoming = await held;
    const closed = new Promise((resolve) => incoming.socket.once('close', resolve));
    controller.abort();
    await expect(ended).rejects.toMatchObject({ name: 'AbortError' });
    // What is in the buffers comes before the end.
    incoming.resume();
    await closed;
    // JavaScript does not wait for native code, and the next test must not take this for its own.
    await jvm.hasReceived('"code":"cancelled"');
  }

  test('of an answer that is waited for', () => aborted({ body: { kind: 'text', text: 'x' } }));

  test('of a file on its way up', async () => {
    const before = cached();
    // More than the buffers of both sides hold.
    const uri = picked(newFile('huge.bin', Buffer.alloc(30_000_000)));
    await aborted({ body: { kind: 'file', uri } });
    expect(cached()).toEqual(before);
  });

  test('of a file on its way down, of which nothing is left', async () => {
    const before = readdirSync(folder);
    const uri = pathToFileURL(path.join(folder, 'partial.bin')).href;
    await aborted({ method: 'GET', downloadTo: uri });
    // The library deletes it in its own time.
    await expect.poll(() => readdirSync(folder)).toEqual(before);
  });
});
