import type { NativeBody, NativePart } from '../exchange.ts';
import { encodeBase64 } from './base64.ts';
import { blobAsBase64 } from './blob.ts';
import { invalid } from './invalid.ts';
import { encodeUtf8, wellFormed } from './utf8.ts';

/** A file, as React Native names it. Native code reads it while it is sent, so it may be of any size. */
export interface FileBody {
  /** A `file:` URI; on Android a `content:` URI, too. */
  readonly uri: string;
  /** The media type, such as `image/jpeg`. */
  readonly type?: string | null | undefined;
}

/** What is needed of a `Blob` or `File`: of React Native's, or of the standard's. */
export interface BlobLike {
  readonly size: number;
  readonly type: string;
  slice(start?: number, end?: number): unknown;
  arrayBuffer?(): Promise<ArrayBuffer>;
}

/** What is needed of `URLSearchParams`. */
export interface URLSearchParamsLike {
  sort(): void;
  toString(): string;
}

/** What is needed of `FormData`: of React Native's, whose parts may be files by URI, or of the standard's. */
export interface FormDataLike {
  append(name: string, value: string): void;
  getAll(name: string): readonly unknown[];
}

/** What is needed to see that it is a `ReadableStream`. */
export interface StreamLike {
  getReader(): unknown;
}

/**
 * The body of a request. A `ReadableStream` is among them so that what takes the type of `fetch` takes that of a
 * session, too; sending one is a `TypeError`, since React Native has none: a file by its URI is read piece by piece.
 */
export type FetchBody =
  | string
  | ArrayBuffer
  | ArrayBufferView
  | BlobLike
  | FormDataLike
  | URLSearchParamsLike
  | FileBody
  | StreamLike;

/** A body that is ready to be sent. */
export interface PreparedBody {
  readonly kind: 'text' | 'bytes' | 'file' | 'form';
  /** What the Fetch Standard says it is; null if it says nothing, or native code does, as of a form. */
  readonly contentType: string | null;
  /** What native code sends. Bytes are copied before that: what becomes of them later changes nothing. */
  readonly read: () => Promise<NativeBody>;
}

/** What is sent of `body`. Throws a `TypeError` for what cannot be sent. */
export function prepareBody(body: unknown): PreparedBody {
  if (typeof body === 'string') return ready('text', 'text/plain;charset=UTF-8', textBody(body));
  const bytes = bytesOf(body);
  if (bytes) return ready('bytes', null, { kind: 'base64', base64: encodeBase64(bytes) });
  if (typeof body === 'object' && body !== null) {
    if (isURLSearchParams(body)) {
      return ready('text', 'application/x-www-form-urlencoded;charset=UTF-8', textBody(body.toString()));
    }
    if (isFormData(body)) {
      const parts = formParts(body);
      const read = async (): Promise<NativeBody> => ({ kind: 'form', parts: await Promise.all(parts.map(readPart)) });
      return { kind: 'form', contentType: null, read };
    }
    // Before Blobs, since the `File` of expo-file-system is both: from its URI its content need not come here.
    if (isFile(body)) return ready('file', body.type || null, { kind: 'file', uri: body.uri });
    if (isBlob(body)) {
      const read = async (): Promise<NativeBody> => ({ kind: 'base64', base64: await blobAsBase64(body) });
      return { kind: 'bytes', contentType: body.type || null, read };
    }
    if ('getReader' in body) {
      throw invalid('a ReadableStream cannot be sent; send bytes, a Blob, or a file as { uri, type }');
    }
  }
  throw invalid(
    'a body must be a string, an ArrayBuffer or a view of one, a Blob, FormData, URLSearchParams, or { uri, type }',
  );
}

function ready(kind: PreparedBody['kind'], contentType: string | null, body: NativeBody): PreparedBody {
  return { kind, contentType, read: async () => body };
}

function textBody(text: string): NativeBody {
  return mayCross(text) ? { kind: 'text', text } : { kind: 'base64', base64: encodeBase64(encodeUtf8(text)) };
}

/**
 * Whether a text arrives in native code as it is: in some versions of React Native it ends at a NUL, and half a
 * surrogate pair has no UTF-8.
 */
function mayCross(text: string): boolean {
  return !text.includes('\0') && wellFormed(text) === text;
}

function bytesOf(body: unknown): Uint8Array | undefined {
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  // Not by `instanceof`: in a test environment it may be the class of another realm.
  if (Object.prototype.toString.call(body) === '[object ArrayBuffer]') return new Uint8Array(body as ArrayBuffer);
  return undefined;
}

function isURLSearchParams(body: object): body is URLSearchParamsLike {
  return 'getAll' in body && 'sort' in body && !('getParts' in body);
}

function isFormData(body: object): body is FormDataLike {
  return 'append' in body && ('getParts' in body || ('getAll' in body && 'entries' in body));
}

function isBlob(body: object): body is BlobLike {
  return 'size' in body && 'type' in body && 'slice' in body;
}

function isFile(body: object): body is FileBody {
  const { uri, type } = body as Partial<FileBody>;
  return typeof uri === 'string' && (type == null || typeof type === 'string');
}

/** A part whose content may still be in a Blob. */
type UnreadPart = NativePart & { readonly blob: BlobLike | null };

const emptyPart = { fileName: null, contentType: null, text: null, base64: null, uri: null, blob: null };

async function readPart({ blob, ...part }: UnreadPart): Promise<NativePart> {
  return blob === null ? part : { ...part, base64: await blobAsBase64(blob) };
}

function formParts(form: FormDataLike): UnreadPart[] {
  if ('getParts' in form) return reactNativeParts(form as ReactNativeFormData);
  return Array.from(form as unknown as Iterable<[string, unknown]>, ([name, value]) => partOf(name, value));
}

interface ReactNativeFormData extends FormDataLike {
  getParts(): readonly { readonly fieldName: string; readonly string?: string; readonly uri?: string }[];
}

/** Those of React Native, which shows a Blob as a part without content: what was appended is looked up. */
function reactNativeParts(form: ReactNativeFormData): UnreadPart[] {
  const seen = new Map<string, number>();
  return form.getParts().map((part) => {
    const index = seen.get(part.fieldName) ?? 0;
    seen.set(part.fieldName, index + 1);
    return partOf(part.fieldName, part.string ?? form.getAll(part.fieldName)[index]);
  });
}

function partOf(fieldName: string, value: unknown): UnreadPart {
  const name = withLineBreaks(fieldName);
  if (typeof value === 'string') {
    const text = withLineBreaks(value);
    if (mayCross(text)) return { ...emptyPart, name, text };
    return { ...emptyPart, name, base64: encodeBase64(encodeUtf8(text)) };
  }
  if (typeof value === 'object' && value !== null) {
    const { name: given, type } = value as { name?: unknown; type?: unknown };
    const fileName = typeof given === 'string' ? given : null;
    const contentType = typeof type === 'string' && type !== '' ? type : 'application/octet-stream';
    if (isFile(value)) return { ...emptyPart, name, fileName, contentType, uri: value.uri };
    if (isBlob(value)) return { ...emptyPart, name, fileName: fileName ?? 'blob', contentType, blob: value };
  }
  throw invalid('a part of a form must be a string, a Blob, or { uri, name, type }');
}

/** Names and texts of a form have CRLF for each line break: the HTML Standard, 4.10.21.8. */
function withLineBreaks(text: string): string {
  return wellFormed(text).replace(/\r\n?|\n/g, '\r\n');
}
