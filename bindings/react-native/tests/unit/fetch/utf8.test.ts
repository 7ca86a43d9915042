import { expect, test } from 'vitest';
import { decodeUtf8, decodeUtf8WithoutMark, encodeUtf8, wellFormed } from '../../../src/fetch/utf8.ts';
import { randomNumbers } from '../../support/random.ts';

const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));

test.each([
  ['ASCII, NUL among it', '610062', 'a\0b'],
  ['two, three and four bytes', 'c3a9e282acf09f9880', 'é€😀'],
  ['the last of each length', 'dfbfefbfbff48fbfbf', '\u07ff\uffff\u{10ffff}'],
  ['a byte order mark before the text', 'efbbbf61efbbbf', 'a\ufeff'],
  ['a byte that begins nothing', '80fffe61', '\ufffd\ufffd\ufffda'],
  ['overlong forms', 'c0afe080aff08080af', '\ufffd'.repeat(9)],
  ['surrogates', 'eda080edbfbf', '\ufffd'.repeat(6)],
  ['above U+10FFFF', 'f4908080f5808080', '\ufffd'.repeat(8)],
  ['a sequence that ends too early, and the next character', 'e28261f09f98c3a9', '\ufffda\ufffdé'],
  ['a sequence that the end cuts off', '61f09f98', 'a\ufffd'],
])('%s is decoded as the Encoding Standard says', (_, hex, text) => {
  expect(decodeUtf8(bytes(hex))).toBe(text);
  expect(new TextDecoder().decode(bytes(hex))).toBe(text);
});

test('without a mark to look for, it is a part of the text', () => {
  expect(decodeUtf8WithoutMark(bytes('efbbbf61'))).toBe('\ufeffa');
});

test('any bytes are decoded as TextDecoder decodes them', () => {
  const random = randomNumbers(1);
  const interesting = [
    0x00, 0x41, 0x7f, 0x80, 0xbf, 0xc2, 0xdf, 0xe0, 0xe2, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xbb, 0x9f, 0xa0, 0xff,
  ];
  const decoder = new TextDecoder();
  for (let round = 0; round < 20_000; round += 1) {
    const some = Uint8Array.from({ length: Math.floor(random() * 12) }, () =>
      random() < 0.8 ? (interesting[Math.floor(random() * interesting.length)] as number) : Math.floor(random() * 256),
    );
    expect(decodeUtf8(some), Buffer.from(some).toString('hex')).toBe(decoder.decode(some));
  }
});

test('a text that is longer than what is joined at once stays whole', () => {
  const text = 'a😀€'.repeat(10_000);
  expect(decodeUtf8(encodeUtf8(text))).toBe(text);
});

test('any text is encoded as TextEncoder encodes it, half a surrogate pair too', () => {
  const random = randomNumbers(2);
  const units = [0x61, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xd83d, 0xde00, 0xdfff, 0xe000, 0xffff];
  for (let round = 0; round < 5_000; round += 1) {
    const text = String.fromCharCode(
      ...Array.from({ length: Math.floor(random() * 8) }, () => units[Math.floor(random() * units.length)] as number),
    );
    expect(encodeUtf8(text)).toEqual(Uint8Array.from(new TextEncoder().encode(text)));
    expect(wellFormed(text)).toBe(new TextDecoder('utf-8', { ignoreBOM: true }).decode(encodeUtf8(text)));
  }
});
