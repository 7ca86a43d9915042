import { AuthSessionError } from '../errors.ts';
import type { NativeRequest } from '../exchange.ts';
import { encodeBase64 } from '../fetch/base64.ts';
import type { NativeContent } from '../fetch/content.ts';
import type { Disposition } from '../fetch/response.ts';
import { decodeUtf8, encodeUtf8 } from '../fetch/utf8.ts';
import type { NativeHeader, NativeResponse } from '../NativeAuthSession.ts';
import type { SentRequest } from './request.ts';

/** Header fields of an answer; one that occurs several times, as `Set-Cookie` may, has a list. */
export type MockHeaders = Readonly<Record<string, string | readonly string[]>>;

/** What the mock answers. */
export interface MockReply {
  /** 200 if not given. */
  readonly status?: number | undefined;
  /** Text and bytes as they are, anything else as JSON; empty if not given. */
  readonly body?: unknown;
  /** The header fields. `Content-Type` is that of the body if not given. */
  readonly headers?: MockHeaders | undefined;
  /** `refused` for a 401, `permission_denied` for a 403 and otherwise `answered` if not given. */
  readonly disposition?: Disposition | undefined;
  /** Where the answer came from, after redirects; the request's URL if not given. */
  readonly url?: string | undefined;
}

/** `reply` as native code would hand it over. */
export function nativeResponse(reply: MockReply, sent: SentRequest, request: NativeRequest): NativeResponse {
  const { status = 200, url = sent.url } = reply;
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new AuthSessionError('invalid_request', `the mock cannot answer with the status ${String(status)}`);
  }
  const content = contentOf(reply.body);
  const headers = Object.entries(reply.headers ?? {}).flatMap(([name, values]) =>
    [values].flat().map((value): NativeHeader => ({ name, value })));
  if (content.type !== undefined && !headers.some(({ name }) => name.toLowerCase() === 'content-type')) {
    headers.push({ name: 'Content-Type', value: content.type });
  }
  // The body of a success goes to the file that the app names.
  const inFile = request.downloadTo !== null && status <= 299;
  return {
    status,
    url,
    headers,
    ...(sent.method === 'HEAD' || inFile ? nothing : bodyOf(content.body, request.answerAs)),
    disposition: reply.disposition ?? dispositionOf(status),
    redirected: url !== sent.url,
  };
}

const nothing: NativeContent = { text: '', base64: null };

function contentOf(body: unknown): { readonly body: string | Uint8Array; readonly type?: string } {
  if (body === undefined) return { body: '' };
  if (typeof body === 'string') return { body, type: 'text/plain;charset=UTF-8' };
  if (body instanceof ArrayBuffer) return { body: new Uint8Array(body), type: 'application/octet-stream' };
  if (ArrayBuffer.isView(body)) {
    return { body: new Uint8Array(body.buffer, body.byteOffset, body.byteLength), type: 'application/octet-stream' };
  }
  // Undefined for what JSON does not know, such as a function.
  const json = JSON.stringify(body) as string | undefined;
  return { body: json ?? 'null', type: 'application/json' };
}

function bodyOf(body: string | Uint8Array, answerAs: NativeRequest['answerAs']): NativeContent {
  if (answerAs === 'base64') {
    return { text: null, base64: encodeBase64(typeof body === 'string' ? encodeUtf8(body) : body) };
  }
  if (typeof body === 'string') return { text: body, base64: null };
  const text = decodeUtf8(body);
  const isText = encodeBase64(encodeUtf8(text)) === encodeBase64(body);
  return isText ? { text, base64: null } : { text: null, base64: encodeBase64(body) };
}

function dispositionOf(status: number): Disposition {
  if (status === 401) return 'refused';
  return status === 403 ? 'permission_denied' : 'answered';
}
