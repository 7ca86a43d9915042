import { isAuthSessionError } from '../errors.ts';
import type { AuthSessionError } from '../errors.ts';
import { exchange } from '../exchange.ts';
import type { Sender } from '../exchange.ts';
import { nativeRequest } from './request.ts';
import type { FetchInit, FetchInput } from './request.ts';
import { SessionResponse } from './response.ts';

/** A `fetch` that sends through `sender`. It needs no `this`, so it can be passed on by itself. */
export type SessionFetch = (input: FetchInput, init?: FetchInit) => Promise<SessionResponse>;

/** The `fetch` of a session, or of one of its clients. */
export function fetchOf(sender: Sender): SessionFetch {
  return async (input, init = {}) => {
    const request = nativeRequest(input, init);
    try {
      return new SessionResponse(await sender[exchange](request, { signal: init.signal }));
    } catch (error) {
      throw isAuthSessionError(error) && error.code === 'network' ? networkError(error) : error;
    }
  };
}

/** The error by which `fetch` says that there was no answer. */
function networkError(cause: AuthSessionError): TypeError {
  const error = new TypeError('Network request failed');
  error.cause = cause;
  return error;
}
