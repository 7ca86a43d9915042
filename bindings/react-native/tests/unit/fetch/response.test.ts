import { Blob } from 'node:buffer';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { SessionResponse } from '../../../src/fetch/response.ts';
import { response } from '../../support/fakeModule.ts';
import { ReactNativeBlob, ReactNativeFormData } from '../../support/reactNativeClasses.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

const contentType = (value: string) => [{ name: 'Content-Type', value }];
const binary = { text: null, base64: Buffer.from([0xff, 0x00, 0xc3, 0xa9]).toString('base64') };

test.each([
  [199, false],
  [200, true],
  [299, true],
  [300, false],
  [401, false],
])('status %i: ok is %s', (status, ok) => {
  expect(new SessionResponse(response({ status })).ok).toBe(ok);
});

test('it tells the phrase of the status, where it came from, and that nothing of it is hidden', () => {
  const url = 'https://api.example.com/b?c';
  const answer = new SessionResponse(response({ status: 404, url: `${url}#d`, redirected: true }));
  expect(answer).toMatchObject({ statusText: 'Not Found', url, redirected: true, type: 'basic', body: null });
  expect(new SessionResponse(response({ status: 299 })).statusText).toBe('');
});

describe('the body', () => {
  test('is read once', async () => {
    const answer = new SessionResponse(response({ text: '{"id":1}' }));
    expect(answer.bodyUsed).toBe(false);
    expect(await answer.json()).toEqual({ id: 1 });
    expect(answer.bodyUsed).toBe(true);
    for (const read of ['text', 'json', 'bytes', 'arrayBuffer', 'blob', 'formData'] as const) {
      await expect(answer[read]()).rejects.toThrow(TypeError);
    }
    expect(() => answer.clone()).toThrow(TypeError);
  });

  test('is read once more from each clone, whose header fields cannot be changed either', async () => {
    const answer = new SessionResponse(response({ status: 201, text: 'a', disposition: 'answered' }), 'POST');
    const clone = answer.clone();
    expect(await answer.text()).toBe('a');
    expect(clone.bodyUsed).toBe(false);
    expect(await clone.clone().text()).toBe('a');
    expect(await clone.text()).toBe('a');
    expect(clone).toMatchObject({ status: 201, disposition: 'answered', url: answer.url });
    expect(() => clone.headers.set('a', 'b')).toThrow(TypeError);
  });

  test('that an answer cannot have can be read as often as one likes', async () => {
    for (const answer of [
      new SessionResponse(response({ status: 204, text: '' })),
      new SessionResponse(response({ text: '' }), 'HEAD'),
      new SessionResponse(response({ text: '' }), 'HEAD').clone(),
    ]) {
      expect(await answer.text()).toBe('');
      expect(await answer.arrayBuffer()).toEqual(new ArrayBuffer(0));
      expect(answer.bodyUsed).toBe(false);
    }
  });

  test('that is not JSON is a SyntaxError, whatever the status', async () => {
    await expect(new SessionResponse(response({ status: 502, text: '<html>' })).json()).rejects.toThrow(SyntaxError);
  });

  test('that is not UTF-8 is intact as bytes, and has U+FFFD as text', async () => {
    const answer = () => new SessionResponse(response(binary));
    expect(await answer().text()).toBe('\ufffd\0é');
    expect(await answer().bytes()).toEqual(Uint8Array.of(0xff, 0x00, 0xc3, 0xa9));
    expect(await answer().arrayBuffer()).toEqual(Uint8Array.of(0xff, 0x00, 0xc3, 0xa9).buffer);
  });

  test('that is UTF-8 is text and bytes, a byte order mark among the bytes only', async () => {
    const answer = () => new SessionResponse(response({ text: '\ufeffhéllo €' }));
    expect(await answer().text()).toBe('héllo €');
    expect(Buffer.from(await answer().arrayBuffer())).toEqual(Buffer.from('\ufeffhéllo €'));
    expect((await answer().bytes()).buffer.byteLength).toBe(Buffer.byteLength('\ufeffhéllo €'));
  });

  test('that is in a file is empty', async () => {
    expect(await new SessionResponse(response({ text: null, base64: null })).text()).toBe('');
  });
});

describe('a Blob', () => {
  test('has the bytes and the type', async () => {
    vi.stubGlobal('Blob', Blob);
    const headers = contentType('text/plain ; charset=utf-8');
    const blob = await new SessionResponse(response({ ...binary, headers })).blob();
    expect(blob.type).toBe('text/plain;charset=utf-8');
    expect(Buffer.from(await blob.arrayBuffer())).toEqual(Buffer.from(binary.base64, 'base64'));
  });

  test('of React Native is made of text, and of no other body', async () => {
    vi.stubGlobal('Blob', ReactNativeBlob);
    const blob = (await new SessionResponse(response({ text: 'é' })).blob()) as unknown as ReactNativeBlob;
    expect(ReactNativeBlob.contents.get(blob)?.toString()).toBe('é');
    await expect(new SessionResponse(response(binary)).blob()).rejects.toThrow(/^Blob takes no bytes.*download/);
  });

  test('is a TypeError where there is none', async () => {
    vi.stubGlobal('Blob', undefined);
    await expect(new SessionResponse(response()).blob()).rejects.toThrow(TypeError);
  });
});

describe('FormData', () => {
  const multipart = '--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n1\r\n--x--';

  test('is made of a form of either kind', async () => {
    const urlEncoded = { text: 'a=1&a=%C3%A9', headers: contentType('application/x-www-form-urlencoded') };
    expect((await new SessionResponse(response(urlEncoded)).formData()).getAll('a')).toEqual(['1', 'é']);
    const headers = contentType('multipart/form-data; boundary=x');
    const [file] = (await new SessionResponse(response({ text: multipart, headers })).formData()).getAll('a');
    expect(file).toMatchObject({ name: 'b', size: 1, type: 'text/plain' });
  });

  test('of React Native holds no file', async () => {
    vi.stubGlobal('FormData', ReactNativeFormData);
    vi.stubGlobal('Blob', ReactNativeBlob);
    const headers = contentType('multipart/form-data; boundary=x');
    await expect(new SessionResponse(response({ text: multipart, headers })).formData()).rejects.toThrow(TypeError);
  });

  test('of what is no form, or where there is none, is a TypeError', async () => {
    await expect(new SessionResponse(response()).formData()).rejects.toThrow(TypeError);
    vi.stubGlobal('FormData', undefined);
    const headers = contentType('application/x-www-form-urlencoded');
    await expect(new SessionResponse(response({ headers })).formData()).rejects.toThrow(TypeError);
  });
});
