import type { AbortSignalLike } from '../abort.ts';
import { plainRequest } from '../exchange.ts';
import type { NativeBody, NativeRequest } from '../exchange.ts';
import { encodeBase64 } from './base64.ts';
import { prepareBody } from './body.ts';
import type { FetchBody, PreparedBody } from './body.ts';
import { headerFields } from './headers.ts';
import type { HeaderField, HeadersInput } from './headers.ts';
import { invalid } from './invalid.ts';
import {
  cacheHeaders,
  choice,
  normalizedMethod,
  positiveNumber,
  redirectMode,
  refuseWhatCannotBeDone,
} from './options.ts';
import type { RedirectMode } from './options.ts';
import { encodeUtf8 } from './utf8.ts';

/** How far a body has come, in bytes. */
export interface TransferProgress {
  /** The bytes so far. */
  readonly loaded: number;
  /** All of them; null if that is not known. */
  readonly total: number | null;
}

/** A request of {@link AuthSession.fetch}. */
export interface FetchInit {
  /** The method; `GET` if not given. As with fetch, `patch` must be written in upper case. */
  readonly method?: string | undefined;
  /** The header fields. The session adds `Authorization`, and refuses one that is given. */
  readonly headers?: HeadersInput | undefined;
  /** The body. With `{ uri, type }` native code sends a file, none of which comes into JavaScript. */
  readonly body?: FetchBody | null | undefined;
  /** Cancels this request, and no other. */
  readonly signal?: AbortSignalLike | null | undefined;
  /**
   * What becomes of a redirect.
   *
   * - `follow`: it is followed within the rules of the session; one that must not be followed is the answer, with the
   *   disposition `redirect_refused`.
   * - `error`: it is a `TypeError`.
   * - `manual`: it is the answer, with its status, its `Location` and its body (browsers hide all of these), and the
   *   disposition `redirect_refused`.
   */
  readonly redirect?: RedirectMode | undefined;
  /** `omit` or `same-origin`, which are the same here: the session keeps no cookies. `include` is a `TypeError`. */
  readonly credentials?: 'omit' | 'same-origin' | 'include' | undefined;
  /** `cors`, which changes nothing: an app has no origin. Any other is a `TypeError`. */
  readonly mode?: 'cors' | 'navigate' | 'no-cors' | 'same-origin' | undefined;
  /**
   * The session has no cache. What asks the caches of servers for a fresh answer is sent; `only-if-cached` is a
   * `TypeError`.
   */
  readonly cache?: 'default' | 'force-cache' | 'no-cache' | 'no-store' | 'only-if-cached' | 'reload' | undefined;
  /** Empty or `about:client`; any other is a `TypeError`. */
  readonly referrer?: string | undefined;
  /** Changes nothing: there is no referrer. */
  readonly referrerPolicy?: string | undefined;
  /** Empty; any other is a `TypeError`. */
  readonly integrity?: string | undefined;
  /** Changes nothing: there is no page that could end before the request. */
  readonly keepalive?: boolean | undefined;
  /** Changes nothing. */
  readonly priority?: 'auto' | 'high' | 'low' | undefined;
  /** Changes nothing. */
  readonly duplex?: 'half' | undefined;
  /** Null. */
  readonly window?: null | undefined;
  /**
   * The longest that this request may take, in milliseconds, the wait for a refresh included; by default
   * `requestTimeoutMs`.
   */
  readonly timeoutMs?: number | undefined;
  /** Whether the token goes along: `required` (the default), `optional` (if somebody is signed in), or `never`. */
  readonly auth?: 'required' | 'optional' | 'never' | undefined;
  /** The server does it once for this key, so the session may send it again after failures that pass. */
  readonly idempotencyKey?: string | undefined;
  /** How many bytes the body of the answer may have; more is a `body_too_large`. */
  readonly maxBodyBytes?: number | undefined;
  /** Is told how much of the body has been sent. */
  readonly onUploadProgress?: ((progress: TransferProgress) => void) | undefined;
  /** Is told how much of a successful answer has arrived. */
  readonly onDownloadProgress?: ((progress: TransferProgress) => void) | undefined;
}

/** What is needed of a `Request`, of any library. Reading its body uses it up, as with fetch. */
export interface RequestLike {
  readonly url: string;
  readonly method: string;
  readonly headers: HeadersInput;
  readonly signal?: AbortSignalLike | null | undefined;
  readonly bodyUsed?: boolean;
  arrayBuffer?(): Promise<ArrayBuffer>;
  text?(): Promise<string>;
}

/** A path under `baseURL`, an absolute URL of an allowed origin, or a `Request` of any library. */
export type FetchInput = string | { readonly href: string } | RequestLike;

/** A request that is ready to be sent. */
export interface PreparedRequest {
  readonly method: string;
  readonly signal: AbortSignalLike | null;
  readonly redirect: RedirectMode;
  /** Reads the body, which may take a while. */
  readonly read: () => Promise<NativeRequest>;
}

/** What `fetch` was called with. Throws a `TypeError` for what fetch would not accept, or a session cannot do. */
export function prepareRequest(input: FetchInput, init: FetchInit): PreparedRequest {
  const from = isRequest(input) ? input : null;
  const options = optionsOf(from, init);
  refuseWhatCannotBeDone(options);
  const redirect = redirectMode(options.redirect);
  const method = normalizedMethod(options.method ?? 'GET');
  const signal = checkedSignal(options.signal);
  const body = init.body == null ? from && bodyOf(from) : prepareBody(init.body);
  if (body && (method === 'GET' || method === 'HEAD')) throw invalid(`a ${method} request cannot have a body`);
  const request: NativeRequest = {
    ...plainRequest,
    method,
    url: urlOf(input),
    headers: headersOf(options, body),
    auth: choice('auth', init.auth, ['required', 'optional', 'never']),
    idempotencyKey: text('idempotencyKey', init.idempotencyKey),
    timeoutMs: positiveNumber('timeoutMs', init.timeoutMs),
    maxBodyBytes: positiveNumber('maxBodyBytes', init.maxBodyBytes),
    maxRedirects: redirect === 'follow' ? null : 0,
  };
  return {
    method,
    signal,
    redirect,
    read: async () => (body ? { ...request, body: await body.read() } : request),
  };
}

/** What both a `Request` and its options may say; the options count. */
const shared = [
  'method',
  'headers',
  'signal',
  'redirect',
  'credentials',
  'mode',
  'cache',
  'referrer',
  'integrity',
  'window',
] as const;

function optionsOf(request: RequestLike | null, init: FetchInit): FetchInit {
  const options: Record<string, unknown> = {};
  // One by one, since those of a Request are accessors of its class.
  const defaults = request as FetchInit | null;
  for (const name of shared) options[name] = init[name] === undefined ? defaults?.[name] : init[name];
  return options;
}

function isRequest(input: FetchInput): input is RequestLike {
  return typeof input === 'object' && input !== null && 'method' in input && 'url' in input;
}

function urlOf(input: FetchInput): string {
  const url = typeof input === 'string' ? input : isRequest(input) ? input.url : input?.href;
  if (typeof url !== 'string') throw invalid('fetch takes a string, a URL, or a Request');
  return url;
}

/** What React Native's own `Request`, that of whatwg-fetch, keeps of what it was made of. */
interface WhatwgFetchRequest {
  readonly _bodyInit?: unknown;
  bodyUsed: boolean;
}

function bodyOf(request: RequestLike): PreparedBody | null {
  if (request.bodyUsed) throw invalid('the body of the Request has already been read');
  if ('_bodyInit' in request) {
    // It can read neither a form nor a file, and its own fetch takes this, too.
    const own = request as unknown as WhatwgFetchRequest;
    if (own._bodyInit == null) return null;
    own.bodyUsed = true;
    return prepareBody(own._bodyInit);
  }
  const { body, method } = request as RequestLike & { readonly body?: unknown };
  if (body === null || method === 'GET' || method === 'HEAD') return null;
  return { kind: 'bytes', contentType: null, read: () => readBody(request) };
}

async function readBody(request: RequestLike): Promise<NativeBody> {
  const bytes = request.arrayBuffer
    ? new Uint8Array(await request.arrayBuffer())
    : encodeUtf8((await request.text?.()) ?? '');
  return { kind: 'base64', base64: encodeBase64(bytes) };
}

function headersOf({ headers, cache }: FetchInit, body: PreparedBody | null): HeaderField[] {
  const given = headerFields(headers).filter(({ name, value }) => {
    if (!body || name.toLowerCase() !== 'content-type') return true;
    switch (body.kind) {
      case 'form':
        // As many apps set it for React Native, without a boundary or with another than native code chooses.
        return !/^multipart\/form-data\s*(;|$)/i.test(value);
      case 'file':
        // What whatwg-fetch says of anything that it does not know.
        return value !== 'text/plain;charset=UTF-8' || body.contentType === null;
      default:
        return true;
    }
  });
  if (body?.contentType && !given.some(({ name }) => name.toLowerCase() === 'content-type')) {
    given.push({ name: 'Content-Type', value: body.contentType });
  }
  return [...given, ...cacheHeaders(cache, given)];
}

function checkedSignal(signal: unknown): AbortSignalLike | null {
  if (signal === undefined || signal === null) return null;
  if (typeof (signal as Partial<AbortSignalLike>).addEventListener === 'function') return signal as AbortSignalLike;
  throw invalid('signal must be an AbortSignal');
}

function text(name: string, value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return value;
  throw invalid(`${name} must be a string`);
}
