import { Blob, File } from 'node:buffer';

/** A call that both fetch of Node.js and that of the session make. */
export interface FetchCase {
  readonly name: string;
  readonly call: (fetch: Fetch, url: (path: string) => string, server: Server) => Promise<Answer>;
  /** What is made of the answer's body; by default its text. */
  readonly read?: (answer: Answer) => Promise<unknown>;
  /** What of it is different, and why: the name of an explanation. */
  readonly differences?: Readonly<Partial<Record<Field, Explanation>>>;
}

/** What a case sees of the server. */
export interface Server {
  /** Resolves when the next request has come. */
  nextRequest(): Promise<void>;
}

/** What is compared of a call. */
export type Field = 'requests' | 'error' | 'status' | 'statusText' | 'headers' | 'url' | 'redirected' | 'type' | 'body';

/** Of either fetch, so that a case says nothing about which of them it is. */
export type Fetch = (input: never, init?: never) => Promise<Answer>;

/** What both answers have. */
export interface Answer {
  readonly status: number;
  readonly statusText: string;
  readonly url: string;
  readonly redirected: boolean;
  readonly type: string;
  readonly headers: Iterable<[string, string]> & { get(name: string): string | null; getSetCookie(): string[] };
  readonly bodyUsed: boolean;
  clone(): Answer;
  text(): Promise<string>;
  json(): Promise<unknown>;
  arrayBuffer(): Promise<ArrayBuffer>;
  blob(): Promise<{ readonly type: string; readonly size: number; text(): Promise<string> }>;
  formData(): Promise<Iterable<[string, unknown]>>;
}

/** Why something is different on purpose. */
export const explanations = {
  session_redirects:
    'The session follows redirects to other origins for GET and HEAD over HTTPS only, ten at most, and never to ' +
    'nonsense. What it does not follow is the answer, with the disposition `redirect_refused`, and no error.',
  retried: 'After a failure that passes, what may be sent again is ([requests](requests.md#what-is-sent-again)).',
  no_streams: 'React Native has no streams. A file is sent by its URI, piece by piece.',
  no_cookies: 'The session keeps no cookies, so an app that asks for them hears of it instead of missing them.',
  no_page: 'There is no page, and so nothing that the mode could protect or hide.',
  no_referrer: 'There is no referrer. `headers` can carry one.',
  no_integrity: 'It is not checked here, and to skip a check in silence would be dangerous.',
  phrase: 'HTTP/2 has no phrases, so it is always the registered one of the status.',
  utf8_fields:
    'HTTP gives what is beyond ASCII in a field no encoding (RFC 9110, section 5.5). fetch takes it for Latin-1, ' +
    'native code for UTF-8, as servers do today.',
  whole:
    'When the call resolves, the body is there, too: what breaks it breaks the call, and an abort that comes later ' +
    'changes nothing.',
  own_fields: '`Authorization`, `Host` and the fields of the connection are the session’s and HTTP’s business.',
  boundary:
    'Apps for React Native often set this without a boundary, with which nobody could read the form; native code ' +
    'sets it right.',
  no_guessing: 'Sent as text it would be `[object Object]` or such, which nobody wants.',
  own_origins: 'The session sends to the origins that it was opened for, by HTTP or HTTPS, and nowhere else.',
  path: 'A relative URL is one under `baseURL`.',
  decoded: 'What has been decoded does not say that it is encoded.',
  undefined_field: 'fetch sends the text `undefined`, which nobody wants.',
} as const;

export type Explanation = keyof typeof explanations;

/** The session sends nothing, where Node.js does. */
const unsent = (explanation: Explanation) => ({ error: explanation, requests: explanation });

const arrayBuffer = async (answer: Answer) => Buffer.from(await answer.arrayBuffer()).toString('hex');
const entries = async (answer: Answer) =>
  Promise.all(
    Array.from(await answer.formData(), async ([name, value]) => [
      name,
      typeof value === 'string' ? value : { name: (value as File).name, text: await (value as File).text() },
    ]),
  );

/** A request with a body, of which the server tells the test. */
const post = (
  name: string,
  body: () => unknown,
  headers?: object,
  differences?: FetchCase['differences'],
): FetchCase => ({
  name,
  call: (fetch, url) => fetch(url('/text') as never, { method: 'POST', body: body(), headers } as never),
  ...(differences && { differences }),
});

const get = (
  name: string,
  path: string,
  init: object | (() => object) = {},
  more: Partial<Pick<FetchCase, 'read' | 'differences'>> = {},
): FetchCase => ({
  name,
  call: (fetch, url) => fetch(url(path) as never, (typeof init === 'function' ? init() : init) as never),
  ...more,
});

const form = (fill: (form: FormData) => void) => () => {
  const data = new FormData();
  fill(data);
  return data;
};

/** By subject, in the order of the page. */
export const fetchCases: Readonly<Record<string, readonly FetchCase[]>> = {
  'What is asked for': [
    get('a text', '/text?a=1&b=%20'),
    { name: 'a URL object', call: (fetch, url) => fetch(new URL(url('/text')) as never) },
    get('a URL with a fragment', '/text#part'),
    {
      name: 'a URL of another origin',
      call: (fetch) => fetch('https://elsewhere.invalid/' as never),
      differences: { error: 'own_origins' },
    },
    {
      name: 'a data: URL',
      call: (fetch) => fetch('data:text/plain,hi' as never),
      differences: { error: 'own_origins' },
    },
    {
      name: 'a URL with a password',
      call: (fetch, url) => fetch(url('/text').replace('http://', 'http://a:b@') as never),
    },
    { name: 'a path', call: (fetch) => fetch('/text' as never), differences: unsent('path') },
    { name: 'a Request', call: (fetch, url) => fetch(new Request(url('/text'), { headers: { 'X-A': '1' } }) as never) },
    {
      name: 'a Request with a body',
      call: (fetch, url) => fetch(new Request(url('/text'), { method: 'PUT', body: 'héllo' }) as never),
    },
    {
      name: 'a Request with a form',
      call: (fetch, url) =>
        fetch(
          new Request(url('/text'), {
            method: 'POST',
            body: form((data) => data.append('a', 'b'))() as never,
          }) as never,
        ),
    },
    {
      name: 'a Request, and options that change it',
      call: (fetch, url) => {
        const request = new Request(url('/text'), { method: 'POST', body: 'a', headers: { 'X-A': '1' } });
        return fetch(request as never, { method: 'PUT', body: 'b', headers: { 'X-B': '2' } } as never);
      },
    },
    {
      name: 'a Request, twice',
      call: async (fetch, url) => {
        const request = new Request(url('/text'), { method: 'POST', body: 'a' }) as never;
        await fetch(request);
        return fetch(request);
      },
    },
    {
      name: 'a clone of a Request beside it',
      call: async (fetch, url) => {
        const request = new Request(url('/text'), { method: 'POST', body: 'a' });
        const clone = request.clone() as never;
        await fetch(request as never);
        return fetch(clone);
      },
    },
  ],
  Methods: [
    ...['get', 'DELETE', 'options', 'REPORT', 'post', 'Put', 'PATCH'].map((method) => get(method, '/text', { method })),
    get('patch', '/text', { method: 'patch' }),
    get('HEAD', '/text', { method: 'HEAD' }),
    get('CONNECT', '/text', { method: 'CONNECT' }),
    get('TRACE', '/text', { method: 'trace' }),
    get('one with a space', '/text', { method: 'GE T' }),
    get('an empty one', '/text', { method: '' }),
  ],
  'Header fields': [
    get('an object', '/text', { headers: { 'X-A': '1', 'x-b': '' } }),
    get('pairs, names twice', '/text', {
      headers: [
        ['X-A', '1'],
        ['x-a', '2'],
      ],
    }),
    get('Headers', '/text', () => ({ headers: new Headers({ 'X-A': '1' }) })),
    get('white space around a value', '/text', { headers: { 'X-A': ' \t1 2\r\n' } }),
    get('a number', '/text', { headers: { 'X-A': 1 } }),
    get('undefined', '/text', { headers: { 'X-A': undefined } }, { differences: unsent('undefined_field') }),
    get('a cookie', '/text', { headers: { Cookie: 'a=1' } }),
    get('its own User-Agent and Accept', '/text', { headers: { 'User-Agent': 'app/1', Accept: 'text/html' } }),
    get('a line break in a value', '/text', { headers: { 'X-A': 'a\r\nX-B: b' } }),
    get('a NUL in a value', '/text', { headers: { 'X-A': 'a\0b' } }),
    get('a value beyond Latin-1', '/text', { headers: { 'X-A': '€' } }),
    get('a value beyond ASCII', '/text', { headers: { 'X-A': 'é' } }, { differences: { requests: 'utf8_fields' } }),
    get('a space in a name', '/text', { headers: { 'X A': 'a' } }),
    get('an empty name', '/text', { headers: { '': 'a' } }),
    get('a pair of three', '/text', { headers: [['a', 'b', 'c']] }),
    get('Authorization', '/text', { headers: { Authorization: 'Basic YTpi' } }, { differences: unsent('own_fields') }),
  ],
  'Bodies that are sent': [
    post('a string', () => 'héllo €'),
    post('an empty string', () => ''),
    post('a string with NUL', () => 'a\0b'),
    post('half a surrogate pair', () => 'a\ud83d'),
    post('JSON with its content type', () => '{"a":1}', { 'content-type': 'application/json' }),
    post('no body', () => undefined),
    post('null', () => null),
    post('an ArrayBuffer', () => Uint8Array.of(0, 255, 128).buffer),
    post('a typed array', () => Uint8Array.of(0, 255, 128)),
    post('a part of a typed array', () => Uint8Array.of(0, 255, 128, 7).subarray(1, 3)),
    post('a DataView', () => new DataView(Uint8Array.of(0, 255, 128, 7).buffer, 2)),
    post(
      'URLSearchParams',
      () =>
        new URLSearchParams([
          ['a b', 'é&='],
          ['a b', '2'],
        ]),
    ),
    post('a Blob', () => new Blob([Uint8Array.of(0, 255)], { type: 'image/png' })),
    post('a Blob without a type', () => new Blob(['text'])),
    post('a Blob with another content type', () => new Blob(['text'], { type: 'image/png' }), {
      'Content-Type': 'text/css',
    }),
    post(
      'a form of texts',
      form((data) => {
        data.append('a', 'é');
        data.append('a', '');
        data.append('b"\r\n', 'c\nd\re');
      }),
    ),
    post(
      'a form with a file',
      form((data) => data.append('f', new File([Uint8Array.of(0, 255)], 'é".png', { type: 'image/png' }) as never)),
    ),
    post(
      'a form with a Blob',
      form((data) => data.append('f', new Blob(['x']) as never)),
    ),
    post(
      'an empty form',
      form(() => {}),
    ),
    post(
      'a form that says multipart/form-data',
      form((data) => data.append('a', 'b')),
      { 'Content-Type': 'multipart/form-data' },
      { requests: 'boundary' },
    ),
    post('a stream', () => new ReadableStream({ start: (controller) => controller.close() }), undefined),
    get(
      'a stream with duplex',
      '/text',
      () => ({
        method: 'POST',
        duplex: 'half',
        body: new ReadableStream({ start: (controller) => controller.close() }),
      }),
      { differences: unsent('no_streams') },
    ),
    post('a plain object', () => ({ a: 1 }), undefined, unsent('no_guessing')),
    post('a number', () => 5, undefined, unsent('no_guessing')),
    get('a body of a GET', '/text', { body: 'a' }),
    get('a body of a HEAD', '/text', { method: 'head', body: '' }),
    get('a body of a DELETE', '/text', { method: 'DELETE', body: 'a' }),
    get('a body of a PATCH', '/text', { method: 'PATCH', body: 'a' }),
  ],
  Redirects: [
    ...[301, 302, 303, 307, 308].map((status) => get(`${status} of a GET`, `/redirect/${status}/text`)),
    ...[301, 302, 303, 307, 308].map((status) =>
      get(`${status} of a POST`, `/redirect/${status}/text`, { method: 'POST', body: 'a', headers: { 'X-A': '1' } }),
    ),
    get('303 of a PUT', '/redirect/303/text', { method: 'PUT', body: 'a' }),
    get('303 of a HEAD', '/redirect/303/text', { method: 'HEAD' }),
    get('several', '/redirect/302/redirect/307/redirect/301/text'),
    get('with a fragment', '/redirect/302/text#there'),
    get('without a Location', '/redirect-without-location'),
    get('to nonsense', '/redirect-to-nonsense', {}, { differences: { error: 'session_redirects' } }),
    get('in a circle', '/loop', {}, { differences: { requests: 'session_redirects', error: 'session_redirects' } }),
    get('to another origin', '/elsewhere', {}, { differences: { status: 'session_redirects' } }),
    get(
      'to another origin, 307 of a POST',
      '/elsewhere/307',
      { method: 'POST', body: 'a' },
      { differences: { status: 'session_redirects' } },
    ),
    get('manual', '/redirect/302/text', { redirect: 'manual' }),
    get('manual, no redirect', '/text', { redirect: 'manual' }),
    get('error', '/redirect/302/text', { redirect: 'error' }),
    get('error, no redirect', '/text', { redirect: 'error' }),
    get('error, no Location', '/redirect-without-location', { redirect: 'error' }),
    get('a mode that there is not', '/text', { redirect: 'never' }),
  ],
  Answers: [
    ...[200, 201, 202, 204, 206, 300, 304, 400, 404, 409, 410, 451, 500, 501].map((status) =>
      get(String(status), `/status/${status}`),
    ),
    get('403', '/status/403'),
    get('418', '/status/418', {}, { differences: { statusText: 'phrase' } }),
    get('422', '/status/422', {}, { differences: { statusText: 'phrase' } }),
    get('503 of a POST', '/status/503', { method: 'POST', body: 'a' }),
    get('503 of a GET', '/status/503', {}, { differences: { requests: 'retried' } }),
    get('a status that nobody knows', '/unknown-status', {}, { differences: { statusText: 'phrase' } }),
    get('another phrase', '/phrase', {}, { differences: { statusText: 'phrase' } }),
    get('no body', '/empty'),
    get('pieces', '/chunked'),
    get('gzip', '/gzip', {}, { differences: { headers: 'decoded' } }),
    get('several cookies', '/cookies', {}, { read: async (answer) => answer.headers.getSetCookie() }),
    get('a field twice', '/repeated', {}, { read: async (answer) => answer.headers.get('x-repeated') }),
    get('a field beyond ASCII', '/latin1-header', {}, { differences: { headers: 'utf8_fields' } }),
  ],
  'Bodies that are read': [
    get('JSON', '/json', {}, { read: (answer) => answer.json() }),
    get('JSON that is none', '/html', {}, { read: (answer) => answer.json() }),
    get('JSON of an empty body', '/empty', {}, { read: (answer) => answer.json() }),
    get('bytes', '/bytes', {}, { read: arrayBuffer }),
    get('bytes as text', '/bytes'),
    get('UTF-8 as bytes', '/json', {}, { read: arrayBuffer }),
    get('Latin-1, which says so', '/latin1'),
    get('a byte order mark in text', '/mark'),
    get('a byte order mark in bytes', '/mark', {}, { read: arrayBuffer }),
    get('NUL', '/nul'),
    get(
      'a Blob',
      '/html',
      {},
      {
        read: async (answer) => {
          const { type, size } = await answer.blob();
          return { type, size };
        },
      },
    ),
    get('a Blob without a type', '/empty', {}, { read: async (answer) => (await answer.blob()).type }),
    get('a URL-encoded form', '/form', {}, { read: entries }),
    get('a multipart form', '/multipart', {}, { read: entries }),
    get('a form that is none', '/json', {}, { read: entries }),
    get(
      'twice',
      '/text',
      {},
      {
        read: async (answer) => {
          await answer.text();
          return answer.json();
        },
      },
    ),
    get(
      'twice, of a 204',
      '/status/204',
      {},
      { read: async (answer) => [await answer.text(), answer.bodyUsed, await answer.text()] },
    ),
    get(
      'twice, of an empty 200',
      '/empty',
      {},
      {
        read: async (answer) => {
          await answer.text();
          return answer.text();
        },
      },
    ),
    get(
      'a clone beside it',
      '/json',
      {},
      { read: async (answer) => [await answer.clone().json(), await answer.text(), answer.bodyUsed] },
    ),
    get(
      'a clone too late',
      '/json',
      {},
      {
        read: async (answer) => {
          await answer.text();
          return answer.clone();
        },
      },
    ),
    get(
      'header fields that are changed',
      '/text',
      {},
      { read: async (answer) => (answer.headers as unknown as Headers).set('a', 'b') },
    ),
  ],
  'No answer': [
    get('the connection breaks', '/broken', { method: 'POST', body: 'a' }),
    get('the connection breaks, of a GET', '/broken', {}, { differences: { requests: 'retried' } }),
    get('the body breaks', '/truncated', { method: 'POST', body: 'a' }, { differences: { error: 'whole' } }),
    get('aborted before', '/text', () => ({ signal: AbortSignal.abort(undefined) })),
    get('aborted before, with a reason', '/text', () => ({ signal: AbortSignal.abort(new RangeError('enough')) })),
    get('aborted before, of a mistake', '/text', () => ({ signal: AbortSignal.abort(undefined), body: 'a' })),
    get('too slow for AbortSignal.timeout', '/held', () => ({ signal: AbortSignal.timeout(1_000) })),
    {
      name: 'aborted while it waits',
      call: async (fetch, url, server) => {
        const controller = new AbortController();
        const arrived = server.nextRequest();
        const answer = fetch(url('/held') as never, { signal: controller.signal } as never);
        await Promise.race([arrived, answer]);
        controller.abort();
        return answer;
      },
    },
    {
      name: 'aborted when it is over',
      call: async (fetch, url) => {
        const controller = new AbortController();
        const answer = await fetch(url('/text') as never, { signal: controller.signal } as never);
        await answer.clone().text();
        controller.abort();
        return answer;
      },
      differences: { body: 'whole' },
    },
    get('a signal that is none', '/text', { signal: {} }),
  ],
  'Options of browsers': [
    get('mode cors', '/text', { mode: 'cors' }),
    get('mode no-cors', '/text', { mode: 'no-cors' }, { differences: unsent('no_page') }),
    get('mode navigate', '/text', { mode: 'navigate' }),
    get('credentials omit', '/text', { credentials: 'omit' }),
    get('credentials same-origin', '/text', { credentials: 'same-origin' }),
    get('credentials include', '/text', { credentials: 'include' }, { differences: unsent('no_cookies') }),
    ...['default', 'no-store', 'reload', 'no-cache', 'force-cache'].map((cache) =>
      get(`cache ${cache}`, '/text', { cache }),
    ),
    get('cache only-if-cached', '/text', { cache: 'only-if-cached' }),
    get('referrerPolicy', '/text', { referrerPolicy: 'no-referrer' }),
    get('referrer', '/text', { referrer: 'https://app.example/' }, { differences: unsent('no_referrer') }),
    get('keepalive', '/text', { keepalive: true }),
    get('priority', '/text', { priority: 'high' }),
    get(
      'integrity that fits',
      '/text',
      { integrity: 'sha256-mC2ePrmW9VnmM/TRlN7zdh2Qn1o7ZH0ahR/q1nwyydE=' },
      { differences: unsent('no_integrity') },
    ),
    get('window', '/text', { window: null }),
  ],
};
