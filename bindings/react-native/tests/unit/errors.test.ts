import { expect, test } from 'vitest';
import { AuthSessionError, fromNativeError, isAuthSessionError } from '../../src/errors.ts';
import { rejection } from '../support/fakeModule.ts';

test('a rejection of the native module becomes an error with all it tells', () => {
  const error = fromNativeError(
    rejection('refresh_unavailable', 'not now', { retryable: true, retryAfterMs: 1_500, status: 503 }),
  );
  expect(error).toBeInstanceOf(AuthSessionError);
  expect({ ...error, message: error.message }).toEqual({
    name: 'AuthSessionError',
    code: 'refresh_unavailable',
    message: 'not now',
    retryable: true,
    signInRequired: false,
    retryAfterMs: 1_500,
    status: 503,
  });
});

test('what the native module did not tell is undefined', () => {
  const error = fromNativeError(rejection('signed_out', 'nobody is signed in', { signInRequired: true }));
  expect(error).toMatchObject({ signInRequired: true, retryable: false });
  expect(error.retryAfterMs).toBeUndefined();
  expect(error.status).toBeUndefined();
});

test('a code that this version does not know is internal', () => {
  const error = fromNativeError(rejection('not_invented_yet', 'something else', { retryable: true }));
  expect(error).toMatchObject({ code: 'internal', message: 'something else', retryable: true });
});

test.each([
  ['of React Native itself', rejection('EUNSPECIFIED', 'JSON value cannot be converted', null)],
  ['without anything', new Error('secret')],
  ['with nothing at all', undefined],
])('a rejection %s is internal, and its text is not shown', (_, reason) => {
  const error = fromNativeError(reason);
  expect(error.code).toBe('internal');
  expect(error.message).toMatch(/defect/);
});

test('an error of another copy of the package is recognised, and nothing else is', () => {
  const foreign = Object.assign(new Error(), { name: 'AuthSessionError', code: 'locked' });
  expect(isAuthSessionError(foreign)).toBe(true);
  expect(isAuthSessionError(new AuthSessionError('locked', 'locked'))).toBe(true);
  expect(isAuthSessionError(new TypeError())).toBe(false);
  expect(isAuthSessionError({ name: 'AuthSessionError', code: 'locked' })).toBe(false);
  expect(isAuthSessionError(null)).toBe(false);
});
