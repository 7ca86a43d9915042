import { decodeUtf8, decodeUtf8WithoutMark } from './utf8.ts';

/** One entry of a form: a text, or what was a file. */
export type FormEntry =
  | { readonly name: string; readonly text: string }
  | {
      readonly name: string;
      readonly fileName: string;
      readonly contentType: string;
      readonly bytes: Uint8Array<ArrayBuffer>;
    };

/** The entries of a body whose `Content-Type` is `contentType`. Throws a `TypeError` if it is not a form. */
export function formEntries(contentType: string | null, bytes: Uint8Array<ArrayBuffer>): FormEntry[] {
  const [essence = '', ...parameters] = (contentType ?? '').split(';').map((part) => part.trim());
  switch (essence.toLowerCase()) {
    case 'application/x-www-form-urlencoded':
      return urlEncodedEntries(bytes);
    case 'multipart/form-data': {
      const boundary = parameters.map((parameter) => /^boundary="?([^"]+)"?$/i.exec(parameter)?.[1]).find(Boolean);
      if (boundary === undefined) throw malformed();
      return multipartEntries(boundary, bytes);
    }
    default:
      throw new TypeError('the body is not a form');
  }
}

function malformed(): TypeError {
  return new TypeError('the body is not the form that it says it is');
}

/** The URL Standard, section 5.1. */
function urlEncodedEntries(bytes: Uint8Array): FormEntry[] {
  const decode = (text: string) => decodeUtf8WithoutMark(percentDecode(text));
  return latin1(bytes)
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const end = pair.includes('=') ? pair.indexOf('=') : pair.length;
      return { name: decode(pair.slice(0, end)), text: decode(pair.slice(end + 1)) };
    });
}

/** The bytes of one character each. */
function percentDecode(text: string): Uint8Array {
  const decoded = text
    .replace(/\+/g, ' ')
    .replace(/%([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 16)));
  return Uint8Array.from(decoded, (character) => character.charCodeAt(0));
}

/** One character for each byte, which strings can search quickly. */
function latin1(bytes: Uint8Array): string {
  const bytesAtOnce = 0x2000;
  let text = '';
  for (let start = 0; start < bytes.length; start += bytesAtOnce) {
    text += String.fromCharCode(...bytes.subarray(start, start + bytesAtOnce));
  }
  return text;
}

/** RFC 7578 and RFC 2046, section 5.1.1. */
function multipartEntries(boundary: string, bytes: Uint8Array<ArrayBuffer>): FormEntry[] {
  const body = latin1(bytes);
  const delimiter = `--${boundary}`;
  const entries: FormEntry[] = [];
  // What is before the first delimiter and after the last one is no part.
  let position = body.startsWith(delimiter) ? 0 : body.indexOf(`\r\n${delimiter}`) + 2;
  if (position === 1) throw malformed();
  for (;;) {
    position += delimiter.length;
    if (body.startsWith('--', position)) return entries;
    const headStart = body.indexOf('\r\n', position) + 2;
    // A part without header fields has the empty line at once.
    const headEnd = body.startsWith('\r\n', headStart) ? headStart - 2 : body.indexOf('\r\n\r\n', headStart);
    const end = body.indexOf(`\r\n${delimiter}`, headEnd + 4);
    if (headStart < 2 || headEnd < 0 || end < 0) throw malformed();
    entries.push(multipartEntry(decodeUtf8(bytes.subarray(headStart, headEnd)), bytes.slice(headEnd + 4, end)));
    position = end + 2;
  }
}

function multipartEntry(head: string, bytes: Uint8Array<ArrayBuffer>): FormEntry {
  const field = (name: string) => new RegExp(`^${name}:[\\t ]*(.*?)[\\t ]*$`, 'im').exec(head)?.[1];
  const disposition = field('content-disposition') ?? '';
  const parameter = (name: string) => new RegExp(`;[\\t ]*${name}="([^"]*)"`, 'i').exec(disposition)?.[1];
  const [name, fileName] = [parameter('name'), parameter('filename')];
  if (!/^form-data[\t ]*(;|$)/i.test(disposition) || name === undefined) throw malformed();
  if (fileName === undefined) return { name: unescaped(name), text: decodeUtf8WithoutMark(bytes) };
  const contentType = field('content-type') ?? 'text/plain';
  return { name: unescaped(name), fileName: unescaped(fileName), contentType, bytes };
}

/** The HTML Standard escapes these three, and nothing else, in names. */
function unescaped(name: string): string {
  return name.replace(/%0A/gi, '\n').replace(/%0D/gi, '\r').replace(/%22/g, '"');
}
