import { abortable } from '../abort.ts';
import { isAuthSessionError } from '../errors.ts';
import type { AuthSessionError } from '../errors.ts';
import { exchange } from '../exchange.ts';
import type { NativeRequest, Sender } from '../exchange.ts';
import type { NativeProgress } from '../NativeAuthSession.ts';
import { typeError } from './invalid.ts';
import { isRedirect } from './options.ts';
import { prepareRequest } from './request.ts';
import type { FetchInit, FetchInput, PreparedRequest, TransferProgress } from './request.ts';
import { SessionResponse } from './response.ts';

/** A `fetch` that sends through the session. It needs no `this`, so it can be passed on by itself. */
export type SessionFetch = (input: FetchInput, init?: FetchInit | null) => Promise<SessionResponse>;

/** The `fetch` of a session, or of one of its clients. */
export function fetchOf(sender: Sender): SessionFetch {
  return async (input, init) => send(sender, prepareRequest(input, init ?? {}), init ?? {});
}

/** Sends what was prepared, with what `more` says beside it. Rejects as {@link AuthSession.fetch} says. */
export async function send(
  sender: Sender,
  prepared: PreparedRequest,
  { onUploadProgress, onDownloadProgress }: FetchInit,
  more: Partial<NativeRequest> = {},
): Promise<SessionResponse> {
  const { method, signal, redirect, read } = prepared;
  const request = await abortable(signal, read, () => {});
  try {
    const native = await sender[exchange](
      { ...request, ...more },
      { signal, onUpload: observer(onUploadProgress), onDownload: observer(onDownloadProgress) },
    );
    if (redirect === 'error' && isRedirect(native.status)) throw new TypeError('the server redirects the request');
    return new SessionResponse(native, method);
  } catch (error) {
    throw isAuthSessionError(error) ? fetchError(error) : error;
  }
}

function observer(observe: ((progress: TransferProgress) => void) | undefined) {
  return observe && (({ bytes, total }: NativeProgress) => observe({ loaded: bytes, total }));
}

/** The error by which `fetch` says it: a `TypeError` for what is one with any fetch, whoever found it out. */
function fetchError(failure: AuthSessionError): AuthSessionError | TypeError {
  switch (failure.code) {
    case 'network':
      return typeError('Network request failed', failure);
    case 'invalid_request':
      return typeError(failure.message, failure);
    default:
      return failure;
  }
}
