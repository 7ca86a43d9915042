import { expect, test } from 'vitest';
import { decodeBase64, encodeBase64 } from '../../../src/fetch/base64.ts';
import { randomNumbers } from '../../support/random.ts';

test('bytes of every length and value come back, written as Buffer writes them', () => {
  const random = randomNumbers(3);
  for (const length of [...Array(70).keys(), 3 * 0x1000 - 1, 3 * 0x1000, 3 * 0x1000 + 1, 100_000]) {
    const bytes = Uint8Array.from({ length }, () => Math.floor(random() * 256));
    const text = Buffer.from(bytes).toString('base64');
    expect(encodeBase64(bytes)).toBe(text);
    expect(decodeBase64(text)).toEqual(bytes);
    expect(decodeBase64(text.replaceAll('=', ''))).toEqual(bytes);
  }
});

test('a view is encoded, and not the buffer under it', () => {
  expect(encodeBase64(Uint8Array.of(1, 2, 3, 4, 5).subarray(1, 3))).toBe('AgM=');
});

test.each(['a', 'ab*=', 'AAAAA', 'é===', 'AA A', 'AA\n=', '====', '\u{10ffff}AAA'])('%j is not Base64', (text) => {
  expect(() => decodeBase64(text)).toThrow(SyntaxError);
});
