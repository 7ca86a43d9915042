import { AxiosError } from 'axios';
import type { InternalAxiosRequestConfig } from 'axios';
import { isAuthSessionError } from '../errors.ts';
import type { AuthSessionError } from '../errors.ts';
import { byteLimit } from './options.ts';
import type { AdapterRequest } from './response.ts';

/**
 * An {@link AuthSessionError} as an app that uses axios expects it: a code of axios where axios has one for it, and
 * otherwise the session's own, as `session_ended`. The session's error is the `cause`.
 */
export function axiosErrorOf(
  error: AuthSessionError,
  config: InternalAxiosRequestConfig,
  request: AdapterRequest,
): AxiosError {
  const [message, code] = messageAndCode(error, config);
  return withCause(new AxiosError(message, code, config, request), error);
}

/** What it is when the time of a request is over. */
export function timeoutError(config: InternalAxiosRequestConfig, request: AdapterRequest): AxiosError {
  return new AxiosError(...timeoutMessageAndCode(config), config, request);
}

/** The error for a request that cannot be sent as it is, because of `cause`. */
export function unsendable(cause: unknown, config: InternalAxiosRequestConfig, request: AdapterRequest): AxiosError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const error = new AxiosError(message, AxiosError.ERR_BAD_REQUEST, config, request);
  // What fetch would refuse, too, is a TypeError with the session's error in it.
  return withCause(error, cause instanceof TypeError && isAuthSessionError(cause.cause) ? cause.cause : cause);
}

/** Not enumerable, as that of any error, so that loggers which walk through an error's members end. */
function withCause(error: AxiosError, cause: unknown): AxiosError {
  return Object.defineProperty(error, 'cause', {
    value: cause,
    writable: true,
    enumerable: false,
    configurable: true,
  });
}

function messageAndCode(error: AuthSessionError, config: InternalAxiosRequestConfig): [string, string] {
  switch (error.code) {
    case 'network':
      return ['Network Error', AxiosError.ERR_NETWORK];
    case 'timeout':
      return timeoutMessageAndCode(config);
    case 'cancelled':
      // Not by the app, which would be a CanceledError: what axios says of a request that its environment ended.
      return ['Request aborted', AxiosError.ECONNABORTED];
    case 'body_too_large':
      return [tooLargeMessage(config) ?? error.message, AxiosError.ERR_BAD_RESPONSE];
    case 'invalid_request':
      return [error.message, AxiosError.ERR_BAD_REQUEST];
    default:
      return [error.message, error.code];
  }
}

function timeoutMessageAndCode(config: InternalAxiosRequestConfig): [string, string] {
  const message =
    config.timeoutErrorMessage || (config.timeout ? `timeout of ${config.timeout}ms exceeded` : 'timeout exceeded');
  const isClarified = config.transitional?.clarifyTimeoutError ?? false;
  return [message, isClarified ? AxiosError.ETIMEDOUT : AxiosError.ECONNABORTED];
}

function tooLargeMessage(config: InternalAxiosRequestConfig): string | undefined {
  const limit = byteLimit('maxContentLength', config);
  return limit === undefined ? undefined : `maxContentLength size of ${limit} exceeded`;
}
