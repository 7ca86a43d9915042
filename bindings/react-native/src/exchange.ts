import type { HeaderField } from './fetch/headers.ts';
import type { NativeProgress, NativeResponse } from './NativeAuthSession.ts';
import type { AbortSignalLike } from './abort.ts';

/** A part of a form. One of `text`, `base64` and `uri` is its content; with `uri` native code reads the file. */
export interface NativePart {
  readonly name: string;
  readonly fileName: string | null;
  readonly contentType: string | null;
  readonly text: string | null;
  readonly base64: string | null;
  readonly uri: string | null;
}

/** The body of a request. What is in a file does not pass through JavaScript. */
export type NativeBody =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'base64'; readonly base64: string }
  | { readonly kind: 'file'; readonly uri: string }
  /** `multipart/form-data`: native code sets the content type, with its boundary. */
  | { readonly kind: 'form'; readonly parts: readonly NativePart[] };

/** A request as the native module takes it. What is null is as the session says. */
export interface NativeRequest {
  /** The client that sends it; null: the session itself. Whoever sends it fills it in. */
  readonly clientId: string | null;
  readonly method: string;
  readonly url: string;
  readonly headers: readonly HeaderField[];
  readonly body: NativeBody | null;
  readonly auth: 'required' | 'optional' | 'never' | null;
  readonly idempotencyKey: string | null;
  readonly timeoutMs: number | null;
  readonly maxBodyBytes: number | null;
  /** How many redirects are followed; one more is the answer. */
  readonly maxRedirects: number | null;
  /** Whether a body comes as text where it is UTF-8, or as Base64 in any case. */
  readonly answerAs: 'text' | 'base64';
  /** Where the body of a successful answer is written instead, by a `file:` URI. */
  readonly downloadTo: string | null;
}

/** What a request does if nothing is said. */
export const plainRequest: NativeRequest = Object.freeze({
  clientId: null,
  method: 'GET',
  url: '',
  headers: Object.freeze([]),
  body: null,
  auth: null,
  idempotencyKey: null,
  timeoutMs: null,
  maxBodyBytes: null,
  maxRedirects: null,
  answerAs: 'text',
  downloadTo: null,
});

/** An answer to a request that another HTTP stack sent, as the native module takes it. */
export interface NativeRefusal {
  readonly authorizationId: string;
  readonly status: number;
  readonly headers: readonly HeaderField[];
  /** As much of the body as is known. */
  readonly body: string | null;
}

/** How a request is watched over. */
export interface ExchangeOptions {
  /** Ends the request; the promise rejects with its reason at once. */
  readonly signal?: AbortSignalLike | null | undefined;
  readonly onUpload?: ((progress: NativeProgress) => void) | undefined;
  readonly onDownload?: ((progress: NativeProgress) => void) | undefined;
}

/** Under this name a session, one of its clients or a fake of them sends what fetch and axios ask for. */
export const exchange: unique symbol = Symbol.for('react-native-auth-session.exchange') as never;

/**
 * Sends requests through native code. Rejects with an `AuthSessionError`, or with the reason of the signal, and with
 * nothing else.
 */
export interface Sender {
  /** For this package alone. It is published, so that whatever else an app has is no `Sender` to the compiler. */
  readonly [exchange]: (request: NativeRequest, options?: ExchangeOptions) => Promise<NativeResponse>;
}
