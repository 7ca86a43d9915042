import { Blob } from 'node:buffer';
import { Readable } from 'node:stream';
import axios from 'axios';
import type { AxiosRequestConfig } from 'axios';
import type { Request } from './observation.ts';

/** For each thing that differs, why it does. */
type Explanations = Readonly<Record<string, string>>;

/** A request, and how what becomes of it through the session differs from both adapters of axios, or from one. */
export interface Case extends Request {
  readonly name: string;
  readonly both?: Explanations;
  readonly http?: Explanations;
  readonly fetch?: Explanations;
}

function plain(name: string, config: AxiosRequestConfig, explained: Omit<Case, 'name' | 'config'> = {}): Case {
  return { name, config: () => config, ...explained };
}

/** An origin that is allowed, and where nobody listens. */
export const nobody = 'http://127.0.0.1:9';

const bytes = Uint8Array.of(0, 255, 254, 1);

/** The types are those of React Native, whose `append` takes no name of a file. */
function form(): unknown {
  const form = new FormData() as unknown as { append(...part: unknown[]): void };
  form.append('title', 'Zoë');
  form.append('photo', new Blob([bytes], { type: 'image/png' }), 'photo.png');
  return form;
}

function aborted(reason?: unknown): AbortSignal {
  return AbortSignal.abort(reason);
}

export const cases: readonly Case[] = [
  // What is asked for.
  plain('GET', { url: '/json' }),
  plain('a URL without a baseURL of its own', { url: '/json', baseURL: '' }, {
    both: { outcome: 'a path is under the session’s baseURL; axios has nothing to complete it with in Node.js' },
  }),
  { name: 'an absolute URL beside a baseURL', config: ({ url }) => ({ url: `${url}/json`, baseURL: `${url}/other` }) },
  plain('params', { url: '/json?a=1#part', params: { b: [2, 3], c: 'ü & +', d: null, e: { f: 4 }, g: new Date(0) } }),
  plain('paramsSerializer', { url: '/json', params: { a: [1, 2] }, paramsSerializer: { indexes: null } }),
  plain('characters beyond ASCII in the path', { url: '/json/ü b' }),
  plain('HEAD', { method: 'head', url: '/json' }),
  plain('OPTIONS', { method: 'options', url: '/json' }),
  plain('DELETE with a body', { method: 'delete', url: '/json', data: { a: 1 } }),
  plain('a method of one’s own', { method: 'PURGE', url: '/json' }),
  plain('GET with a body', { url: '/json', data: { a: 1 } }, {
    fetch: { outcome: 'fetch allows no body there; a session sends it, as the http adapter does' },
  }),
  plain('POST without a body', { method: 'post', url: '/json' }, {
    both: {
      'sent headers': 'nothing is sent, so nothing says what it is: as with the adapter of browsers and React Native',
    },
  }),
  plain('POST of an empty string', { method: 'post', url: '/json', data: '' }, {
    both: {
      'sent headers': 'nothing is sent, so nothing says what it is: as with the adapter of browsers and React Native',
    },
  }),
  plain('POST of an object', { method: 'post', url: '/json', data: { name: 'Zoë' } }),
  plain('PUT of a string', { method: 'put', url: '/json', data: 'a=ü' }),
  plain('PATCH of null as JSON', {
    method: 'patch',
    url: '/json',
    data: null,
    headers: { 'Content-Type': 'application/json' },
  }),
  plain('POST of an object as a form', {
    method: 'post',
    url: '/json',
    data: { a: 'ü', b: [1, 2] },
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  }),
  plain('POST of URLSearchParams', { method: 'post', url: '/json', data: new URLSearchParams({ a: 'ü &' }) }),
  plain('POST of an ArrayBuffer', { method: 'post', url: '/json', data: bytes.buffer }),
  plain('POST of bytes, with a type', {
    method: 'post',
    url: '/json',
    data: bytes,
    headers: { 'Content-Type': 'image/x' },
  }),
  plain('POST of a Blob', { method: 'post', url: '/json', data: new Blob([bytes], { type: 'image/png' }) }, {
    fetch: { 'sent headers': 'a Blob says what it is; the fetch adapter keeps what axios assumes of anything' },
  }),
  plain('POST of FormData', { method: 'post', url: '/json', data: form() }, {
    fetch: {
      'sent headers, sent body':
        'in Node.js the fetch adapter says that a form is urlencoded, which no server can read; React ' +
          'Native’s adapters do not',
    },
  }),
  plain('POST of FormData as multipart/form-data', {
    method: 'post',
    url: '/json',
    data: form(),
    headers: { 'Content-Type': 'multipart/form-data' },
  }),
  plain('POST of an object as multipart/form-data', {
    method: 'post',
    url: '/json',
    data: { a: 'ü', b: [1, 2] },
    headers: { 'Content-Type': 'multipart/form-data' },
    env: { FormData },
  }),
  plain('POST of a number', { method: 'post', url: '/json', data: 5, headers: { 'Content-Type': 'text/plain' } }, {
    http: { message: 'there are other bodies here than in Node.js' },
    fetch: { outcome: 'fetch makes a string of anything; the http adapter refuses it, too' },
  }),
  plain(
    'headers of the app',
    { url: '/json', headers: { 'X-A': 'a', 'x-a2': ' padded ', Accept: 'text/x', 'X-Off': false, 'X-List': ['1', '2'] } },
    {
      fetch: { 'sent headers': 'a list is sent as several fields, as by the http adapter, which means the same' },
    },
  ),
  plain('a header with characters that are no bytes', { url: '/json', headers: { 'X-A': 'a\u20ac\r\nb' } }),
  plain('a header with bytes beyond ASCII', { url: '/json', headers: { 'X-A': 'é' } }, {
    both: {
      'sent headers': 'what is beyond ASCII is sent as UTF-8; HTTP leaves open what it means (RFC 9110, section 5.5)',
    },
  }),
  plain('a header whose name HTTP does not allow', { url: '/json', headers: { 'X A': 'a' } }, {
    http: { outcome: 'a TypeError of Node.js escapes from the http adapter; here it is an AxiosError' },
    fetch: { 'code, message': 'the fetch adapter has no code for it' },
  }),

  // What comes back.
  plain('JSON', { url: '/json', responseType: 'json' }),
  plain('JSON that is broken', { url: '/broken-json' }),
  plain('JSON that is broken, and asked for', {
    url: '/broken-json',
    responseType: 'json',
    transitional: { silentJSONParsing: false },
  }),
  plain('text that is JSON', { url: '/json', responseType: 'text' }),
  plain('text with a byte order mark', { url: '/bom' }),
  plain('text that is not UTF-8', { url: '/latin1' }),
  plain('bytes as an arraybuffer', { url: '/image', responseType: 'arraybuffer' }, {
    http: { data: 'Node.js has Buffer; the rest of the world ArrayBuffer, as the type says' },
  }),
  plain('bytes as a blob', { url: '/image', responseType: 'blob' }, {
    http: { data: 'the http adapter has no Blob, and gives garbled text' },
  }),
  plain('a stream', { url: '/json', responseType: 'stream' }, {
    both: {
      outcome:
        'an answer crosses into JavaScript as a whole; React Native has no streams, and no adapter there has this type',
    },
  }),
  plain('a document', { url: '/json', responseType: 'document' }, {
    both: { outcome: 'there is no DOM; the adapters ignore the type, and give text' },
  }),
  plain('a compressed body', { url: '/compressed' }, {
    fetch: { headers: 'the body is decompressed, so the header is gone, as with the http adapter' },
  }),
  plain('a body that is compressed as nobody has asked for', { url: '/compressed/br' }, {
    http: { 'data, headers': 'native code asks for gzip only, and hands over as it is what it cannot read' },
    fetch: { data: 'native code asks for gzip only, and hands over as it is what it cannot read' },
  }),
  plain('transformResponse', { url: '/json', transformResponse: (data: unknown) => ({ seen: data }) }),
  plain('parseReviver', { url: '/json', parseReviver: (key: string, value: unknown) => (key === 'id' ? 'one' : value) }),
  plain('headers of the answer', { url: '/fields' }),
  plain('a phrase of the server’s own', { url: '/phrase' }, {
    both: { 'status text': 'the phrase is the registered one of the status: HTTP/2 and later have none of the server' },
  }),
  plain('204', { url: '/status/204' }),
  plain('304', { url: '/status/304' }),
  plain('400 with a body', { url: '/status/400' }),
  plain('403', { url: '/status/403' }),
  plain('HEAD of what is not there', { method: 'head', url: '/status/404' }),
  plain('404 as bytes', { url: '/status/404', responseType: 'arraybuffer' }, {
    http: { data: 'Node.js has Buffer; the rest of the world ArrayBuffer, as the type says' },
  }),
  plain('404 that is accepted', { url: '/status/404', validateStatus: (status) => status === 404 }),
  plain('500 without validateStatus', { url: '/status/500', validateStatus: null }),
  plain('500', { url: '/status/500' }),
  plain('503', { url: '/status/503' }, {
    both: {
      'sent requests':
        'a session tries a GET again whose server is unavailable (docs/requests.md); the answer is the last one',
    },
  }),
  plain('503 to a POST', { method: 'post', url: '/status/503', data: 'a' }),

  // Redirects.
  plain('302', { url: '/redirect/302/1' }),
  plain('302 to a POST', { method: 'post', url: '/redirect/302/1', data: { a: 1 } }),
  plain('307 to a POST', { method: 'post', url: '/redirect/307/2', data: { a: 1 } }),
  plain('maxRedirects: 0', { url: '/redirect/302/1', maxRedirects: 0 }),
  plain('maxRedirects: 1 of two', { url: '/redirect/302/2', maxRedirects: 1 }, {
    http: {
      'code, message, status, headers, data':
        'one redirect too many is the answer, with its Location, and validateStatus decides',
    },
    fetch: { outcome: 'the fetch adapter knows only 0 and any; here the limit is kept' },
  }),
  plain('maxRedirects above what a session follows', { url: '/redirect/302/1', maxRedirects: 11 }, {
    both: { outcome: 'a session follows ten redirects, so it cannot be told to follow more' },
  }),
  plain('302 to another origin', { url: '/elsewhere' }, {
    both: {
      outcome:
        'a request goes to another origin over HTTPS only, and without a token (docs/requests.md); this is ' +
          'the redirect as the answer',
    },
  }),
  plain('redirects without end', { url: '/loop' }, {
    both: {
      'sent requests, code, message, status, headers, data':
        'a session follows ten redirects; one more is the answer, and validateStatus decides',
    },
  }),

  // Limits.
  plain('maxContentLength that is kept', { url: '/large', maxContentLength: 1000 }),
  plain('maxContentLength, announced', { url: '/large', maxContentLength: 999 }),
  plain('maxContentLength, in pieces', { url: '/chunked', maxContentLength: 999 }),
  plain('maxContentLength, compressed', { url: '/compressed/gzip', maxContentLength: 100 }),
  plain('maxBodyLength that is kept', { method: 'post', url: '/json', data: 'üü', maxBodyLength: 4 }),
  plain('maxBodyLength', { method: 'post', url: '/json', data: 'üü', maxBodyLength: 3 }),
  plain('maxBodyLength of a form', { method: 'post', url: '/json', data: form(), maxBodyLength: 100 }),

  // Progress.
  plain('progress of both bodies', { method: 'post', url: '/large', data: 'x'.repeat(2000) }, { progress: true }),
  plain('progress of an answer in pieces', { url: '/chunked' }, { progress: true }),

  // The end of a request.
  plain('a signal that is aborted', { url: '/json', signal: aborted(new Error('why')) }),
  {
    name: 'a signal, while it is under way',
    fetch: { message: 'the fetch adapter gives the signal’s message, the other two adapters of axios do not' },
    config: () => ({ url: '/silence' }),
    abort: () => {
      const controller = new AbortController();
      return { config: { signal: controller.signal }, now: () => controller.abort() };
    },
  },
  {
    name: 'a cancel token, while it is under way',
    fetch: { config: 'the reason belongs to the token and all of its requests; the fetch adapter writes into it' },
    config: () => ({ url: '/silence' }),
    abort: () => {
      const { token, cancel } = axios.CancelToken.source();
      return { config: { cancelToken: token }, now: () => cancel('not now') };
    },
  },
  plain('a timeout', { url: '/silence', timeout: 100 }, {
    fetch: { code: 'the fetch adapter’s code does not depend on clarifyTimeoutError, as the other two adapters’ does' },
  }),
  plain('a timeout, clarified', { url: '/silence', timeout: 100, transitional: { clarifyTimeoutError: true } }),
  plain('a timeout with a message', { url: '/silence', timeout: 100, timeoutErrorMessage: 'too slow' }, {
    fetch: {
      code: 'the fetch adapter’s code does not depend on clarifyTimeoutError, as the other two adapters’ does',
      message: 'the fetch adapter does not know timeoutErrorMessage',
    },
  }),
  plain('a timeout, while the answer arrives', { url: '/slow', timeout: 100 }, {
    http: { 'code, message, status, headers, data': 'the http adapter says only that the stream has ended' },
    fetch: { code: 'the fetch adapter’s code does not depend on clarifyTimeoutError, as the other two adapters’ does' },
  }),
  plain('no connection', { url: '/json', baseURL: nobody }, {
    http: {
      'code, message':
        'the code of browsers and React Native, where apps look for it; Node.js’ own says less about a phone',
    },
  }),
  plain('a connection that is reset', { method: 'post', url: '/reset', data: 'a' }, {
    http: {
      'code, message':
        'the code of browsers and React Native, where apps look for it; Node.js’ own says less about a phone',
    },
  }),
  plain('a body that breaks off', { method: 'post', url: '/cut', data: 'a' }, {
    http: {
      'code, message, status, headers, data':
        'an answer that did not arrive is no answer, as with the adapter of browsers and React Native',
    },
    fetch: { 'code, message': 'the fetch adapter knows no code for it' },
  }),
  plain('a protocol that is none', { url: 'ftp://127.0.0.1/json' }, {
    http: { message: 'the text is the session’s' },
    fetch: { 'code, message': 'the fetch adapter takes it for a failure of the network' },
  }),
  plain('a URL that is none', { url: 'http://', baseURL: '' }, {
    http: { outcome: 'a TypeError of Node.js escapes from the http adapter; here it is an AxiosError' },
    fetch: { 'code, message': 'the fetch adapter has no code for it' },
  }),
  plain('an origin that is not the session’s', { url: 'http://localhost:9/json' }, {
    both: { 'code, message': 'the session says first that its token may not go there' },
  }),

  // Options that cannot be honoured.
  plain('auth', { url: '/json', auth: { username: 'ada', password: 'secret' } }, {
    both: { outcome: 'an option that cannot be honoured is an ERR_BAD_OPTION that says why; see above' },
  }),
  plain('a header Authorization', { url: '/json', headers: { Authorization: 'Basic YTpi' } }, {
    both: { outcome: 'an option that cannot be honoured is an ERR_BAD_OPTION that says why; see above' },
  }),
  plain('withCredentials', { url: '/json', withCredentials: true }, {
    both: { outcome: 'an option that cannot be honoured is an ERR_BAD_OPTION that says why; see above' },
  }),
  plain('decompress: false', { url: '/compressed/gzip', decompress: false, responseType: 'arraybuffer' }, {
    both: { outcome: 'an option that cannot be honoured is an ERR_BAD_OPTION that says why; see above' },
  }),
  plain('responseEncoding', { url: '/latin1', responseEncoding: 'latin1' }, {
    both: { outcome: 'an option that cannot be honoured is an ERR_BAD_OPTION that says why; see above' },
  }),
  plain('beforeRedirect', { url: '/redirect/302/1', beforeRedirect: () => {} }, {
    both: { outcome: 'an option that cannot be honoured is an ERR_BAD_OPTION that says why; see above' },
  }),
  plain('maxRate', { url: '/json', maxRate: 1e6 }, {
    both: { outcome: 'an option that cannot be honoured is an ERR_BAD_OPTION that says why; see above' },
  }),
  {
    name: 'POST of a stream',
    config: () => ({ method: 'post', url: '/json', data: Readable.from(['a']) }),
    both: {
      outcome: 'React Native has no streams; what is large is sent as a file by its URI, which native code reads',
    },
  },
];
