import { expect, test } from 'vitest';
import { formEntries } from '../../../src/fetch/multipart.ts';

const bytes = (text: string) => Uint8Array.from(Buffer.from(text));

test('names and values of a URL-encoded form are read as URLSearchParams reads them', () => {
  for (const text of [
    'a=1&b=2&a=3',
    'a+b=c%20d&%C3%A9=%F0%9F%98%80',
    '&&a&=b&c=d=e',
    '',
    'a=%zz&b=%',
    'a=%ff&%EF%BB%BFb=c',
    'é=ü',
  ]) {
    const entries = formEntries('Application/X-WWW-Form-Urlencoded; charset=utf-8', bytes(text));
    expect(entries.map((entry) => [entry.name, 'text' in entry && entry.text])).toEqual([...new URLSearchParams(text)]);
  }
});

test('a multipart form as fetch writes it is read again', async () => {
  const form = new FormData();
  form.append('a', 'é\r\n--x\r\n');
  form.append('a', '');
  form.append('say "hi"\n', 'b');
  form.append('file', new File([Uint8Array.of(0, 255, 13, 10, 45, 45)], 'é".png', { type: 'image/png' }));
  const written = new Response(form);
  const read = formEntries(written.headers.get('content-type'), new Uint8Array(await written.arrayBuffer()));
  expect(read).toEqual([
    { name: 'a', text: 'é\r\n--x\r\n' },
    { name: 'a', text: '' },
    { name: 'say "hi"\r\n', text: 'b' },
    { name: 'file', fileName: 'é".png', contentType: 'image/png', bytes: Uint8Array.of(0, 255, 13, 10, 45, 45) },
  ]);
});

test('what is around the parts is passed over, and a file without a type is text', () => {
  const body = 'before\r\n--x  \r\nContent-Disposition: form-data; name="f"; filename="n"\r\n\r\n1\r\n--x--\r\nafter';
  expect(formEntries('multipart/form-data; charset=x; boundary="x"', bytes(body))).toEqual([
    { name: 'f', fileName: 'n', contentType: 'text/plain', bytes: bytes('1') },
  ]);
});

test.each([
  ['nothing', 'multipart/form-data; boundary=x', ''],
  ['no boundary', 'multipart/form-data', '--x\r\n\r\n\r\n--x--'],
  ['another boundary', 'multipart/form-data; boundary=y', '--x\r\n\r\n\r\n--x--'],
  ['no end', 'multipart/form-data; boundary=x', '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb'],
  ['no end of the head', 'multipart/form-data; boundary=x', '--x\r\nContent-Disposition: form-data; name="a"'],
  ['no line after the boundary', 'multipart/form-data; boundary=x', '--x'],
  ['a part without a head', 'multipart/form-data; boundary=x', '--x\r\n\r\nb\r\n--x--'],
  [
    'a part without a name',
    'multipart/form-data; boundary=x',
    '--x\r\nContent-Disposition: form-data\r\n\r\nb\r\n--x--',
  ],
  [
    'another disposition',
    'multipart/form-data; boundary=x',
    '--x\r\nContent-Disposition: inline; name="a"\r\n\r\nb\r\n--x--',
  ],
  ['JSON', 'application/json', '{}'],
  ['no type', null, 'a=b'],
])('%s is a TypeError', (_, contentType, body) => {
  expect(() => formEntries(contentType, bytes(body))).toThrow(TypeError);
});
