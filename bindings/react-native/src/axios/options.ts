import { AxiosError } from 'axios';
import type { AxiosRequestConfig, InternalAxiosRequestConfig } from 'axios';
import type { NativeRequest } from '../exchange.ts';

/** What a request of axios can ask of the session beside what axios knows, as `config.authSession`. */
export interface AuthSessionRequestOptions {
  /**
   * Whether the access token goes with it. `required`, which is the default: it fails if nobody is signed in.
   * `optional`: with the token of whoever is signed in, without one if nobody is. `never`: without.
   */
  readonly auth?: 'required' | 'optional' | 'never' | undefined;
  /** Sent as `Idempotency-Key`, and allows to send a POST or a PATCH again after the connection broke. */
  readonly idempotencyKey?: string | undefined;
  /** A `file:` URI, where native code writes the body of a successful answer; `data` is null then. */
  readonly downloadTo?: string | undefined;
}

declare module 'axios' {
  // What a declaration is merged with has its type parameters, too.
  // eslint-disable-next-line @typescript-eslint/no-unused-vars
  interface AxiosRequestConfig<D = any, P = any> {
    /** What only a session can do; see `authSessionAdapter`. */
    authSession?: AuthSessionRequestOptions | undefined;
  }
}

/** Who sees to an option of axios: the adapter, axios itself, nobody because it is of no account here, or nobody. */
export type OptionTreatment =
  | { readonly by: 'adapter' | 'axios' }
  | { readonly by: 'nobody'; readonly because: string }
  | { readonly refused: (value: unknown) => boolean; readonly because: string };

const isSet = (value: unknown): boolean => value !== undefined && value !== null;
const isOn = (value: unknown): boolean => isSet(value) && value !== false;
const ofNode = 'it is about the sockets of Node.js, and native code sends the request';

/** Every option that axios has. What cannot be honoured is refused: an option that is ignored is found out too late. */
export const optionTreatments = {
  url: { by: 'adapter' },
  method: { by: 'adapter' },
  baseURL: { by: 'adapter' },
  allowAbsoluteUrls: { by: 'adapter' },
  headers: { by: 'adapter' },
  params: { by: 'adapter' },
  paramsSerializer: { by: 'adapter' },
  data: { by: 'adapter' },
  timeout: { by: 'adapter' },
  timeoutErrorMessage: { by: 'adapter' },
  responseType: { by: 'adapter' },
  onUploadProgress: { by: 'adapter' },
  onDownloadProgress: { by: 'adapter' },
  maxContentLength: { by: 'adapter' },
  maxBodyLength: { by: 'adapter' },
  maxRedirects: { by: 'adapter' },
  validateStatus: { by: 'adapter' },
  cancelToken: { by: 'adapter' },
  signal: { by: 'adapter' },
  authSession: { by: 'adapter' },
  adapter: { by: 'axios' },
  transformRequest: { by: 'axios' },
  transformResponse: { by: 'axios' },
  formSerializer: { by: 'axios' },
  parseReviver: { by: 'axios' },
  redact: { by: 'axios' },
  sensitiveHeaders: { by: 'nobody', because: 'no header of the app follows a redirect to another origin' },
  xsrfCookieName: { by: 'nobody', because: 'axios reads such cookies in browsers only' },
  xsrfHeaderName: { by: 'nobody', because: 'axios reads such cookies in browsers only' },
  formDataHeaderPolicy: { by: 'nobody', because: 'it is about the forms of the package form-data, which are refused' },
  auth: { refused: isSet, because: 'the session sets the Authorization header itself' },
  withCredentials: { refused: isOn, because: 'a session keeps no cookies and sends none' },
  withXSRFToken: { refused: isOn, because: 'a session keeps no cookies and sends none' },
  transitional: {
    refused: (value) => isOn((value as InternalAxiosRequestConfig['transitional'])?.advertiseZstdAcceptEncoding),
    because: 'native code asks for the encodings that it can read, and zstd is none of them; the rest is honoured',
  },
  env: {
    refused: (value) => ['fetch', 'Request', 'Response'].some((name) => isSet((value as Record<string, unknown>)?.[name])),
    because: 'native code sends the request, and neither fetch nor Request nor Response; FormData is honoured',
  },
  fetchOptions: { refused: isSet, because: 'native code sends the request, and not fetch' },
  responseEncoding: {
    refused: (value) => isSet(value) && !/^utf-?8$/i.test(String(value)),
    because: 'text is UTF-8; take an arraybuffer for any other encoding',
  },
  decompress: { refused: (value) => value === false, because: 'native code hands over decompressed bodies only' },
  beforeRedirect: { refused: isSet, because: 'native code follows redirects; see maxRedirects' },
  proxy: { refused: isOn, because: 'the proxy is the one of the device' },
  maxRate: { refused: isSet, because: 'native code has no such limit' },
  httpVersion: { refused: isSet, because: 'native code and the server agree on the version of HTTP' },
  http2Options: { refused: isSet, because: ofNode },
  insecureHTTPParser: { refused: isOn, because: ofNode },
  socketPath: { refused: isSet, because: ofNode },
  allowedSocketPaths: { refused: isSet, because: ofNode },
  transport: { refused: isSet, because: ofNode },
  httpAgent: { refused: isSet, because: ofNode },
  httpsAgent: { refused: isSet, because: ofNode },
  family: { refused: isSet, because: ofNode },
  lookup: { refused: isSet, because: ofNode },
} satisfies Record<keyof AxiosRequestConfig, OptionTreatment> as Record<keyof AxiosRequestConfig, OptionTreatment>;

/** Throws an `ERR_BAD_OPTION` that names the first option which cannot be honoured. */
export function refuseOptions(config: InternalAxiosRequestConfig): void {
  for (const [name, treatment] of Object.entries(optionTreatments)) {
    if ('refused' in treatment && treatment.refused(config[name as keyof AxiosRequestConfig])) {
      throw badOption(name, treatment.because, config);
    }
  }
}

/** The error for an option that cannot be honoured. */
export function badOption(name: string, because: string, config: InternalAxiosRequestConfig): AxiosError {
  return new AxiosError(`authSessionAdapter cannot honour ${name}: ${because}`, AxiosError.ERR_BAD_OPTION, config);
}

/** The longest that a timer of JavaScript can wait: some 25 days. */
const longestTimeoutMs = 2 ** 31 - 1;

/** `config.timeout`; undefined where there is none. */
export function timeoutMs(config: InternalAxiosRequestConfig): number | undefined {
  const { timeout } = config;
  if (timeout === undefined || timeout === null) return undefined;
  const milliseconds = Number(timeout);
  if (Number.isNaN(milliseconds)) throw badValue('timeout', 'a number of milliseconds', config);
  return milliseconds > 0 ? Math.min(milliseconds, longestTimeoutMs) : undefined;
}

/** A limit in bytes; undefined where there is none, which axios writes as a negative number or as `Infinity`. */
export function byteLimit(
  name: 'maxContentLength' | 'maxBodyLength',
  config: InternalAxiosRequestConfig,
): number | undefined {
  const limit = config[name];
  if (limit === undefined || limit === null) return undefined;
  if (typeof limit !== 'number' || Number.isNaN(limit)) throw badValue(name, 'a number of bytes', config);
  return limit >= 0 && limit !== Infinity ? Math.floor(limit) : undefined;
}

/** As many redirects as a session follows. */
const mostRedirects = 10;

/** `config.maxRedirects`; null where the session decides. */
export function redirectLimit(config: InternalAxiosRequestConfig): number | null {
  const { maxRedirects } = config;
  if (maxRedirects === undefined || maxRedirects === null) return null;
  if (!Number.isInteger(maxRedirects) || maxRedirects < 0 || maxRedirects > mostRedirects) {
    throw badValue('maxRedirects', `a whole number from 0 to ${mostRedirects}`, config);
  }
  return maxRedirects;
}

/** `config.authSession`, checked: a misspelt `auth` would send a token where the app wants none. */
export function authSessionOptions(
  config: InternalAxiosRequestConfig,
): Pick<NativeRequest, 'auth' | 'idempotencyKey' | 'downloadTo'> {
  const options: Readonly<Record<string, unknown>> = { ...config.authSession };
  const { auth, idempotencyKey, downloadTo, ...unknown } = options;
  const [name] = Object.keys(unknown);
  if (name !== undefined) throw badOption(`authSession.${name}`, 'there is no such option', config);
  if (isSet(auth) && !['required', 'optional', 'never'].includes(auth as string)) {
    throw badValue('authSession.auth', 'required, optional or never', config);
  }
  for (const [key, value] of Object.entries({ idempotencyKey, downloadTo })) {
    if (isSet(value) && typeof value !== 'string') throw badValue(`authSession.${key}`, 'a string', config);
  }
  return {
    auth: (auth as NativeRequest['auth']) ?? null,
    idempotencyKey: (idempotencyKey as string | undefined) ?? null,
    downloadTo: (downloadTo as string | undefined) ?? null,
  };
}

function badValue(name: string, expected: string, config: InternalAxiosRequestConfig): AxiosError {
  return new AxiosError(`${name} must be ${expected}`, AxiosError.ERR_BAD_OPTION_VALUE, config);
}
