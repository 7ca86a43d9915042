import { AuthSessionError } from '../errors.ts';

/** The error of a call that fetch would refuse, too: its `TypeError`, with an `invalid_request` as its cause. */
export function invalid(message: string): TypeError {
  return typeError(message, new AuthSessionError('invalid_request', message));
}

/** The error that fetch has for `cause`. */
export function typeError(message: string, cause: AuthSessionError): TypeError {
  const error = new TypeError(message);
  error.cause = cause;
  return error;
}
