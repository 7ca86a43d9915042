import { expect, test } from 'vitest';
import { headerFields, SessionHeaders } from '../../src/fetch/headers.ts';

const fields = [
  { name: 'Content-Type', value: 'text/plain' },
  { name: 'Set-Cookie', value: 'a=1' },
  { name: 'accept', value: 'x' },
  { name: 'set-cookie', value: 'b=2' },
  { name: 'Accept', value: 'y' },
];

test('names are found in any case, and equal names are joined', () => {
  const headers = new SessionHeaders(fields);
  expect(headers.get('content-TYPE')).toBe('text/plain');
  expect(headers.get('ACCEPT')).toBe('x, y');
  expect(headers.has('Set-cookie')).toBe(true);
  expect(headers.get('nothing')).toBeNull();
  expect(headers.has('nothing')).toBe(false);
});

test('it lists what the Headers of fetch list', () => {
  const headers = new SessionHeaders(fields);
  const standard = new Headers(fields.map(({ name, value }) => [name, value] as [string, string]));
  expect([...headers]).toEqual([...standard]);
  expect([...headers.keys()]).toEqual([...standard.keys()]);
  expect([...headers.values()]).toEqual([...standard.values()]);
  expect(headers.getSetCookie()).toEqual(standard.getSetCookie());
  const seen: [string, string][] = [];
  headers.forEach((value, name) => seen.push([name, value]));
  expect(seen).toEqual([...headers.entries()]);
});

test('a request takes them as an object, as pairs and as Headers', () => {
  const expected = [{ name: 'a', value: '1' }];
  expect(headerFields({ a: '1' })).toEqual(expected);
  expect(headerFields([['a', '1']])).toEqual(expected);
  expect(headerFields(new Map([['a', '1']]))).toEqual(expected);
  expect(headerFields(new Headers({ a: '1' }))).toEqual(expected);
  expect(headerFields(undefined)).toEqual([]);
});
