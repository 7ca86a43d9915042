import { AuthSessionError } from './errors.ts';
import { headerFields } from './headers.ts';
import type { HeaderField, HeadersInput } from './headers.ts';

/** What is needed of an `AbortSignal`, so that any implementation of it will do. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

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

/** A request as the native module takes it. */
export interface NativeRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly HeaderField[];
  readonly body: string | null;
  readonly timeoutMs: number | null;
}

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
  return { method, url, headers, body, timeoutMs: init.timeoutMs ?? null };
}

/**
 * Settles as `work` does, or rejects with the reason of `signal` as soon as that is aborted, and then calls
 * `cancel`.
 */
export function abortable<T>(
  signal: AbortSignalLike | null | undefined,
  work: () => Promise<T>,
  cancel: () => void,
): Promise<T> {
  if (!signal) return work();
  if (signal.aborted) return Promise.reject(abortReason(signal));
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      reject(abortReason(signal));
      cancel();
    };
    signal.addEventListener('abort', onAbort);
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** What a request rejects with whose signal is aborted. */
export function abortReason(signal: AbortSignalLike): unknown {
  if (signal.reason !== undefined) return signal.reason;
  // Older signals know no reason, and Hermes knows no DOMException.
  const error = new Error('the request was aborted');
  error.name = 'AbortError';
  return error;
}
