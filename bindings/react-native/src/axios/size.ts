import type { NativePart } from '../exchange.ts';
import { encodeUtf8 } from '../fetch/utf8.ts';

/** How many bytes a text has in UTF-8. */
export function textBytes(text: string | null): number {
  return text === null ? 0 : encodeUtf8(text).length;
}

/** How many bytes Base64 stands for. */
export function base64Bytes(base64: string | null): number {
  return base64 === null ? 0 : Math.floor((base64.replace(/=+$/, '').length * 3) / 4);
}

/** As many characters as native code's boundaries have. */
const boundary = 'x'.repeat(32);

/** How many bytes native code makes of a form, without what it reads from files. */
export function formBytes(parts: readonly NativePart[]): number {
  return parts.reduce(
    (sum, part) => sum + textBytes(partHead(part)) + textBytes(part.text) + base64Bytes(part.base64) + '\r\n'.length,
    `--${boundary}--\r\n`.length,
  );
}

function partHead({ name, fileName, contentType }: NativePart): string {
  const file = fileName === null ? '' : `; filename="${escaped(fileName)}"`;
  const type = contentType === null ? '' : `\r\nContent-Type: ${contentType}`;
  return `--${boundary}\r\nContent-Disposition: form-data; name="${escaped(name)}"${file}${type}\r\n\r\n`;
}

/** The HTML Standard, "multipart/form-data encoding algorithm". */
function escaped(name: string): string {
  return name.replace(/\r/g, '%0D').replace(/\n/g, '%0A').replace(/"/g, '%22');
}
