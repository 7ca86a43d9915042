import { AuthSessionError } from '../errors.ts';

/** The error of a call that fetch would refuse, too: its `TypeError`, with an `invalid_request` as its cause. */
export function invalid(message: string): TypeError {
  const error = new TypeError(message);
  error.cause = new AuthSessionError('invalid_request', message);
  return error;
}
