import type { BlobLike } from './body.ts';
import { encodeBase64 } from './base64.ts';
import type { FormEntry } from './multipart.ts';

/** The content of a Blob, as Base64. React Native's has it in native code, from where only a `FileReader` gets it. */
export async function blobAsBase64(blob: BlobLike): Promise<string> {
  if (typeof blob.arrayBuffer === 'function') return encodeBase64(new Uint8Array(await blob.arrayBuffer()));
  const { FileReader } = globalThis as { FileReader?: new () => FileReaderLike };
  if (FileReader === undefined) throw new TypeError('the Blob cannot be read: there is no FileReader');
  const reader = new FileReader();
  return new Promise((resolve, reject) => {
    reader.onload = () => {
      // `data:image/png;base64,…`
      const url = String(reader.result);
      resolve(url.slice(url.indexOf(',') + 1));
    };
    reader.onerror = () => reject(new TypeError('the Blob cannot be read'));
    reader.readAsDataURL(blob);
  });
}

/**
 * A Blob of the global class. `text` is what the bytes are in UTF-8, if they are: React Native's class takes no bytes.
 *
 * Throws a `TypeError` where there is no such class, or it does not take this content.
 */
export function newBlob<Instance>(bytes: Uint8Array, text: string | null, type: string): Instance {
  const { Blob } = globalThis as { Blob?: unknown } as { Blob?: new (parts: unknown[], options: object) => Instance };
  if (Blob === undefined) throw new TypeError('there is no Blob here; use arrayBuffer() or session.download');
  try {
    return new Blob([bytes], { type });
  } catch {
    if (text !== null) return new Blob([text], { type });
    throw new TypeError('Blob takes no bytes here; use arrayBuffer() or session.download');
  }
}

/** A `FormData` of the global class. Throws a `TypeError` where there is none, or it cannot hold a file. */
export function newFormData<Instance>(entries: readonly FormEntry[]): Instance {
  const { FormData } = globalThis as { FormData?: new () => { append(...entry: unknown[]): void } };
  if (FormData === undefined) throw new TypeError('there is no FormData here; use text()');
  const form = new FormData();
  for (const entry of entries) {
    if ('text' in entry) form.append(entry.name, entry.text);
    else form.append(entry.name, newBlob(entry.bytes, null, entry.contentType), entry.fileName);
  }
  return form as Instance;
}

interface FileReaderLike {
  result: unknown;
  onload: (() => void) | null;
  onerror: (() => void) | null;
  readAsDataURL(blob: BlobLike): void;
}
