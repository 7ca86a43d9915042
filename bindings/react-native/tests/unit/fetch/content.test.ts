import { expect, test } from 'vitest';
import { contentBytes, contentText } from '../../../src/fetch/content.ts';
import type { NativeContent } from '../../../src/fetch/content.ts';

const base64 = (...bytes: number[]) => Buffer.from(bytes).toString('base64');

test.each<[string, NativeContent, string, number[]]>([
  ['text', { text: 'é', base64: null }, 'é', [0xc3, 0xa9]],
  [
    'text after a byte order mark, which belongs to the bytes',
    { text: '\uFEFFa\uFEFF', base64: null },
    'a\uFEFF',
    [0xef, 0xbb, 0xbf, 0x61, 0xef, 0xbb, 0xbf],
  ],
  ['bytes', { text: null, base64: base64(0x61, 0xff) }, 'a\uFFFD', [0x61, 0xff]],
  ['bytes after a byte order mark', { text: null, base64: base64(0xef, 0xbb, 0xbf, 0x61) }, 'a', [0xef, 0xbb, 0xbf, 0x61]],
  ['empty text', { text: '', base64: null }, '', []],
  ['a body that is in a file', { text: null, base64: null }, '', []],
])('%s', (_, content, text, bytes) => {
  expect(contentText(content)).toBe(text);
  expect([...contentBytes(content)]).toEqual(bytes);
});
