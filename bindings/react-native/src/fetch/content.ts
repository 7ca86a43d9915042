import type { NativeResponse } from '../NativeAuthSession.ts';
import { decodeBase64 } from './base64.ts';
import { decodeUtf8, encodeUtf8 } from './utf8.ts';

/** The body of an answer, as native code hands it over. One of the two is null; both, where it is in a file. */
export type NativeContent = Pick<NativeResponse, 'text' | 'base64'>;

/** The body as text. It is read as UTF-8 whatever it says it is; what is not UTF-8 becomes U+FFFD. */
export function contentText({ text, base64 }: NativeContent): string {
  if (text === null) return decodeUtf8(decodeBase64(base64 ?? ''));
  // A byte order mark is not part of the text, as the Encoding Standard has it.
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}

/** The bytes of the body. */
export function contentBytes({ text, base64 }: NativeContent): Uint8Array<ArrayBuffer> {
  return text === null ? decodeBase64(base64 ?? '') : encodeUtf8(text);
}
