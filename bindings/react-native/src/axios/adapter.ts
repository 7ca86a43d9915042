import { CanceledError, isAxiosError } from 'axios';
import type { AxiosAdapter, AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import { abortable } from '../abort.ts';
import { AuthSessionError, isAuthSessionError } from '../errors.ts';
import { exchange } from '../exchange.ts';
import type { NativeRequest, Sender } from '../exchange.ts';
import type { NativeProgress } from '../NativeAuthSession.ts';
import { bodyTooLarge, hasFiles, knownBytes } from './body.ts';
import { Cancellation } from './cancellation.ts';
import { axiosErrorOf, timeoutError, unsendable } from './errors.ts';
import { byteLimit, timeoutMs } from './options.ts';
import { progressReporter } from './progress.ts';
import { nativeRequest } from './request.ts';
import { AdapterRequest, announcedSize, axiosResponse, bodySize, settle } from './response.ts';

/**
 * An adapter by which axios sends through `sender`: a session, one of its clients, or a mock of a session.
 *
 * ```ts
 * const api = axios.create({ adapter: authSessionAdapter(session) });
 * ```
 *
 * Requests go with the access token, refreshed where it must be, and axios behaves as with an adapter of its own: its
 * error codes, `validateStatus`, `signal`, `cancelToken`, `timeout` in milliseconds (the wait for a refresh included),
 * progress. Without a `baseURL` of axios, paths are under the one of `sender`.
 *
 * A failure of the session is an `AxiosError` whose `cause` is the `AuthSessionError`. An option that cannot be honoured
 * is an `ERR_BAD_OPTION` that names it. `config.authSession` asks for what only a session can do.
 *
 * Throws an `invalid_configuration` if `sender` is none of these.
 */
export function authSessionAdapter(sender: Sender): AxiosAdapter {
  // Not every app has types, and `session.fetch` is an easy mistake.
  if (typeof (sender as Partial<Sender> | null | undefined)?.[exchange] !== 'function') {
    throw new AuthSessionError('invalid_configuration', 'authSessionAdapter takes a session, or a client of one');
  }
  return async (config) => {
    const request = new AdapterRequest((config.method ?? 'get').toUpperCase());
    const cancellation = new Cancellation();
    const release = watch(config, request, cancellation);
    try {
      return await abortable(cancellation, () => send(sender, config, request, cancellation), () => {});
    } catch (error) {
      if (isAuthSessionError(error)) throw axiosErrorOf(error, config, request);
      // What cancelled a token of axios is told to all of its requests, and belongs to none of them.
      if (isAxiosError(error) && error.config === config) error.request ??= request;
      throw error;
    } finally {
      release();
    }
  };
}

async function send(
  sender: Sender,
  config: InternalAxiosRequestConfig,
  request: AdapterRequest,
  cancellation: Cancellation,
): Promise<AxiosResponse> {
  const milliseconds = timeoutMs(config);
  // Before anything is waited for. Native code has the same limit, and whichever of the two is first will do.
  const timer =
    milliseconds === undefined
      ? undefined
      : setTimeout(() => cancellation.cancel(timeoutError(config, request)), milliseconds);
  const upload = config.onUploadProgress && progressReporter(config.onUploadProgress, 'upload');
  const download = config.onDownloadProgress && progressReporter(config.onDownloadProgress, 'download');
  try {
    const native = await sendable(config, request);
    // What is not in files has been measured before.
    const limit = hasFiles(native.body) ? byteLimit('maxBodyLength', config) : undefined;
    const onUpload = (progress: NativeProgress) => {
      if (limit !== undefined && Math.max(progress.bytes, progress.total ?? 0) > limit) {
        cancellation.cancel(bodyTooLarge(config));
      } else {
        upload?.report(progress);
      }
    };
    const answer = await sender[exchange](native, {
      signal: cancellation,
      onUpload: upload || limit !== undefined ? onUpload : undefined,
      onDownload: download?.report,
    });
    const response = axiosResponse(answer, config, request);
    download?.complete(bodySize(answer, config), announcedSize(response.headers));
    // A server may refuse a body before it has had all of it.
    if (native.body && answer.status >= 200 && answer.status < 300) {
      const size = hasFiles(native.body) ? null : knownBytes(native.body);
      upload?.complete(size, size);
    }
    return settle(response);
  } finally {
    clearTimeout(timer);
    upload?.flush();
    download?.flush();
  }
}

async function sendable(config: InternalAxiosRequestConfig, request: AdapterRequest): Promise<NativeRequest> {
  try {
    return await nativeRequest(config);
  } catch (error) {
    throw isAxiosError(error) ? error : unsendable(error, config, request);
  }
}

/** Cancels when the app does, until the function that it returns is called. */
function watch(config: InternalAxiosRequestConfig, request: AdapterRequest, cancellation: Cancellation): () => void {
  const { signal, cancelToken } = config;
  const onAbort = () => cancellation.cancel(new CanceledError(undefined, config, request));
  const onCancel = (reason: unknown) => cancellation.cancel(reason);
  // A token that is cancelled already calls at once.
  cancelToken?.subscribe(onCancel);
  if (signal?.aborted) onAbort();
  else signal?.addEventListener?.('abort', onAbort);
  return () => {
    cancelToken?.unsubscribe(onCancel);
    signal?.removeEventListener?.('abort', onAbort);
  };
}
