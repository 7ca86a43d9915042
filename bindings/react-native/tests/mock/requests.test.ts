import axios from 'axios';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { authSessionAdapter } from '../../src/axios/index.ts';
import { exchange, plainRequest } from '../../src/exchange.ts';
import type { NativeRequest } from '../../src/exchange.ts';
import { createMockAuthSession, mockError } from '../../src/mock/index.ts';
import type { MockAuthSession, MockControls, MockRoutePattern } from '../../src/mock/index.ts';
import type { NativeProgress } from '../../src/NativeAuthSession.ts';

let session: MockAuthSession;
let mock: MockControls;

beforeEach(() => {
  session = createMockAuthSession({
    state: 'signed_in',
    baseURL: 'https://api.example.com/v1/',
    allowedOrigins: ['https://files.example.com', 'https://files.example.com:8443', 'https://uploads.example.com'],
  });
  ({ mock } = session);
});

const send = (request: Partial<NativeRequest>) => session[exchange]({ ...plainRequest, ...request });

describe('a route', () => {
  test.each<[MockRoutePattern, string, string, boolean]>([
    ['GET /me', 'GET', '/me', true],
    ['GET /me', 'POST', '/me', false],
    ['/me', 'POST', '/me', true],
    ['GET /me', 'GET', '/me?x=1', true],
    ['GET /me', 'GET', '/me/2', false],
    ['GET /me', 'GET', '/v1/me', false],
    ['GET /me', 'GET', 'https://api.example.com/v1/me', true],
    ['GET /v1/me', 'GET', 'https://api.example.com/v1/me', true],
    ['GET /me', 'GET', 'https://files.example.com/me', true],
    ['GET /me.json', 'GET', '/meXjson', false],
    ['GET https://api.example.com/v1/me', 'GET', '/me', true],
    ['GET https://api.example.com/v1/me', 'GET', 'https://files.example.com/v1/me', false],
    ['GET https://files.example.com:8443/*', 'GET', 'https://files.example.com:8443/a/b', true],
    ['GET /notes/:id', 'GET', '/notes/1', true],
    ['GET /notes/:id', 'GET', '/notes/', false],
    ['GET /notes/:id', 'GET', '/notes/1/2', false],
    ['GET /notes/*', 'GET', '/notes/1/2', true],
    ['*', 'PATCH', 'https://files.example.com/', true],
    [/\/notes\/\d+$/, 'GET', '/notes/12', true],
    [/\/notes\/\d+$/g, 'GET', '/notes/x', false],
    [({ headers }) => headers['x-test'] === '1', 'GET', '/me', false],
  ])('%s, asked with %s %s: %s', async (pattern, method, url, fits) => {
    mock.on(pattern).reply(204);
    mock.on('*').failOnce('timeout');
    await expect(send({ method, url })).rejects.toMatchObject({ code: 'timeout' });
    const answer = send({ method, url });
    await (fits ? expect(answer).resolves.toMatchObject({ status: 204 }) : expect(answer).rejects.toMatchObject({ code: 'invalid_request' }));
  });

  test.each(['', 'me', 'GET', 'get /me', 'GET /me?x=1', 'GET  me', 'GET /me now'])('%j is none', (pattern) => {
    expect(() => mock.on(pattern)).toThrow(/is not a route/);
  });

  test('a regular expression with the flag g fits one request like the next', async () => {
    mock.on(/notes/g).reply(204);
    const statuses = [await session.fetch('/notes'), await session.fetch('/notes')].map(({ status }) => status);
    expect(statuses).toEqual([204, 204]);
  });

  test('a request that none fits is named, without what it carries', async () => {
    mock.on('GET /you').reply(200);
    const error: unknown = await session.fetch('/me?token=secret').catch((reason: unknown) => reason);
    const message = expect.stringContaining("mock.on('GET /me')") as string;
    expect(error).toMatchObject({ name: 'TypeError', message, cause: { code: 'invalid_request' } });
    expect(String(error)).not.toContain('secret');
  });

  test('the newest that fits answers, and one without an answer is none', async () => {
    mock.on('*').reply(500);
    mock.on('GET /me').reply(200);
    mock.on('GET /me');
    expect((await session.fetch('/me')).status).toBe(200);
    expect((await session.fetch('/you')).status).toBe(500);
  });

  test('what is to happen once happens in its order, and then the rest', async () => {
    mock.on('GET /me').replyOnce(503).failOnce('network').replyOnce(() => ({ status: 201 })).reply(200);
    const statuses = [];
    for (let count = 0; count < 5; count += 1) {
      statuses.push(await session.fetch('/me').then(({ status }) => status, (error: TypeError) => error.name));
    }
    expect(statuses).toEqual([503, 'TypeError', 201, 200, 200]);
  });

  test('what was to happen once and has happened leaves the request to older routes', async () => {
    mock.on('GET /me').reply(200);
    mock.on('GET /me').replyOnce(503);
    expect([(await session.fetch('/me')).status, (await session.fetch('/me')).status]).toEqual([503, 200]);
  });
});

describe('what a handler sees', () => {
  test('the request, taken apart', async () => {
    const seen = vi.fn((request: { text(): string; json(): unknown }) => {
      request.json();
      return {};
    });
    mock.on('POST /notes/:id/lines/:line').reply(seen);
    await session.fetch('/notes/a%20b/lines/2?page=1&tag=x+y&tag=%26&tag=z=1&flag#part', {
      method: 'post',
      headers: [['X-One', '1'], ['x-one', '2'], ['Content-Type', 'application/json']],
      body: '{"text":"é"}',
    });
    const request = mock.requests[0];
    expect(seen).toHaveBeenCalledExactlyOnceWith(request);
    expect(request).toMatchObject({
      method: 'POST',
      url: 'https://api.example.com/v1/notes/a%20b/lines/2?page=1&tag=x+y&tag=%26&tag=z=1&flag',
      path: '/notes/a%20b/lines/2',
      params: { id: 'a b', line: '2' },
      query: { page: '1', tag: ['x y', '&', 'z=1'], flag: '' },
      headers: { 'x-one': '1, 2', 'content-type': 'application/json' },
      authorized: true,
      body: { kind: 'text', text: '{"text":"é"}' },
      timeoutMs: null,
      aborted: false,
    });
    expect(request?.json()).toEqual({ text: 'é' });
    expect(request?.headers).not.toHaveProperty('authorization');
  });

  test('a file, a form and an idempotency key as native code would get them', async () => {
    mock.on('*').reply(200);
    const form = { kind: 'form', parts: [] } as const;
    await send({ url: '/files', method: 'POST', body: { kind: 'file', uri: 'file:///a.jpg' }, timeoutMs: 5, idempotencyKey: 'k' });
    await send({ url: '/files', method: 'POST', body: form });
    expect(mock.requests).toMatchObject([
      { body: { kind: 'file', uri: 'file:///a.jpg' }, timeoutMs: 5, idempotencyKey: 'k' },
      { body: form },
    ]);
    expect(mock.requests[0]?.text()).toBe('');
    expect(() => mock.requests[0]?.json()).toThrow(SyntaxError);
  });

  test('percent-encoding that is none is left as it is', async () => {
    mock.on('GET /notes/:id').reply(({ params, query }) => ({ body: { ...params, ...query } }));
    const response = await session.fetch('/notes/%zz?__proto__=%zz');
    expect(await response.text()).toBe('{"id":"%zz","__proto__":"%zz"}');
  });
});

describe('a client', () => {
  test('has its own base URL and headers, and the routes and records of its session', async () => {
    mock.on('PUT /avatar').reply(201);
    const uploads = session.client({ baseURL: 'https://uploads.example.com/v2', headers: { 'X-App': '1' }, requestTimeoutMs: 9 });
    expect((await uploads.fetch('/avatar', { method: 'PUT', headers: { 'X-Own': '2' } })).status).toBe(201);
    expect(mock.requests).toMatchObject([
      { url: 'https://uploads.example.com/v2/avatar', path: '/avatar', headers: { 'x-app': '1', 'x-own': '2' }, timeoutMs: 9 },
    ]);
    mock.signOut();
    await expect(uploads.fetch('/avatar')).rejects.toMatchObject({ code: 'signed_out' });
  });
});

describe('axios', () => {
  const api = () => axios.create({ adapter: authSessionAdapter(session), baseURL: 'https://api.example.com/v1' });

  test('gets what the routes answer, and sends what they can look at', async () => {
    mock.on('POST /notes').reply((request) => ({ status: 201, body: { id: 1, ...request.json<object>() } }));
    const { data, status } = await api().post('/notes', { text: 'x' }, { params: { draft: true } });
    expect([status, data]).toEqual([201, { id: 1, text: 'x' }]);
    expect(mock.requests).toMatchObject([{ path: '/notes', query: { draft: 'true' }, authorized: true }]);
  });

  test('gets its own errors', async () => {
    mock.on('GET /me').replyOnce(404).reply(200);
    await expect(api().get('/me')).rejects.toMatchObject({ code: 'ERR_BAD_REQUEST', response: { status: 404 } });
    mock.offline();
    await expect(api().get('/me')).rejects.toMatchObject({ code: 'ERR_NETWORK' });
  });

  test('is told of progress', async () => {
    mock.on('PUT /file').reply((request) => {
      request.progress('upload', 4, 4);
      return {};
    });
    const onUploadProgress = vi.fn();
    await api().put('/file', 'text', { onUploadProgress });
    expect(onUploadProgress).toHaveBeenCalledWith(expect.objectContaining({ loaded: 4, total: 4 }));
  });
});

describe('an answer', () => {
  test('an object is JSON, with its type', async () => {
    mock.on('GET /me').reply(200, { name: 'Ada' });
    const response = await session.fetch('/me');
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.url).toBe('https://api.example.com/v1/me');
    expect(await response.json()).toEqual({ name: 'Ada' });
  });

  test.each<[string, unknown, string, string | null]>([
    ['text', 'é', 'é', 'text/plain;charset=UTF-8'],
    ['nothing', undefined, '', null],
    ['null', null, 'null', 'application/json'],
    ['bytes that are UTF-8', new TextEncoder().encode('€').buffer, '€', 'application/octet-stream'],
    ['a view', new TextEncoder().encode('x€x').subarray(1, 4), '€', 'application/octet-stream'],
  ])('%s is as it is', async (_, body, text, type) => {
    mock.on('GET /me').reply(200, body);
    const response = await session.fetch('/me');
    expect(response.headers.get('content-type')).toBe(type);
    expect(await response.text()).toBe(text);
  });

  test('bytes that are not UTF-8, or that are asked for as such, come as Base64', async () => {
    const bytes = (length: number) => Uint8Array.from({ length }, (_, index) => 255 - index);
    for (let length = 1; length < 9; length += 1) {
      mock.on('GET /bytes').replyOnce(200, bytes(length));
      expect(await send({ url: '/bytes' })).toMatchObject({ text: null, base64: Buffer.from(bytes(length)).toString('base64') });
    }
    mock.on('GET /text').reply(200, 'aé€😀%\ud800');
    expect(await send({ url: '/text', answerAs: 'base64' })).toMatchObject({
      text: null,
      base64: Buffer.from('aé€😀%\ufffd').toString('base64'),
    });
  });

  test('header fields are those given, and a list is several fields', async () => {
    mock.on('GET /me').reply(200, {}, { 'content-type': 'application/vnd.api+json', 'Set-Cookie': ['a=1', 'b=2'] });
    const { headers } = await session.fetch('/me');
    expect(headers.get('Content-Type')).toBe('application/vnd.api+json');
    expect(headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  });

  test.each([
    [200, 'answered'],
    [401, 'refused'],
    [403, 'permission_denied'],
    [500, 'answered'],
  ])('%i is %s', async (status, disposition) => {
    mock.on('GET /me').reply(status);
    expect((await session.fetch('/me')).disposition).toBe(disposition);
    mock.on('GET /me').reply(() => ({ status, disposition: 'session_ended' }));
    expect((await session.fetch('/me')).disposition).toBe('session_ended');
  });

  test.each([0, 101, 600, 200.5])('%d is no status', async (status) => {
    mock.on('GET /me').reply(status);
    await expect(send({ url: '/me' })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('one from another URL was redirected', async () => {
    mock.on('GET /me').reply(() => ({ url: 'https://api.example.com/v1/you' }));
    expect(await send({ url: '/me' })).toMatchObject({ url: 'https://api.example.com/v1/you', redirected: true });
    mock.on('GET /me').reply(200);
    expect(await send({ url: '/me' })).toMatchObject({ redirected: false });
  });

  test('a download has no body, and leaves where it goes in the record', async () => {
    mock.on('GET /film').reply(200, 'long');
    const response = await session.download('/film', { to: 'file:///film.mp4' });
    expect([response.ok, await response.text(), mock.requests[0]?.downloadTo]).toEqual([true, '', 'file:///film.mp4']);
  });

  test('HEAD, and a download that succeeds, bring no body into JavaScript', async () => {
    mock.on('*').reply(200, 'long');
    expect(await send({ url: '/me', method: 'HEAD' })).toMatchObject({ text: '', base64: null });
    expect(await send({ url: '/me', downloadTo: 'file:///a' })).toMatchObject({ text: '', base64: null });
    mock.on('*').reply(404, 'why');
    expect(await send({ url: '/me', downloadTo: 'file:///a' })).toMatchObject({ text: 'why' });
  });

  test('what a handler throws, the app gets', async () => {
    mock.on('GET /me').reply(() => Promise.reject(mockError('session_ended')));
    await expect(session.fetch('/me')).rejects.toMatchObject({ code: 'session_ended', signInRequired: true });
  });
});

describe('a request that waits', () => {
  test('gets its answer when the test gives it, together with all others', async () => {
    const hold = mock.on('GET /me').hold();
    const answers = Promise.all([session.fetch('/me'), session.fetch('/me?x=1')]);
    await vi.waitUntil(() => hold.waiting.length === 2);
    expect(hold.waiting).toEqual(mock.requests);
    hold.reply(200, { id: 1 });
    expect((await answers).map(({ status }) => status)).toEqual([200, 200]);
    expect(hold.waiting).toEqual([]);
    const later = session.fetch('/me');
    await vi.waitUntil(() => hold.waiting.length === 1);
    hold.fail('network');
    await expect(later).rejects.toBeInstanceOf(TypeError);
  });

  test('that the app aborts rejects with its reason at once, and the test can see it', async () => {
    const hold = mock.on('GET /me').hold();
    const controller = new AbortController();
    const request = session.fetch('/me', { signal: controller.signal });
    await vi.waitUntil(() => hold.waiting.length === 1);
    controller.abort('left');
    await expect(request).rejects.toBe('left');
    expect(mock.requests[0]?.aborted).toBe(true);
    expect(hold.waiting).toEqual([]);
    hold.reply(200);
  });

  test('reports the progress that the test gives it', async () => {
    const hold = mock.on('PUT /file').hold();
    const seen: NativeProgress[] = [];
    const onUpload = (progress: NativeProgress) => seen.push(progress);
    const answer = session[exchange]({ ...plainRequest, method: 'PUT', url: '/file' }, { onUpload });
    await vi.waitUntil(() => hold.waiting.length === 1);
    hold.waiting[0]?.progress('upload', 1, 4);
    hold.waiting[0]?.progress('download', 9);
    expect(seen).toMatchObject([{ direction: 'upload', bytes: 1, total: 4 }]);
    hold.reply(200);
    await answer;
  });
});

describe('what keeps a request from the server', () => {
  test.each([
    'https://elsewhere.example/me',
    'http://api.example.com/me',
    'https://api.example.com:444/me',
    'https://api.example.com.elsewhere.example/me',
    'https://user:secret@api.example.com/me',
    'https://api.example.com\\@elsewhere.example/me',
  ])('an origin that is not allowed: %s', async (url) => {
    mock.on('*').reply(200);
    const error: unknown = await session.fetch(url).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'origin_not_allowed' });
    expect(String(error)).not.toContain('secret');
    await expect(send({ url, auth: 'never' })).rejects.toMatchObject({ code: 'origin_not_allowed' });
    await expect(session.authorization(url)).rejects.toMatchObject({ code: 'origin_not_allowed' });
    expect(mock.requests).toEqual([]);
  });

  test('the origin of a client that is not allowed, whatever it asks for', async () => {
    mock.on('*').reply(200);
    const foreign = session.client({ baseURL: 'https://elsewhere.example' });
    await expect(foreign.fetch('/me')).rejects.toMatchObject({ code: 'origin_not_allowed' });
    await expect(foreign.fetch('https://api.example.com/v1/me')).rejects.toMatchObject({ code: 'origin_not_allowed' });
    expect(mock.requests).toEqual([]);
  });

  test('nothing, where the same allowed origin is written in another way', async () => {
    mock.on('*').reply(200);
    expect((await session.fetch('HTTPS://API.example.com:443/v1/me')).status).toBe(200);
    await session.authorization('https://files.example.com/a.jpg');
  });

  test.each(['Authorization', 'authorization', 'Host', 'Content-Length', 'Transfer-Encoding', 'Connection'])(
    'a header that is not the business of an app: %s',
    async (name) => {
      mock.on('*').reply(200);
      const headers = [{ name, value: 'secret' }];
      const error: unknown = await send({ url: '/me', headers }).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'invalid_request' });
      expect(String(error)).not.toContain('secret');
      const client = session.client({ baseURL: 'https://api.example.com', headers: { [name]: 'x' } });
      await expect(client.fetch('/me')).rejects.toMatchObject({ code: 'invalid_configuration' });
      expect(mock.requests).toEqual([]);
    },
  );

  test('nobody is signed in, unless the request does not need that', async () => {
    mock.on('*').reply(200);
    mock.signOut();
    await expect(session.fetch('/me')).rejects.toMatchObject({ code: 'signed_out', signInRequired: true });
    expect(mock.requests).toEqual([]);
    await send({ url: '/me', auth: 'optional' });
    await send({ url: '/me', auth: 'never' });
    mock.signIn();
    await send({ url: '/me', auth: 'optional' });
    await send({ url: '/me', auth: 'never' });
    expect(mock.requests.map(({ authorized }) => authorized)).toEqual([false, false, true, false]);
  });

  test('a store that is locked, with the reason', async () => {
    mock.setState('locked');
    await expect(session.fetch('/me')).rejects.toMatchObject({ code: 'locked', retryable: true });
    mock.setState({ status: 'locked', code: 'unlock_failed' });
    await expect(session.fetch('/me')).rejects.toMatchObject({ code: 'unlock_failed', retryable: false });
  });

  test('no network', async () => {
    mock.on('GET /me').reply(200);
    mock.offline();
    const error: unknown = await session.fetch('/me').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ cause: { code: 'network', retryable: true } });
    expect(mock.requests).toEqual([]);
    mock.online();
    expect((await session.fetch('/me')).status).toBe(200);
  });

  test('a signal that is aborted already', async () => {
    mock.on('GET /me').reply(200);
    await expect(session.fetch('/me', { signal: AbortSignal.abort('no') })).rejects.toBe('no');
    expect(mock.requests).toEqual([]);
  });

  test('a session that is being restored, until it is', async () => {
    mock.on('GET /me').reply(200);
    mock.setState('restoring');
    const answer = session.fetch('/me');
    await new Promise((resolve) => setImmediate(resolve));
    expect(mock.requests).toEqual([]);
    mock.signIn();
    expect((await answer).status).toBe(200);
  });
});
