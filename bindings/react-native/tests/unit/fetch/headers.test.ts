import { describe, expect, test } from 'vitest';
import { headerFields, SessionHeaders } from '../../../src/fetch/headers.ts';
import type { HeadersInput } from '../../../src/fetch/headers.ts';

const fields = [
  { name: 'Content-Type', value: 'text/plain' },
  { name: 'Set-Cookie', value: 'a=1' },
  { name: 'accept', value: 'x' },
  { name: 'set-cookie', value: 'b=2' },
  { name: 'Accept', value: 'y' },
];
const pairs = fields.map(({ name, value }): [string, string] => [name, value]);

test('names are found in any case, and equal names are joined', () => {
  const headers = new SessionHeaders(pairs);
  expect(headers.get('content-TYPE')).toBe('text/plain');
  expect(headers.get('ACCEPT')).toBe('x, y');
  expect(headers.has('Set-cookie')).toBe(true);
  expect(headers.get('nothing')).toBeNull();
  expect(headers.has('nothing')).toBe(false);
});

test("React Native's own Headers, those of whatwg-fetch, take their pairs", async () => {
  // @ts-expect-error It has no types; React Native brings it.
  const { Headers: WhatwgHeaders } = await import('whatwg-fetch');
  const headers = new SessionHeaders({ 'X-One': '1', Accept: 'x' });
  const listed = (given: unknown) => [...(new WhatwgHeaders(given as never) as unknown as Iterable<[string, string]>)];
  expect(listed([...headers])).toEqual([...headers]);
  // As they are, they are lost there.
  expect(listed(headers)).toEqual([]);
});

test.each([
  ['that were given', new SessionHeaders(pairs)],
  ['that were received', SessionHeaders.received(fields)],
])('fields %s are listed as the Headers of fetch list them', (_, headers) => {
  const standard = new Headers(pairs);
  expect([...headers]).toEqual([...standard]);
  expect([...headers.keys()]).toEqual([...standard.keys()]);
  expect([...headers.values()]).toEqual([...standard.values()]);
  expect(headers.getSetCookie()).toEqual(standard.getSetCookie());
  const seen: [string, string][] = [];
  headers.forEach((value, name) => seen.push([name, value]));
  expect(seen).toEqual([...headers.entries()]);
});

test('they change as the Headers of fetch do', () => {
  const [own, standard] = [new SessionHeaders({ A: '1', B: '2' }), new Headers({ A: '1', B: '2' })];
  for (const headers of [own, standard]) {
    headers.append('a', ' 3\t');
    headers.set('B', '4');
    headers.append('c', '');
    headers.append('d', '5');
    headers.delete('D');
  }
  expect([...own]).toEqual([...standard]);
  expect([...own]).toEqual([
    ['a', '1, 3'],
    ['b', '4'],
    ['c', ''],
  ]);
});

test('those of an answer cannot be changed', () => {
  const headers = SessionHeaders.received(fields);
  expect(() => headers.append('a', '1')).toThrow(TypeError);
  expect(() => headers.set('accept', '1')).toThrow(TypeError);
  expect(() => headers.delete('accept')).toThrow(TypeError);
  expect(headers.get('accept')).toBe('x, y');
});

test('those of an answer are shown as they are, whatever the server wrote', () => {
  expect([...SessionHeaders.received([{ name: 'X', value: ' é\u20ac ' }])]).toEqual([['x', ' é\u20ac ']]);
});

test('a request takes them as an object, as pairs, as a Map and as the Headers of any library', () => {
  const expected = [{ name: 'a', value: '1' }];
  expect(headerFields({ a: '1' })).toEqual(expected);
  expect(headerFields([['a', '1']])).toEqual(expected);
  expect(headerFields(new Map([['a', '1']]))).toEqual(expected);
  expect(headerFields(new Headers({ a: '1' }))).toEqual(expected);
  expect(headerFields(new SessionHeaders({ a: '1' }))).toEqual(expected);
  const notIterable = { forEach: (receive: (value: string, name: string) => void) => receive('1', 'a') };
  expect(headerFields(notIterable)).toEqual(expected);
  expect(headerFields(undefined)).toEqual([]);
  expect(headerFields(null)).toEqual([]);
});

test('a name is sent in the case in which it was given first, once', () => {
  expect(
    headerFields([
      ['X-Id', '1'],
      ['x-ID', '2'],
    ]),
  ).toEqual([{ name: 'X-Id', value: '1, 2' }]);
});

describe('what HTTP does not allow is a TypeError that quotes no value', () => {
  const secret = 'secret';
  test.each<[string, unknown]>([
    ['a line break in a value', { a: `${secret}\r\nHost: evil.example` }],
    ['a line feed in a value', { a: `${secret}\nb` }],
    ['a carriage return in a value', { a: `${secret}\rb` }],
    ['a NUL in a value', { a: `${secret}\0` }],
    ['a character that is no byte', { a: `${secret}€` }],
    ['a line break in a name', { 'a\nb': secret }],
    ['a space in a name', { 'a b': secret }],
    ['an empty name', { '': secret }],
    ['a colon in a name', [['a:', secret]]],
    ['undefined', { a: undefined }],
    ['null', { a: null }],
    ['an object', { a: { secret } }],
    ['a symbol', { a: Symbol(secret) }],
    ['a pair of three', [['a', 'b', secret]]],
    ['a pair of one', [['a']]],
    ['a pair that is none', [null]],
    ['no headers at all', secret],
  ])('%s', (_, headers) => {
    const make = () => headerFields(headers as HeadersInput);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(/^(?!.*secret)/);
    expect(() => make()).toThrow(
      expect.objectContaining({ cause: expect.objectContaining({ code: 'invalid_request' }) }),
    );
  });

  test('reading, setting and deleting by such a name', () => {
    const headers = new SessionHeaders();
    for (const use of [headers.get, headers.has, headers.delete]) {
      expect(() => use.call(headers, 'a b')).toThrow(TypeError);
    }
    expect(() => headers.set('a', 'b\n\nc')).toThrow(TypeError);
  });
});

test('white space around a value is left out, and numbers are written, as the Headers of fetch do it', () => {
  const input = { a: '\r\n b\tc \n', d: 5 as unknown as string, e: 'é' };
  expect([...new SessionHeaders(input)]).toEqual([...new Headers(input)]);
});
