import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Authorization, nativeRefusal } from '../../src/authorization.ts';

const authorization = new Authorization({ id: 'a1', value: 'Bearer secret' });

test('the header field is there for whoever asks for it', () => {
  expect(authorization.headers).toEqual({ Authorization: 'Bearer secret' });
  expect({ ...authorization.headers, Accept: 'image/png' }).toHaveProperty('Authorization', 'Bearer secret');
});

test.each([
  ['its text', () => `${authorization}`],
  ['its JSON', () => JSON.stringify({ authorization })],
  ['what a console shows', () => inspect({ authorization }, { depth: 9, showHidden: true })],
  ['a copy of its members', () => JSON.stringify({ ...authorization })],
  ['its keys', () => JSON.stringify(Object.entries(Object.getOwnPropertyDescriptors(authorization)))],
])('%s holds no token', (_, text) => {
  expect(text()).not.toContain('secret');
});

test('a refusal names the authorization by its id, and never by its value', () => {
  expect(nativeRefusal(authorization, { status: 401, headers: { 'WWW-Authenticate': 'Bearer' } })).toEqual({
    authorizationId: 'a1',
    status: 401,
    headers: [{ name: 'WWW-Authenticate', value: 'Bearer' }],
    body: null,
  });
});

test('something else than an authorization is an invalid_request', () => {
  const other = { headers: { Authorization: 'Bearer secret' } } as Authorization;
  expect(() => nativeRefusal(other, { status: 401 })).toThrow(expect.objectContaining({ code: 'invalid_request' }));
});
