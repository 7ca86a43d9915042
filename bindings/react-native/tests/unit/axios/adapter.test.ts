import axios, { CanceledError } from 'axios';
import type { AxiosError, AxiosInstance, AxiosRequestConfig, InternalAxiosRequestConfig } from 'axios';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { authSessionAdapter } from '../../../src/axios/index.ts';
import { AuthSessionError, isAuthSessionError } from '../../../src/errors.ts';
import type { AuthSessionErrorCode } from '../../../src/errors.ts';
import { fakeSender, never } from '../../support/fakeSender.ts';
import type { FakeSender } from '../../support/fakeSender.ts';

function api(sender: FakeSender, config: AxiosRequestConfig = {}): AxiosInstance {
  return axios.create({ adapter: authSessionAdapter(sender), ...config });
}

async function failure(promise: Promise<unknown>): Promise<AxiosError> {
  return promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => {
      expect(axios.isAxiosError(error), String(error)).toBe(true);
      return error as AxiosError;
    },
  );
}

test.each([[undefined], [null], [{}], [Promise.resolve()]])('%s is no session, which is said at once', (sender) => {
  expect(() => authSessionAdapter(sender as unknown as FakeSender)).toThrow(
    expect.objectContaining({ name: 'AuthSessionError', code: 'invalid_configuration' }),
  );
});

describe('URLs', () => {
  test.each<[string, AxiosRequestConfig, string]>([
    ['/me', {}, '/me'],
    ['/a photo', {}, '/a%20photo'],
    ['me', { baseURL: 'https://api.example.com/v1' }, 'https://api.example.com/v1/me'],
    ['https://other.example.com/me', { baseURL: 'https://api.example.com' }, 'https://other.example.com/me'],
    [
      'https://other.example.com/me',
      { baseURL: 'https://api.example.com', allowAbsoluteUrls: false },
      'https://api.example.com/https://other.example.com/me',
    ],
    ['/list?a=1', { params: { b: [2, 3], c: 'ü &' } }, '/list?a=1&b%5B%5D=2&b%5B%5D=3&c=%C3%BC+%26'],
    ['/list', { params: { b: [2] }, paramsSerializer: () => 'own' }, '/list?own'],
  ])('%s with %j is %s', async (url, config, expected) => {
    const sender = fakeSender();
    await api(sender).get(url, config);
    expect(sender.requests[0]?.url).toBe(expected);
  });

  test('the defaults of the axios that the app imports are not those of its instances', async () => {
    const sender = fakeSender();
    axios.defaults.baseURL = 'https://elsewhere.example.com';
    axios.defaults.params = { secret: 1 };
    try {
      await new axios.Axios({ adapter: authSessionAdapter(sender) }).get('/me');
    } finally {
      delete axios.defaults.baseURL;
      delete axios.defaults.params;
    }
    expect(sender.requests[0]?.url).toBe('/me');
  });

  test('parameters that cannot be serialized are an ERR_BAD_REQUEST with the cause', async () => {
    const cause = new Error('no');
    const paramsSerializer = () => {
      throw cause;
    };
    const error = await failure(api(fakeSender()).get('/me', { params: { a: 1 }, paramsSerializer }));
    expect(error).toMatchObject({ code: 'ERR_BAD_REQUEST', message: 'no', cause });
  });
});

describe('requests', () => {
  test('what axios asks for is what native code gets', async () => {
    const sender = fakeSender();
    await api(sender).patch('/me', { name: 'Ada' }, {
      headers: { 'X-List': ['1', '2'], 'X-Dropped': false, 'X-Nul': null, 'X-Odd': ' a\r\n\u20acb\u0000 ' },
      timeout: 5000,
      maxContentLength: 1000,
      maxRedirects: 0,
      authSession: { auth: 'optional', idempotencyKey: 'key' },
    });
    expect(sender.requests).toEqual([
      {
        clientId: null,
        method: 'PATCH',
        url: '/me',
        headers: [
          { name: 'Accept', value: 'application/json, text/plain, */*' },
          { name: 'Content-Type', value: 'application/json' },
          { name: 'X-List', value: '1' },
          { name: 'X-List', value: '2' },
          { name: 'X-Odd', value: 'ab' },
        ],
        body: { kind: 'text', text: '{"name":"Ada"}' },
        auth: 'optional',
        idempotencyKey: 'key',
        timeoutMs: 5000,
        maxBodyBytes: 1000,
        maxRedirects: 0,
        answerAs: 'text',
        downloadTo: null,
      },
    ]);
  });

  test('limits that axios writes as no limit are left to the session', async () => {
    const sender = fakeSender();
    for (const maxContentLength of [-1, Infinity]) {
      await api(sender).post('/me', 'x', { timeout: 0, maxContentLength, maxBodyLength: Infinity });
      expect(sender.requests.pop()).toMatchObject({ timeoutMs: null, maxBodyBytes: null });
    }
  });

  test('options of an instance hold for each of its requests, and are the request’s where it says otherwise', async () => {
    const sender = fakeSender();
    const instance = api(sender, { authSession: { auth: 'optional', idempotencyKey: 'a' } });
    await instance.get('/me', { authSession: { auth: 'never' } });
    expect(sender.requests[0]).toMatchObject({ auth: 'never', idempotencyKey: 'a' });
  });

  test('a header that the app sets is not changed in its own config', async () => {
    const sender = fakeSender();
    const headers = { 'Content-Length': '5', 'Content-Type': 'multipart/form-data', 'X-A': 'a' };
    const { config } = await api(sender).post('/me', new FormData(), { headers });
    expect(sender.requests[0]?.headers.map(({ name }) => name)).toEqual(['Accept', 'X-A']);
    expect(config.headers).toMatchObject(headers);
  });
});

describe('answers', () => {
  test('an answer is what axios makes of one', async () => {
    const sender = fakeSender(() => ({
      status: 201,
      url: 'https://api.example.com/moved',
      headers: [
        { name: 'Content-Type', value: 'application/json' },
        { name: 'Link', value: '<1>' },
        { name: 'link', value: '<2>' },
        { name: 'Set-Cookie', value: 'a=1; Expires=Wed, 01 Jan 2031 00:00:00 GMT' },
        { name: 'set-cookie', value: 'b=2' },
      ],
      text: '\uFEFF{"id":1}',
      redirected: true,
    }));
    const answer = await api(sender).get<{ id: number }>('/me');
    expect(answer.data).toEqual({ id: 1 });
    expect({ ...answer.headers }).toEqual({
      'content-type': 'application/json',
      link: '<1>, <2>',
      'set-cookie': ['a=1; Expires=Wed, 01 Jan 2031 00:00:00 GMT', 'b=2'],
    });
    expect(answer).toMatchObject({
      status: 201,
      statusText: 'Created',
      request: { method: 'GET', responseURL: 'https://api.example.com/moved' },
      config: { url: '/me' },
      authSession: { disposition: 'answered', redirected: true },
    });
  });

  test.each([
    [undefined, 'text', 'héllo'],
    ['text', 'text', 'héllo'],
    ['json', 'text', 'héllo'],
  ] as const)('responseType %s: native code answers as %s, and what is no JSON stays text', async (responseType, answerAs, data) => {
    const sender = fakeSender(() => ({ text: data }));
    expect((await api(sender).get('/me', { ...(responseType && { responseType }) })).data).toBe(data);
    expect(sender.requests[0]?.answerAs).toBe(answerAs);
  });

  test('text that is not UTF-8 has U+FFFD for what is none', async () => {
    const sender = fakeSender(() => ({ text: null, base64: Buffer.from([0x61, 0xff, 0xc3, 0xa9]).toString('base64') }));
    expect((await api(sender).get('/me')).data).toBe('a\uFFFDé');
  });

  test('an arraybuffer has the bytes of the body, whatever they are', async () => {
    const sender = fakeSender(() => ({ text: null, base64: 'AP/+' }));
    const { data } = await api(sender).get('/me', { responseType: 'arraybuffer' });
    expect(data).toBeInstanceOf(ArrayBuffer);
    expect([...new Uint8Array(data)]).toEqual([0, 255, 254]);
    expect(sender.requests[0]?.answerAs).toBe('base64');
  });

  test('a blob has the bytes and the type of the body', async () => {
    const headers = [{ name: 'Content-Type', value: 'image/png' }];
    const sender = fakeSender(() => ({ text: null, base64: 'AP/+', headers }));
    const { data } = await api(sender).get<Blob>('/me', { responseType: 'blob' });
    expect(data.type).toBe('image/png');
    expect([...new Uint8Array(await data.arrayBuffer())]).toEqual([0, 255, 254]);
  });

  test('where Blob takes strings only, as in React Native, a blob of text is one, and any other is an ERR_NOT_SUPPORT', async () => {
    class StringBlob {
      constructor(readonly parts: unknown[]) {
        if (parts.some((part) => typeof part !== 'string')) throw new Error('Creating blobs from bytes is not supported');
      }
    }
    vi.stubGlobal('Blob', StringBlob);
    try {
      const text = await api(fakeSender(() => ({ text: 'héllo' }))).get('/me', { responseType: 'blob' });
      expect(text.data).toEqual({ parts: ['héllo'] });
      const bytes = api(fakeSender(() => ({ text: null, base64: 'AP/+' }))).get('/me', { responseType: 'blob' });
      expect(await failure(bytes)).toMatchObject({ code: 'ERR_NOT_SUPPORT' });
    } finally {
      vi.unstubAllGlobals();
    }
  });

  test('the body of a download is in its file, and the data is null, unless the answer is not successful', async () => {
    const sender = fakeSender(() => ({ text: '' }));
    expect((await api(sender).get('/me', { authSession: { downloadTo: 'file:///a' } })).data).toBeNull();
    expect(sender.requests[0]?.downloadTo).toBe('file:///a');
    const refusing = fakeSender(() => ({ status: 404, text: 'not there' }));
    const error = await failure(api(refusing).get('/me', { authSession: { downloadTo: 'file:///a' } }));
    expect(error.response?.data).toBe('not there');
  });

  test.each(['stream', 'document', 'formdata', 'unknown'])('responseType %s is an ERR_NOT_SUPPORT that names it', async (type) => {
    const sender = fakeSender();
    const error = await failure(api(sender).get('/me', { responseType: type as 'stream' }));
    expect(error).toMatchObject({ code: 'ERR_NOT_SUPPORT', message: `Response type '${type}' is not supported` });
    expect(sender.requests).toEqual([]);
  });

  test.each([
    [304, 'ERR_BAD_RESPONSE'],
    [400, 'ERR_BAD_REQUEST'],
    [499, 'ERR_BAD_REQUEST'],
    [500, 'ERR_BAD_RESPONSE'],
  ])('status %i is an %s with the answer', async (status, code) => {
    const sender = fakeSender(() => ({ status, text: '{"why":1}', disposition: 'refused' }));
    const error = await failure(api(sender).get('/me'));
    expect(error).toMatchObject({
      name: 'AxiosError',
      code,
      message: `Request failed with status code ${status}`,
      status,
      response: { status, data: { why: 1 }, authSession: { disposition: 'refused' } },
      request: { method: 'GET' },
    });
    expect(error.request).toBe(error.response?.request);
  });

  test('validateStatus decides, and without one every status resolves', async () => {
    const sender = fakeSender(() => ({ status: 404 }));
    expect((await api(sender).get('/me', { validateStatus: (status) => status === 404 })).status).toBe(404);
    expect((await api(sender).get('/me', { validateStatus: null })).status).toBe(404);
    const refusing = fakeSender(() => ({ status: 200 }));
    expect((await failure(api(refusing).get('/me', { validateStatus: () => false }))).code).toBe('ERR_BAD_RESPONSE');
  });
});

describe('failures of the session', () => {
  const failing = (error: AuthSessionError) => fakeSender(() => Promise.reject(error));

  test('no answer is axios’ Network Error, with the config, a request, and a cause that is not enumerable', async () => {
    const cause = new AuthSessionError('network', 'the connection broke', { retryable: true });
    const error = await failure(api(failing(cause)).get('/me'));
    expect(error).toMatchObject({ name: 'AxiosError', message: 'Network Error', code: 'ERR_NETWORK' });
    expect(error.config?.url).toBe('/me');
    expect(error.request).toMatchObject({ method: 'GET' });
    expect(error.response).toBeUndefined();
    expect(error.cause).toBe(cause);
    expect(Object.keys(error)).not.toContain('cause');
  });

  test.each<[AuthSessionErrorCode, string, string]>([
    ['timeout', 'ECONNABORTED', 'timeout exceeded'],
    ['cancelled', 'ECONNABORTED', 'Request aborted'],
    ['body_too_large', 'ERR_BAD_RESPONSE', 'why'],
    ['invalid_request', 'ERR_BAD_REQUEST', 'why'],
    ['session_ended', 'session_ended', 'why'],
    ['signed_out', 'signed_out', 'why'],
    ['refresh_unavailable', 'refresh_unavailable', 'why'],
    ['origin_not_allowed', 'origin_not_allowed', 'why'],
    ['locked', 'locked', 'why'],
  ])('%s is an AxiosError %s, with the session’s error as its cause', async (code, axiosCode, message) => {
    const error = await failure(api(failing(new AuthSessionError(code, 'why', { signInRequired: true }))).get('/me'));
    expect(error).toMatchObject({ name: 'AxiosError', code: axiosCode, message });
    expect(isAuthSessionError(error.cause) && [error.cause.code, error.cause.signInRequired]).toEqual([code, true]);
    expect(axios.isCancel(error)).toBe(false);
  });

  test('an answer above maxContentLength is what axios says of it', async () => {
    const sender = failing(new AuthSessionError('body_too_large', 'why'));
    const error = await failure(api(sender).get('/me', { maxContentLength: 10 }));
    expect(error).toMatchObject({ code: 'ERR_BAD_RESPONSE', message: 'maxContentLength size of 10 exceeded' });
  });
});

describe('the end of a request', () => {
  const adapted = (sender: FakeSender, config: AxiosRequestConfig) =>
    authSessionAdapter(sender)({ method: 'get', url: '/me', headers: new axios.AxiosHeaders(), ...config } as InternalAxiosRequestConfig);

  test('a signal ends it at once as canceled, cancels native code, and is let go', async () => {
    const sender = fakeSender(never);
    const controller = new AbortController();
    const removed = vi.spyOn(controller.signal, 'removeEventListener');
    const error = failure(api(sender).get('/me', { signal: controller.signal }));
    await vi.waitFor(() => expect(sender.requests).toHaveLength(1));
    controller.abort(new Error('because'));
    expect(await error).toBeInstanceOf(CanceledError);
    expect(await error).toMatchObject({ code: 'ERR_CANCELED', message: 'canceled', request: { method: 'GET' } });
    expect(sender.cancelled).toHaveLength(1);
    expect(removed).toHaveBeenCalledTimes(1);
  });

  test('a cancel token ends it with its own reason', async () => {
    const sender = fakeSender(never);
    const source = axios.CancelToken.source();
    const error = failure(api(sender).get('/me', { cancelToken: source.token }));
    await vi.waitFor(() => expect(sender.requests).toHaveLength(1));
    source.cancel('not now');
    expect(await error).toBe(source.token.reason);
    expect(await error).toMatchObject({ code: 'ERR_CANCELED', message: 'not now' });
    expect(sender.cancelled).toHaveLength(1);
  });

  test('of two reasons the first one counts', async () => {
    const source = axios.CancelToken.source();
    source.cancel('first');
    const error = await failure(adapted(fakeSender(), { cancelToken: source.token, signal: AbortSignal.abort(undefined) }));
    expect(error).toBe(source.token.reason);
  });

  test('what is cancelled already sends nothing', async () => {
    const sender = fakeSender();
    const source = axios.CancelToken.source();
    source.cancel('no');
    expect(await failure(adapted(sender, { cancelToken: source.token }))).toBe(source.token.reason);
    expect(axios.isCancel(await failure(adapted(sender, { signal: AbortSignal.abort(undefined) })))).toBe(true);
    expect(sender.requests).toEqual([]);
  });

  test('a request that has its answer listens to neither any more', async () => {
    const sender = fakeSender();
    const source = axios.CancelToken.source();
    const unsubscribed = vi.spyOn(source.token, 'unsubscribe');
    const controller = new AbortController();
    const removed = vi.spyOn(controller.signal, 'removeEventListener');
    await adapted(sender, { cancelToken: source.token, signal: controller.signal });
    expect(unsubscribed).toHaveBeenCalledTimes(1);
    expect(removed).toHaveBeenCalledTimes(1);
    controller.abort();
    expect(sender.cancelled).toEqual([]);
  });

  describe('by time', () => {
    beforeEach(() => vi.useFakeTimers());
    afterEach(() => vi.useRealTimers());

    test.each<[string, AxiosRequestConfig, string, string]>([
      ['alone', {}, 'ECONNABORTED', 'timeout of 500ms exceeded'],
      ['with a message of the app', { timeoutErrorMessage: 'slow' }, 'ECONNABORTED', 'slow'],
      ['clarified', { transitional: { clarifyTimeoutError: true } }, 'ETIMEDOUT', 'timeout of 500ms exceeded'],
    ])('timeout %s', async (_, config, code, message) => {
      const sender = fakeSender(never);
      const error = failure(api(sender).get('/me', { timeout: 500, ...config }));
      await vi.advanceTimersByTimeAsync(499);
      expect(sender.cancelled).toEqual([]);
      await vi.advanceTimersByTimeAsync(1);
      expect(await error).toMatchObject({ name: 'AxiosError', code, message });
      expect(axios.isCancel(await error)).toBe(false);
      expect(sender.cancelled).toHaveLength(1);
    });

    test('a request that has its answer leaves no timer', async () => {
      await api(fakeSender()).get('/me', { timeout: 500 });
      expect(vi.getTimerCount()).toBe(0);
    });

    test('a timeout that no timer can hold does not end the request at once', async () => {
      const sender = fakeSender(never);
      const request = api(sender).get('/me', { timeout: 2 ** 40 });
      request.catch(() => {});
      await vi.advanceTimersByTimeAsync(60_000);
      expect(sender.cancelled).toEqual([]);
    });
  });
});
