import { expect, test } from 'vitest';
import { encodedURL } from '../../src/url.ts';

test.each([
  ['/a b/ü?q={x|"y"}#^`<>', '/a%20b/%C3%BC?q=%7Bx%7C%22y%22%7D#%5E%60%3C%3E'],
  ['https://api.example.com/\u{1F600}', 'https://api.example.com/%F0%9F%98%80'],
  ['/half/\ud83d', '/half/%EF%BF%BD'],
  ['/100%/50%2/%zz', '/100%25/50%252/%25zz'],
  ['/nul\0', '/nul'],
  ['/nul\0/', '/nul%00/'],
  [' /trimmed\n', '/trimmed'],
  ['/with\tin', '/within'],
])('what a URL cannot contain is encoded: %j', (text, encoded) => {
  expect(encodedURL(text)).toBe(encoded);
});

test.each([
  '',
  '/me',
  'me/../you',
  '?a=1&b[]=2',
  "/-._~:@!$&'()*+,;=",
  '/a%20b%C3%BC%7b',
  'https://bücher.example',
  'https://[::1]:8080/a?b#c',
  '/a\\b',
])('what is one stays as it is: %j', (text) => {
  expect(encodedURL(text)).toBe(text);
});
