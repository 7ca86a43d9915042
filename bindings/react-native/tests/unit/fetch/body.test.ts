import { Blob, File } from 'node:buffer';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { prepareBody } from '../../../src/fetch/body.ts';
import { ReactNativeBlob, ReactNativeFileReader, ReactNativeFormData } from '../../support/reactNativeClasses.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

async function prepared(body: unknown) {
  const { kind, contentType, read } = prepareBody(body);
  return { kind, contentType, body: await read() };
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const part = (fields: object) => ({
  fileName: null,
  contentType: null,
  text: null,
  base64: null,
  uri: null,
  ...fields,
});

test('a string is sent as text, an empty one too', async () => {
  const contentType = 'text/plain;charset=UTF-8';
  for (const text of ['héllo €', '']) {
    expect(await prepared(text)).toEqual({ kind: 'text', contentType, body: { kind: 'text', text } });
  }
});

test('a text that would not arrive in native code as it is, goes as bytes', async () => {
  expect((await prepared('a\0b')).body).toEqual({ kind: 'base64', base64: base64('a\0b') });
  expect((await prepared('a\ud83d')).body).toEqual({ kind: 'base64', base64: base64('a\ufffd') });
});

test('bytes are sent as they are, of a view only what it shows, and as they were when fetch was called', async () => {
  const bytes = Uint8Array.of(0, 255, 128, 1, 2);
  const sent = Buffer.from(bytes).toString('base64');
  expect(await prepared(bytes.buffer)).toEqual({
    kind: 'bytes',
    contentType: null,
    body: { kind: 'base64', base64: sent },
  });
  expect((await prepared(bytes)).body).toEqual({ kind: 'base64', base64: sent });
  expect((await prepared(bytes.subarray(1, 3))).body).toEqual({ kind: 'base64', base64: '/4A=' });
  expect((await prepared(new DataView(bytes.buffer, 1, 2))).body).toEqual({ kind: 'base64', base64: '/4A=' });
  expect((await prepared(Uint16Array.of(0x4142))).body).toEqual({ kind: 'base64', base64: base64('BA') });
  const { read } = prepareBody(bytes);
  bytes.fill(7);
  expect(await read()).toEqual({ kind: 'base64', base64: sent });
});

test('URLSearchParams are sent as a form', async () => {
  expect(
    await prepared(
      new URLSearchParams([
        ['a b', 'é&'],
        ['a b', '2'],
      ]),
    ),
  ).toEqual({
    kind: 'text',
    contentType: 'application/x-www-form-urlencoded;charset=UTF-8',
    body: { kind: 'text', text: 'a+b=%C3%A9%26&a+b=2' },
  });
});

describe('a Blob', () => {
  const bytes = Uint8Array.of(0, 255, 128);

  test('of the standard is read, and tells the content type', async () => {
    expect(await prepared(new Blob([bytes], { type: 'image/png' }))).toEqual({
      kind: 'bytes',
      contentType: 'image/png',
      body: { kind: 'base64', base64: 'AP+A' },
    });
    expect((await prepared(new Blob([bytes]))).contentType).toBeNull();
  });

  test('of React Native is read through a FileReader', async () => {
    vi.stubGlobal('FileReader', ReactNativeFileReader);
    expect(await prepared(ReactNativeBlob.of(bytes, 'image/png'))).toEqual({
      kind: 'bytes',
      contentType: 'image/png',
      body: { kind: 'base64', base64: 'AP+A' },
    });
    expect((await prepared(new ReactNativeBlob())).body).toEqual({ kind: 'base64', base64: '' });
  });

  test('that cannot be read is a TypeError', async () => {
    const unreadable = { size: 1, type: '', slice: () => undefined };
    await expect(prepareBody(unreadable).read()).rejects.toThrow(TypeError);
    vi.stubGlobal('FileReader', ReactNativeFileReader);
    await expect(prepareBody(unreadable).read()).rejects.toThrow(TypeError);
  });
});

test('a file is left to native code, also where it is a Blob that has a URI', async () => {
  const file = { kind: 'file', body: { kind: 'file', uri: 'file:///a.jpg' } };
  expect(await prepared({ uri: 'file:///a.jpg', type: 'image/jpeg' })).toEqual({ ...file, contentType: 'image/jpeg' });
  expect(await prepared({ uri: 'file:///a.jpg' })).toEqual({ ...file, contentType: null });
  const expoFile = Object.assign(new Blob([], { type: '' }), { uri: 'file:///a.jpg' });
  expect(await prepared(expoFile)).toEqual({ ...file, contentType: null });
});

describe('FormData', () => {
  test("React Native's: texts, files by URI, and Blobs, each in its place", async () => {
    vi.stubGlobal('FileReader', ReactNativeFileReader);
    const form = new ReactNativeFormData();
    form.append('a', 'one\ntwo');
    form.append('a', ReactNativeBlob.of(Uint8Array.of(255), 'image/png'));
    form.append('photo', { uri: 'file:///a.jpg', type: 'image/jpeg', name: 'a.jpg' });
    form.append('raw', { uri: 'file:///b' });
    form.append('n', 5);
    expect(await prepared(form)).toEqual({
      kind: 'form',
      contentType: null,
      body: {
        kind: 'form',
        parts: [
          part({ name: 'a', text: 'one\r\ntwo' }),
          part({ name: 'a', fileName: 'blob', contentType: 'image/png', base64: '/w==' }),
          part({ name: 'photo', fileName: 'a.jpg', contentType: 'image/jpeg', uri: 'file:///a.jpg' }),
          part({ name: 'raw', contentType: 'application/octet-stream', uri: 'file:///b' }),
          part({ name: 'n', text: '5' }),
        ],
      },
    });
  });

  test("the standard's: texts and files", async () => {
    const form = new FormData();
    form.append('a\rb', 'one\r\ntwo\rthree\n');
    form.append('f', new File([Uint8Array.of(255)], 'f.png', { type: 'image/png' }));
    form.append('g', new Blob(['x']));
    form.append('z', 'a\0');
    expect((await prepared(form)).body).toEqual({
      kind: 'form',
      parts: [
        part({ name: 'a\r\nb', text: 'one\r\ntwo\r\nthree\r\n' }),
        part({ name: 'f', fileName: 'f.png', contentType: 'image/png', base64: '/w==' }),
        part({ name: 'g', fileName: 'blob', contentType: 'application/octet-stream', base64: base64('x') }),
        part({ name: 'z', base64: base64('a\0') }),
      ],
    });
  });

  test('a part that nobody can send is a TypeError', () => {
    const form = new ReactNativeFormData();
    form.append('a', { name: 'secret' });
    expect(() => prepareBody(form)).toThrow(/^(?!.*secret)/);
    expect(() => prepareBody(form)).toThrow(TypeError);
  });
});

test('a ReadableStream is a TypeError that says what to send instead', () => {
  expect(() => prepareBody(new ReadableStream())).toThrow(TypeError);
  expect(() => prepareBody(new ReadableStream())).toThrow(/ReadableStream.*uri/);
});

test.each([
  ['a plain object', { secret: 1 }],
  ['an array', ['secret']],
  ['a number', 5],
  ['a function', () => 'secret'],
  ['a URI that is none', { uri: 5 }],
  ['a file whose type is no text', { uri: 'file:///secret', type: 5 }],
])('%s is a TypeError that names what can be sent, and quotes nothing', (_, body) => {
  expect(() => prepareBody(body)).toThrow(TypeError);
  expect(() => prepareBody(body)).toThrow(/^(?!.*secret).*FormData/);
});
