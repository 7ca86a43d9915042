const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const padding = '=';
/** Whole groups of three bytes, and as many characters as join quickly. */
const bytesAtOnce = 3 * 0x1000;

/** The value of each character by its code; 255 for one that is not of the alphabet. */
const values = new Uint8Array(128).fill(255);
for (let value = 0; value < alphabet.length; value += 1) values[alphabet.charCodeAt(value)] = value;

/** Base64 with padding (RFC 4648, section 4). */
export function encodeBase64(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let start = 0; start < bytes.length; start += bytesAtOnce) {
    let piece = '';
    const end = Math.min(start + bytesAtOnce, bytes.length);
    for (let index = start; index < end; index += 3) {
      const [first, second, third] = [bytes[index] as number, bytes[index + 1], bytes[index + 2]];
      const group = (first << 16) | ((second ?? 0) << 8) | (third ?? 0);
      piece += alphabet.charAt(group >> 18) + alphabet.charAt((group >> 12) & 63);
      piece += second === undefined ? padding : alphabet.charAt((group >> 6) & 63);
      piece += third === undefined ? padding : alphabet.charAt(group & 63);
    }
    pieces.push(piece);
  }
  return pieces.join('');
}

/** The bytes of `text`, which is Base64 with or without padding. Throws a `SyntaxError` for anything else. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const length = text.length - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0);
  const bytes = new Uint8Array(Math.floor((length * 3) / 4));
  let group = 0;
  let bits = 0;
  let written = 0;
  for (let index = 0; index < length; index += 1) {
    const value = values[text.charCodeAt(index)] ?? 255;
    if (value === 255) throw new SyntaxError('it is not Base64');
    group = ((group << 6) | value) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[written++] = (group >> bits) & 0xff;
    }
  }
  // One character alone holds less than a byte.
  if (bits === 6) throw new SyntaxError('it is not Base64');
  return bytes;
}
