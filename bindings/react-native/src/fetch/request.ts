import type { AbortSignalLike } from '../abort.ts';
import { AuthSessionError } from '../errors.ts';
import { plainRequest } from '../exchange.ts';
import type { NativeRequest } from '../exchange.ts';
import { headerFields } from './headers.ts';
import type { HeadersInput } from './headers.ts';

/** A request of {@link AuthSession.fetch}. */
export interface FetchInit {
  /** The method; `GET` if not given. */
  readonly method?: string | undefined;
  /** The header fields. The session adds `Authorization`. */
  readonly headers?: HeadersInput | undefined;
  /** The body. */
  readonly body?: string | null | undefined;
  /** Cancels this request, and no other. */
  readonly signal?: AbortSignalLike | null | undefined;
  /** The longest that this request may take, the wait for a refresh included; by default `requestTimeoutMs`. */
  readonly timeoutMs?: number | undefined;
}

/** A path under `baseURL`, or an absolute URL of an allowed origin. */
export type FetchInput = string | { readonly href: string };

/** What `fetch` was called with, as the native module takes it. */
export function nativeRequest(input: FetchInput, init: FetchInit): NativeRequest {
  const method = (init.method ?? 'GET').toUpperCase();
  const headers = headerFields(init.headers);
  const body = init.body ?? null;
  if (body !== null) {
    if (typeof body !== 'string') {
      throw new AuthSessionError('invalid_request', 'a body must be a string');
    }
    if (method === 'GET' || method === 'HEAD') {
      throw new AuthSessionError('invalid_request', `a ${method} request cannot have a body`);
    }
    // What the Fetch Standard says of a string.
    if (!headers.some(({ name }) => name.toLowerCase() === 'content-type')) {
      headers.push({ name: 'Content-Type', value: 'text/plain;charset=UTF-8' });
    }
  }
  const url = typeof input === 'string' ? input : input.href;
  return {
    ...plainRequest,
    method,
    url,
    headers,
    body: body === null ? null : { kind: 'text', text: body },
    timeoutMs: init.timeoutMs ?? null,
  };
}
