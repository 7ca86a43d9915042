import { encodeUtf8 } from './fetch/utf8.ts';

/** A scheme and its authority: what is no URL code point in a host is for IDNA, and not for percent-encoding. */
const origin = /^[a-z][a-z0-9+.-]*:\/\/[^/?#\\]*/i;

/** What a URL cannot contain (RFC 3986), but for `\\`, which is a `/` to those who parse as browsers do. */
const unencoded = /%(?![0-9a-f]{2})|[^\w\-.~:/?#[\]@!$&'()*+,;=%\\]+/gi;

/**
 * The text of a URL, absolute or relative, in which whatever a URL cannot contain is percent-encoded; what is encoded
 * already stays as it is. Until iOS 17 `URL` takes nothing else, where Android and browsers encode by themselves.
 */
export function encodedURL(text: string): string {
  // As the URL Standard removes them.
  const trimmed = text.replace(/^[\0- ]+|[\0- ]+$/g, '').replace(/[\t\n\r]/g, '');
  const [start = ''] = origin.exec(trimmed) ?? [];
  return start + trimmed.slice(start.length).replace(unencoded, percentEncoded);
}

function percentEncoded(text: string): string {
  return Array.from(encodeUtf8(text), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}
