import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { AuthSessionError } from '../../../src/errors.ts';
import type { AuthSessionErrorCode } from '../../../src/errors.ts';
import { exchange, plainRequest } from '../../../src/exchange.ts';
import type { ExchangeOptions, NativeRequest } from '../../../src/exchange.ts';
import { downloadOf } from '../../../src/fetch/download.ts';
import { fetchOf } from '../../../src/fetch/fetch.ts';
import type { FetchInit, FetchInput } from '../../../src/fetch/request.ts';
import type { NativeResponse } from '../../../src/NativeAuthSession.ts';
import { deferred, response } from '../../support/fakeModule.ts';
import { ReactNativeBlob, ReactNativeFileReader, ReactNativeFormData } from '../../support/reactNativeClasses.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

function sender(answer: () => Promise<NativeResponse> = async () => response()) {
  const send = vi.fn(async (_request: NativeRequest, _options?: ExchangeOptions) => answer());
  return { send, fetch: fetchOf({ [exchange]: send }), download: downloadOf({ [exchange]: send }) };
}

/** What is sent of a call. */
async function sent(input: FetchInput, init?: FetchInit): Promise<NativeRequest> {
  const { send, fetch } = sender();
  await fetch(input, init);
  return send.mock.lastCall?.[0] as NativeRequest;
}

async function refused(input: unknown, init: object = {}): Promise<TypeError> {
  const { send, fetch } = sender();
  const error = await fetch(input as FetchInput, init).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(TypeError);
  expect((error as TypeError).cause).toMatchObject({ name: 'AuthSessionError', code: 'invalid_request' });
  expect(send).not.toHaveBeenCalled();
  return error as TypeError;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const json = { 'Content-Type': 'application/json' };

describe('what is sent', () => {
  test('a path, a URL, or its text', async () => {
    expect(await sent('/me')).toEqual({ ...plainRequest, url: '/me' });
    expect(await sent(new URL('https://api.example.com/me'))).toMatchObject({ url: 'https://api.example.com/me' });
    expect(await sent('/me', null as unknown as FetchInit)).toEqual({ ...plainRequest, url: '/me' });
  });

  test.each([
    ['get', 'GET'],
    ['Post', 'POST'],
    ['delete', 'DELETE'],
    ['put', 'PUT'],
    ['options', 'OPTIONS'],
    ['head', 'HEAD'],
    ['patch', 'patch'],
    ['PATCH', 'PATCH'],
    ['report', 'report'],
  ])('the method %s as %s', async (method, expected) => {
    expect((await sent('/', { method })).method).toBe(expected);
  });

  test("a content type that belongs to the body, unless the app's own is there", async () => {
    const headers = (init: FetchInit) => sent('/', { method: 'POST', ...init }).then((request) => request.headers);
    expect(await headers({ body: 'x' })).toEqual([{ name: 'Content-Type', value: 'text/plain;charset=UTF-8' }]);
    expect(await headers({ body: '{}', headers: { 'content-TYPE': 'application/json' } })).toEqual([
      { name: 'content-TYPE', value: 'application/json' },
    ]);
    expect(await headers({ body: new ArrayBuffer(1) })).toEqual([]);
    expect(await headers({ body: { uri: 'file:///a', type: 'image/png' } })).toEqual([
      { name: 'Content-Type', value: 'image/png' },
    ]);
    expect(await headers({})).toEqual([]);
  });

  test("a form with native code's content type, also where the app says multipart/form-data", async () => {
    const body = new ReactNativeFormData() as never;
    const headers = async (value: string) =>
      (await sent('/', { method: 'POST', body, headers: { 'Content-Type': value } })).headers;
    expect(await headers('multipart/form-data')).toEqual([]);
    expect(await headers('Multipart/Form-Data; boundary=mine')).toEqual([]);
    expect(await headers('multipart/form-data-x')).toHaveLength(1);
    expect(await headers('application/json')).toHaveLength(1);
  });

  test("the session's own options", async () => {
    const init = { auth: 'optional', idempotencyKey: 'k', timeoutMs: 5, maxBodyBytes: 6 } as const;
    expect(await sent('/', init)).toEqual({ ...plainRequest, url: '/', ...init });
  });

  test('no redirect to follow, unless they are to be followed', async () => {
    expect((await sent('/', { redirect: 'follow' })).maxRedirects).toBeNull();
    expect((await sent('/', { redirect: 'manual' })).maxRedirects).toBe(0);
    expect((await sent('/', { redirect: 'error' })).maxRedirects).toBe(0);
  });

  test('what asks the caches of servers for a fresh answer, unless the app has asked already', async () => {
    const headers = async (init: FetchInit) => (await sent('/', init)).headers;
    expect(await headers({ cache: 'no-cache' })).toEqual([{ name: 'cache-control', value: 'max-age=0' }]);
    const fresh = [
      { name: 'pragma', value: 'no-cache' },
      { name: 'cache-control', value: 'no-cache' },
    ];
    expect(await headers({ cache: 'no-store' })).toEqual(fresh);
    expect(await headers({ cache: 'reload' })).toEqual(fresh);
    expect(await headers({ cache: 'force-cache' })).toEqual([]);
    expect(await headers({ cache: 'no-cache', headers: { 'Cache-Control': 'no-store' } })).toEqual([
      { name: 'Cache-Control', value: 'no-store' },
    ]);
  });

  test('options that change nothing here are accepted', async () => {
    const harmless = {
      mode: 'cors',
      credentials: 'omit',
      cache: 'default',
      referrer: 'about:client',
      referrerPolicy: 'no-referrer',
      integrity: '',
      keepalive: true,
      priority: 'high',
      duplex: 'half',
      window: null,
    } as const;
    expect(await sent('/', harmless)).toEqual({ ...plainRequest, url: '/' });
  });
});

describe('a Request', () => {
  const url = 'https://api.example.com/notes';

  test('of the standard: its URL, method, header fields and body, which is used up then', async () => {
    const request = new Request(url, { method: 'PUT', headers: json, body: '{"a":"é"}' });
    expect(await sent(request)).toEqual({
      ...plainRequest,
      url,
      method: 'PUT',
      headers: [{ name: 'content-type', value: 'application/json' }],
      body: { kind: 'base64', base64: base64('{"a":"é"}') },
    });
    expect(request.bodyUsed).toBe(true);
    await refused(request);
  });

  test('without a body', async () => {
    expect(await sent(new Request(url))).toEqual({ ...plainRequest, url });
    expect(await sent(new Request(url, { method: 'DELETE' }))).toEqual({ ...plainRequest, url, method: 'DELETE' });
  });

  test('its options count unless others are given beside it', async () => {
    const request = () => new Request(url, { method: 'POST', body: 'x', redirect: 'manual', headers: { a: '1' } });
    expect(await sent(request())).toMatchObject({ maxRedirects: 0 });
    expect(await sent(request(), { redirect: 'follow', method: 'put', headers: { b: '2' } })).toMatchObject({
      maxRedirects: null,
      method: 'PUT',
      headers: [{ name: 'b', value: '2' }],
      body: { kind: 'base64', base64: base64('x') },
    });
    const kept = request();
    expect(await sent(kept, { body: 'y' })).toMatchObject({ body: { kind: 'text', text: 'y' } });
    expect(kept.bodyUsed).toBe(false);
  });

  test('its signal counts unless another one or none is given', async () => {
    const controller = new AbortController();
    controller.abort('enough');
    const request = () => new Request(url, { signal: controller.signal });
    const { fetch } = sender();
    await expect(fetch(request())).rejects.toBe('enough');
    expect((await fetch(request(), { signal: new AbortController().signal })).status).toBe(200);
    expect((await fetch(request(), { signal: null })).status).toBe(200);
  });

  test('of a library that knows text only', async () => {
    const request = { url, method: 'POST', headers: new Headers(json), text: async () => 'é' };
    expect((await sent(request)).body).toEqual({ kind: 'base64', base64: base64('é') });
  });

  describe("React Native's own", () => {
    let Request: new (input: unknown, init?: object) => FetchInput & { bodyUsed: boolean; clone(): FetchInput };

    beforeAll(async () => {
      vi.stubGlobal('Blob', ReactNativeBlob);
      vi.stubGlobal('FileReader', ReactNativeFileReader);
      vi.stubGlobal('FormData', ReactNativeFormData);
      // @ts-expect-error It has no types; React Native brings it.
      ({ Request } = await import('whatwg-fetch'));
      vi.unstubAllGlobals();
    });

    test('a text, by a path, and used up then', async () => {
      const request = new Request('/notes', { method: 'post', headers: json, body: '{"a":"é"}' });
      const clone = request.clone();
      const expected = {
        ...plainRequest,
        url: '/notes',
        method: 'POST',
        headers: [{ name: 'content-type', value: 'application/json' }],
        body: { kind: 'text', text: '{"a":"é"}' },
      };
      expect(await sent(request)).toEqual(expected);
      expect(await sent(clone)).toEqual(expected);
      expect(request.bodyUsed).toBe(true);
      await refused(request);
    });

    test('no body', async () => {
      expect(await sent(new Request('/notes'))).toEqual({ ...plainRequest, url: '/notes' });
    });

    test('bytes, a Blob, a form and a file, which it could not read itself', async () => {
      vi.stubGlobal('Blob', ReactNativeBlob);
      vi.stubGlobal('FileReader', ReactNativeFileReader);
      vi.stubGlobal('FormData', ReactNativeFormData);
      const form = new ReactNativeFormData();
      form.append('photo', { uri: 'file:///a.jpg', type: 'image/jpeg', name: 'a.jpg' });
      const of = (body: unknown) => sent(new Request('/', { method: 'POST', body }));
      expect((await of(Uint8Array.of(255))).body).toEqual({ kind: 'base64', base64: '/w==' });
      expect(await of(ReactNativeBlob.of(Uint8Array.of(255), 'image/png'))).toMatchObject({
        headers: [{ name: 'content-type', value: 'image/png' }],
        body: { kind: 'base64', base64: '/w==' },
      });
      expect(await of(form)).toMatchObject({ headers: [], body: { kind: 'form', parts: [{ uri: 'file:///a.jpg' }] } });
      expect(await of({ uri: 'file:///a.jpg', type: 'image/jpeg' })).toMatchObject({
        headers: [{ name: 'Content-Type', value: 'image/jpeg' }],
        body: { kind: 'file', uri: 'file:///a.jpg' },
      });
    });
  });
});

describe('what cannot be sent is a TypeError, and nothing is sent', () => {
  test.each<[string, unknown, object?]>([
    ['no URL', undefined],
    ['an object that is no URL', { secret: 1 }],
    ['a body of a GET', '/', { body: 'secret' }],
    ['an empty body of a HEAD', '/', { method: 'head', body: '' }],
    ['a method with a space', '/', { method: 'GET /secret' }],
    ['a method that is no text', '/', { method: 5 }],
    ['CONNECT', '/', { method: 'connect' }],
    ['TRACE', '/', { method: 'TRACE' }],
    ['a header with a line break', '/', { headers: { a: 'secret\r\nb: c' } }],
    ['a stream', '/', { method: 'POST', body: new ReadableStream() }],
    ['cookies', '/', { credentials: 'include' }],
    ['mode no-cors', '/', { mode: 'no-cors' }],
    ['mode same-origin', '/', { mode: 'same-origin' }],
    ['mode navigate', '/', { mode: 'navigate' }],
    ['only-if-cached', '/', { cache: 'only-if-cached' }],
    ['a referrer', '/', { referrer: 'https://secret.example' }],
    ['integrity', '/', { integrity: 'sha256-secret' }],
    ['a window', '/', { window: {} }],
    ['a redirect mode that there is not', '/', { redirect: 'secret' }],
    ['a signal that is none', '/', { signal: { aborted: false } }],
    ['a timeout that is no number', '/', { timeoutMs: '5' }],
    ['a timeout of nothing', '/', { timeoutMs: 0 }],
    ['a timeout without end', '/', { timeoutMs: Infinity }],
    ['a limit that is not a number', '/', { maxBodyBytes: NaN }],
    ['an auth that there is not', '/', { auth: 'secret' }],
    ['a key that is no text', '/', { idempotencyKey: 5 }],
  ])('%s', async (_, input, init) => {
    expect((await refused(input, init)).message).not.toContain('secret');
  });

  test('also if the signal is aborted already', async () => {
    await refused('/', { body: 'x', signal: AbortSignal.abort(undefined) });
  });
});

describe('what it rejects with', () => {
  const failing = (code: AuthSessionErrorCode) =>
    sender(() => Promise.reject(new AuthSessionError(code, 'it failed', { retryable: true }))).fetch('/');

  test('a network failure is a TypeError that tells its cause', async () => {
    const error = await failing('network').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as TypeError).cause).toMatchObject({ code: 'network', retryable: true });
  });

  test('what native code refuses to send is a TypeError that tells its cause, as what is refused here', async () => {
    const error = await failing('invalid_request').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ message: 'it failed', cause: { name: 'AuthSessionError', code: 'invalid_request' } });
  });

  test.each(['timeout', 'signed_out', 'origin_not_allowed', 'body_too_large'] as const)(
    'a %s is an AuthSessionError',
    async (code) => {
      await expect(failing(code)).rejects.toMatchObject({ name: 'AuthSessionError', code });
    },
  );

  test('an aborted request rejects with the reason, and is not sent if that was before', async () => {
    const { send, fetch } = sender();
    const reason = new Error('enough');
    await expect(fetch('/', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(fetch('/', { signal: AbortSignal.abort(undefined) })).rejects.toMatchObject({ name: 'AbortError' });
    expect(send).not.toHaveBeenCalled();
  });

  test('an abort while the body is read keeps the request from being sent', async () => {
    const content = deferred<ArrayBuffer>();
    const { send, fetch } = sender();
    const controller = new AbortController();
    const blob = { size: 1, type: '', slice: () => undefined, arrayBuffer: () => content.promise };
    const request = fetch('/', { method: 'POST', body: blob, signal: controller.signal });
    controller.abort('enough');
    await expect(request).rejects.toBe('enough');
    content.resolve(new ArrayBuffer(1));
    await content.promise;
    expect(send).not.toHaveBeenCalled();
  });

  test('the signal is watched over to the end', async () => {
    const { send, fetch } = sender();
    const { signal } = new AbortController();
    await fetch('/', { signal });
    expect(send.mock.lastCall?.[1]?.signal).toBe(signal);
  });
});

describe('a redirect', () => {
  const answering = (status: number) => sender(async () => response({ status }));

  test.each([301, 302, 303, 307, 308])('%i is a TypeError where it must be none', async (status) => {
    await expect(answering(status).fetch('/', { redirect: 'error' })).rejects.toThrow(TypeError);
    expect((await answering(status).fetch('/', { redirect: 'manual' })).status).toBe(status);
    expect((await answering(status).fetch('/')).status).toBe(status);
  });

  test.each([200, 300, 304])('%i is none', async (status) => {
    expect((await answering(status).fetch('/', { redirect: 'error' })).status).toBe(status);
  });
});

describe('progress', () => {
  test('is reported to those who asked for it', async () => {
    const { send, fetch } = sender();
    const [onUploadProgress, onDownloadProgress] = [vi.fn(), vi.fn()];
    await fetch('/', { onUploadProgress, onDownloadProgress });
    const options = send.mock.lastCall?.[1];
    options?.onUpload?.({ requestId: '1', direction: 'upload', bytes: 5, total: 10 });
    options?.onDownload?.({ requestId: '1', direction: 'download', bytes: 6, total: null });
    expect(onUploadProgress.mock.calls).toEqual([[{ loaded: 5, total: 10 }]]);
    expect(onDownloadProgress.mock.calls).toEqual([[{ loaded: 6, total: null }]]);
  });

  test('is not asked of native code if nobody did', async () => {
    const { send, fetch } = sender();
    await fetch('/');
    expect(send.mock.lastCall?.[1]).toEqual({ signal: null, onUpload: undefined, onDownload: undefined });
  });
});

describe('a download', () => {
  test('is written by native code to the file', async () => {
    const { send, download } = sender();
    await download('/film', { to: 'file:///cache/film.mp4', headers: { a: 'b' } });
    expect(send.mock.lastCall?.[0]).toEqual({
      ...plainRequest,
      url: '/film',
      headers: [{ name: 'a', value: 'b' }],
      downloadTo: 'file:///cache/film.mp4',
    });
  });

  test.each([undefined, '/cache/film.mp4', 'content://a/b', 5])('to %j is a TypeError', async (to) => {
    const { send, download } = sender();
    await expect(download('/film', { to: to as string })).rejects.toThrow(TypeError);
    expect(send).not.toHaveBeenCalled();
  });
});

test('it needs nothing that Hermes has not always had', async () => {
  const bytes = Uint8Array.of(0xff, 0xc3, 0xa9);
  const answer = response({ text: null, base64: Buffer.from(bytes).toString('base64') });
  const { send, fetch } = sender(async () => answer);
  const missing = ['TextDecoder', 'TextEncoder', 'atob', 'btoa', 'Buffer', 'URL', 'URLSearchParams', 'AbortController'];
  for (const name of [
    ...missing,
    'DOMException',
    'ReadableStream',
    'Blob',
    'FormData',
    'Headers',
    'Request',
    'Response',
  ]) {
    vi.stubGlobal(name, undefined);
  }
  const texts = [await (await fetch('/', { method: 'POST', body: bytes })).text()];
  texts.push(await (await fetch('/', { method: 'POST', body: 'é\0' })).text());
  const read = await (await fetch('/')).bytes();
  vi.unstubAllGlobals();
  expect(texts).toEqual(['\ufffdé', '\ufffdé']);
  expect(read).toEqual(bytes);
  expect(send.mock.calls.map(([request]) => request.body)).toEqual([
    { kind: 'base64', base64: '/8Op' },
    { kind: 'base64', base64: 'w6kA' },
    null,
  ]);
});

test('nothing of it needs a this', async () => {
  const { fetch, download } = sender();
  expect((await fetch('/')).ok).toBe(true);
  expect((await download('/', { to: 'file:///a' })).ok).toBe(true);
});
