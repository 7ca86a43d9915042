import { expect, test } from 'vitest';
import { SessionResponse } from '../../src/fetch/response.ts';
import { response } from '../support/fakeModule.ts';

test.each([
  [199, false],
  [200, true],
  [299, true],
  [300, false],
  [401, false],
])('status %i: ok is %s', (status, ok) => {
  expect(new SessionResponse(response({ status })).ok).toBe(ok);
});

test('a body is read once', async () => {
  const answer = new SessionResponse(response({ text: '{"id":1}' }));
  expect(answer.bodyUsed).toBe(false);
  expect(await answer.json()).toEqual({ id: 1 });
  expect(answer.bodyUsed).toBe(true);
  await expect(answer.text()).rejects.toThrow(TypeError);
});

test('a body that is not JSON is a SyntaxError, whatever the status', async () => {
  await expect(new SessionResponse(response({ status: 502, text: '<html>' })).json()).rejects.toThrow(SyntaxError);
});

test('a body that is not text is undecodable', async () => {
  const answer = new SessionResponse(response({ text: null, base64: '/w==' }));
  await expect(answer.text()).rejects.toMatchObject({ code: 'undecodable', status: 200 });
});
