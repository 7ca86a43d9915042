import { AxiosError, AxiosHeaders } from 'axios';
import type { AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import { newBlob } from '../fetch/blob.ts';
import { contentBytes, contentText } from '../fetch/content.ts';
import { statusText } from '../fetch/statusText.ts';
import type { Disposition } from '../fetch/response.ts';
import type { NativeHeader, NativeResponse } from '../NativeAuthSession.ts';
import { base64Bytes, textBytes } from './size.ts';

/** What axios calls the request of an answer or of an error, instead of an `XMLHttpRequest`. It holds no token. */
export class AdapterRequest {
  /** The method, in upper case. */
  readonly method: string;
  /** Where the answer came from, after redirects, as an `XMLHttpRequest` calls it; empty as long as there is none. */
  responseURL = '';

  constructor(method: string) {
    this.method = method;
  }
}

/** What a session says of an answer beside what HTTP does, as `response.authSession`. */
export interface AuthSessionResponseDetails {
  /** What the session made of the answer: a 401 of a session that has ended is told from one that is only refused. */
  readonly disposition: Disposition;
  /** Whether it is the answer to a redirect. */
  readonly redirected: boolean;
}

declare module 'axios' {
  // What a declaration is merged with has its type parameters, too.
  // eslint-disable-next-line @typescript-eslint/no-unused-vars
  interface AxiosResponse<T = any, D = any, H = {}, P = any> {
    /** What the session says of the answer. Set by `authSessionAdapter`. */
    authSession?: AuthSessionResponseDetails | undefined;
  }
}

/** How native code is to hand over the body; `ERR_NOT_SUPPORT` for a type that it cannot have. */
export function answerAs(config: InternalAxiosRequestConfig): 'text' | 'base64' {
  switch (config.responseType) {
    case 'arraybuffer':
      return 'base64';
    case undefined:
    case null:
    case 'text':
    case 'json':
    case 'blob':
      return 'text';
    default:
      throw new AxiosError(
        `Response type '${config.responseType}' is not supported`,
        AxiosError.ERR_NOT_SUPPORT,
        config,
      );
  }
}

/** The answer as axios has it before `transformResponse`: the body of JSON, too, is text. */
export function axiosResponse(
  native: NativeResponse,
  config: InternalAxiosRequestConfig,
  request: AdapterRequest,
): AxiosResponse {
  request.responseURL = native.url;
  const headers = responseHeaders(native.headers);
  return {
    data: responseData(native, headers, config, request),
    status: native.status,
    statusText: statusText(native.status),
    headers,
    config,
    request,
    authSession: { disposition: native.disposition as Disposition, redirected: native.redirected },
  };
}

/** Resolves with the answer, or throws it in an error, as `validateStatus` says. */
export function settle(response: AxiosResponse): AxiosResponse {
  const { status, config, request } = response;
  if (!config.validateStatus || config.validateStatus(status)) return response;
  const isClients = status >= 400 && status < 500;
  throw new AxiosError(
    `Request failed with status code ${status}`,
    isClients ? AxiosError.ERR_BAD_REQUEST : AxiosError.ERR_BAD_RESPONSE,
    config,
    request,
    response,
  );
}

/** How many bytes the body of an answer has; null for one that is in a file. */
export function bodySize(native: NativeResponse, config: InternalAxiosRequestConfig): number | null {
  return isInFile(native, config) ? null : textBytes(native.text) + base64Bytes(native.base64);
}

/** Whether the body is where the app wanted it to be: that of an unsuccessful answer is not. */
function isInFile({ status }: NativeResponse, { authSession }: InternalAxiosRequestConfig): boolean {
  return typeof authSession?.downloadTo === 'string' && status >= 200 && status < 300;
}

/** `Content-Length`; null if there is none, as for a body that was decompressed. */
export function announcedSize(headers: AxiosResponse['headers']): number | null {
  const length = headers['content-length'];
  return typeof length === 'string' && /^\d+$/.test(length) ? Number(length) : null;
}

/** Names in lower case, equal ones joined by a comma, `Set-Cookie` as a list: commas occur inside of those. */
function responseHeaders(fields: readonly NativeHeader[]): AxiosHeaders {
  const headers = new AxiosHeaders();
  const cookies: string[] = [];
  for (const { name, value } of fields) {
    const key = name.toLowerCase();
    if (key === 'set-cookie') cookies.push(value);
    else headers.set(key, headers.has(key) ? `${String(headers.get(key))}, ${value}` : value);
  }
  if (cookies.length > 0) headers.set('set-cookie', cookies);
  return headers;
}

function responseData(
  native: NativeResponse,
  headers: AxiosHeaders,
  config: InternalAxiosRequestConfig,
  request: AdapterRequest,
): unknown {
  if (isInFile(native, config)) return null;
  switch (config.responseType) {
    case 'arraybuffer':
      return contentBytes(native).buffer;
    case 'blob':
      try {
        return newBlob(contentBytes(native), native.text, String(headers.get('content-type') ?? ''));
      } catch {
        const message = "Response type 'blob' is not supported here for what is not text; take an arraybuffer";
        throw new AxiosError(message, AxiosError.ERR_NOT_SUPPORT, config, request);
      }
    default:
      return contentText(native);
  }
}
