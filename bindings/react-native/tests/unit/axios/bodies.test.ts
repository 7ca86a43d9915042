import { Blob } from 'node:buffer';
import { Readable } from 'node:stream';
import axios from 'axios';
import type { AxiosError, AxiosRequestConfig } from 'axios';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { authSessionAdapter } from '../../../src/axios/index.ts';
import { isAuthSessionError } from '../../../src/errors.ts';
import type { NativeBody } from '../../../src/exchange.ts';
import { fakeSender, never } from '../../support/fakeSender.ts';
import {
  ReactNativeBlob,
  ReactNativeFileReader,
  ReactNativeFormData,
  ReactNativeURLSearchParams,
} from '../../support/reactNativeClasses.ts';

/** What native code is to send, and what it is said to be. */
async function sent(data: unknown, config: AxiosRequestConfig = {}): Promise<[NativeBody | null, string | undefined]> {
  const sender = fakeSender();
  await axios.create({ adapter: authSessionAdapter(sender) }).post('/me', data, config);
  const [request] = sender.requests;
  const type = request?.headers.find(({ name }) => name.toLowerCase() === 'content-type');
  return [request?.body ?? null, type?.value];
}

async function refused(data: unknown, config: AxiosRequestConfig = {}): Promise<AxiosError> {
  const sender = fakeSender();
  const request = axios.create({ adapter: authSessionAdapter(sender) }).post('/me', data, config);
  const error = await request.catch((error: unknown) => error);
  expect(axios.isAxiosError(error), String(error)).toBe(true);
  expect(sender.requests).toEqual([]);
  return error as AxiosError;
}

/** As the interceptors of an app leave it: what reaches the adapter is what the app has given. */
const asItIs = { transformRequest: (data: unknown) => data };
const bytes = Uint8Array.of(0, 255, 254, 1);
const base64 = 'AP/+AQ==';

/** In React Native it is the global `FormData`, by which axios knows it. */
class GlobalFormData extends ReactNativeFormData {
  readonly [Symbol.toStringTag] = 'FormData';
}

/** The types are those of React Native, whose `append` takes no name of a file. */
function standardForm(parts: [name: string, value: unknown, fileName?: string][]): FormData {
  const form = new FormData() as unknown as { append(...part: unknown[]): void };
  for (const part of parts) form.append(...part);
  return form as unknown as FormData;
}

const form = 'application/x-www-form-urlencoded';

test.each<[string, unknown, AxiosRequestConfig, NativeBody | null, string | undefined]>([
  ['an object', { a: 'ü' }, {}, { kind: 'text', text: '{"a":"ü"}' }, 'application/json'],
  ['a string', 'a=1', {}, { kind: 'text', text: 'a=1' }, form],
  ['a string with a type', 'x', { headers: { 'Content-Type': 'text/x' } }, { kind: 'text', text: 'x' }, 'text/x'],
  ['an ArrayBuffer', bytes.slice().buffer, {}, { kind: 'base64', base64 }, form],
  ['a view of a part of a buffer', bytes.subarray(1, 3), asItIs, { kind: 'base64', base64: '//4=' }, form],
  ['URLSearchParams', new URLSearchParams({ a: 'ü &' }), {}, { kind: 'text', text: 'a=%C3%BC+%26' }, `${form};charset=utf-8`],
  ['URLSearchParams as they are', new URLSearchParams('a=1'), asItIs, { kind: 'text', text: 'a=1' }, `${form};charset=UTF-8`],
  ['a Blob', new Blob([bytes], { type: 'image/png' }), {}, { kind: 'base64', base64 }, 'image/png'],
  [
    'a Blob with a type of the app',
    new Blob([bytes], { type: 'image/png' }),
    { headers: { 'Content-Type': 'image/x' } },
    { kind: 'base64', base64 },
    'image/x',
  ],
  ['a file', { uri: 'file:///a', type: 'image/png' }, asItIs, { kind: 'file', uri: 'file:///a' }, 'image/png'],
  ['nothing', undefined, {}, null, undefined],
  ['null', null, { headers: { 'Content-Type': 'text/plain' } }, null, undefined],
])('%s', async (_, data, config, body, type) => {
  expect(await sent(data, config)).toEqual([body, type]);
});

test('a form of React Native: its files are native code’s to read, and so is its content type', async () => {
  const data = new GlobalFormData();
  data.append('title', 'Ähm');
  data.append('photo', { uri: 'file:///photo.jpg', name: 'photo.jpg', type: 'image/jpeg' });
  const nothing = { fileName: null, contentType: null, text: null, base64: null, uri: null };
  expect(await sent(data, { headers: { 'Content-Type': 'multipart/form-data' } })).toEqual([
    {
      kind: 'form',
      parts: [
        { ...nothing, name: 'title', text: 'Ähm' },
        { ...nothing, name: 'photo', fileName: 'photo.jpg', contentType: 'image/jpeg', uri: 'file:///photo.jpg' },
      ],
    },
    undefined,
  ]);
});

test('a form of the standard, with a Blob', async () => {
  const data = standardForm([['a', '1'], ['b', new Blob([bytes], { type: 'image/png' }), 'b.png']]);
  const nothing = { fileName: null, contentType: null, text: null, base64: null, uri: null };
  const parts = [
    { ...nothing, name: 'a', text: '1' },
    { ...nothing, name: 'b', fileName: 'b.png', contentType: 'image/png', base64 },
  ];
  expect(await sent(data)).toEqual([{ kind: 'form', parts }, undefined]);
});

test.each([
  ['a stream of Node.js', Readable.from(['a'])],
  ['a ReadableStream', new ReadableStream()],
])('%s is an ERR_NOT_SUPPORT', async (_, data) => {
  expect(await refused(data)).toMatchObject({ code: 'ERR_NOT_SUPPORT' });
});

test.each([[5], [true], [Symbol('a')]])('%s is an ERR_BAD_REQUEST, whose cause is an invalid_request', async (data) => {
  const error = await refused(data, asItIs);
  expect(error).toMatchObject({ name: 'AxiosError', code: 'ERR_BAD_REQUEST' });
  expect(isAuthSessionError(error.cause) && error.cause.code).toBe('invalid_request');
});

describe('maxBodyLength', () => {
  test.each<[string, unknown, AxiosRequestConfig, number]>([
    ['text, which is counted as UTF-8', 'üü', asItIs, 4],
    ['bytes', bytes, asItIs, 4],
    ['a Blob', new Blob([bytes]), {}, 4],
  ])('%s', async (_, data, config, size) => {
    await sent(data, { ...config, maxBodyLength: size });
    expect(await refused(data, { ...config, maxBodyLength: size - 1 })).toMatchObject({
      code: 'ERR_BAD_REQUEST',
      message: 'Request body larger than maxBodyLength limit',
    });
  });

  test('a form that is too large is not sent', async () => {
    const data = standardForm([['a', 'x'.repeat(6)], ['b', new Blob([bytes])]]);
    expect(await refused(data, { maxBodyLength: 100 })).toMatchObject({ code: 'ERR_BAD_REQUEST' });
  });

  test('a file is ended as soon as native code says that it is larger', async () => {
    const sender = fakeSender((_, { onUpload }) => {
      onUpload?.({ requestId: '1', direction: 'upload', bytes: 5, total: 11 });
      return never();
    });
    const api = axios.create({ adapter: authSessionAdapter(sender) });
    const request = api.put('/me', { uri: 'file:///a' }, { ...asItIs, maxBodyLength: 10 });
    await expect(request).rejects.toMatchObject({
      code: 'ERR_BAD_REQUEST',
      message: 'Request body larger than maxBodyLength limit',
      request: { method: 'PUT' },
    });
    expect(sender.cancelled).toHaveLength(1);
  });
});

// axios knows the classes of the standard by a tag that those of React Native do not have.
describe("React Native's own classes", () => {
  beforeEach(() => void vi.stubGlobal('FileReader', ReactNativeFileReader));
  afterEach(() => void vi.unstubAllGlobals());

  const params = new ReactNativeURLSearchParams({ q: 'a&b' });
  const blob = new ReactNativeBlob(['é'], { type: 'text/csv' });

  test("what axios' transformRequest makes of them is no form and no file", async () => {
    expect(await sent(params)).toEqual([{ kind: 'text', text: '{"_searchParams":{}}' }, 'application/json']);
    expect(await sent(blob)).toEqual([{ kind: 'text', text: '{"type":"text/csv"}' }, 'application/json']);
  });

  test('URLSearchParams are a form as text, and as they are', async () => {
    const body = { kind: 'text', text: 'q=a%26b' };
    expect(await sent(params.toString())).toEqual([body, form]);
    expect(await sent(params, asItIs)).toEqual([body, `${form};charset=UTF-8`]);
  });

  test('a Blob is its bytes, as it is', async () => {
    expect(await sent(blob, asItIs)).toEqual([{ kind: 'base64', base64: 'w6k=' }, 'text/csv']);
  });

  test('in the query they are one with a paramsSerializer, and as text in the URL', async () => {
    const sender = fakeSender();
    const api = axios.create({ adapter: authSessionAdapter(sender) });
    await api.get('/notes', { params });
    await api.get('/notes', { params, paramsSerializer: (given) => String(given) });
    await api.get(`/notes?${params}`);
    expect(sender.requests.map(({ url }) => url)).toEqual([
      '/notes?_searchParams=%5Bobject+Map%5D',
      '/notes?q=a%26b',
      '/notes?q=a%26b',
    ]);
  });
});
