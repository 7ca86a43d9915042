import type { NativeResponse } from '../NativeAuthSession.ts';
import { newBlob, newFormData } from './blob.ts';
import { contentBytes, contentText } from './content.ts';
import type { NativeContent } from './content.ts';
import { SessionHeaders } from './headers.ts';
import { formEntries } from './multipart.ts';
import { statusText } from './statusText.ts';

/**
 * What the session made of an answer.
 *
 * - `answered`: it is the server's answer as it is.
 * - `permission_denied`: 403; the user may not do this, and a new access token would not change that.
 * - `refused`: 401 that a refresh does not cure, or did not. The session is kept.
 * - `session_ended`: 401, and the authorization server rejected the refresh token: the user must sign in again.
 * - `session_changed`: 401, and meanwhile the user signed out or another signed in.
 * - `refresh_failed`: 401, and the access token could not be refreshed now. The session is kept; try again later.
 * - `step_up_required`: 401 or 403; the user must sign in again or agree to more, whatever the token. To what, the
 *   event of the same name tells.
 * - `not_replayable`: 401 or a redirect, and the body was a stream, which cannot be sent twice. The same request with a
 *   new stream may succeed.
 * - `redirect_refused`: a redirect to where this request must not go, or one too many.
 */
export type Disposition =
  | 'answered'
  | 'permission_denied'
  | 'refused'
  | 'session_ended'
  | 'session_changed'
  | 'refresh_failed'
  | 'step_up_required'
  | 'not_replayable'
  | 'redirect_refused';

/** The statuses whose answers have no body, whatever they carry: the Fetch Standard, section 2.2.3. */
const withoutBody = [101, 103, 204, 205, 304];

/** The server's answer. It reads like the `Response` of fetch. */
export class SessionResponse {
  /** The HTTP status. */
  readonly status: number;
  /** The registered phrase of the status; empty if there is none. What the server wrote there is not known. */
  readonly statusText: string;
  /** Where the answer came from, after redirects, without its fragment. */
  readonly url: string;
  /** Whether it is the answer to a redirect. */
  readonly redirected: boolean;
  /** `basic`: nothing of an answer is hidden from an app. */
  readonly type = 'basic';
  /** The header fields. */
  readonly headers: SessionHeaders;
  /** Null: React Native has no streams. {@link AuthSession.download} is for what is large. */
  readonly body = null;
  /** What the session made of the answer. */
  readonly disposition: Disposition;
  readonly #native: NativeResponse;
  readonly #method: string;
  #bodyUsed = false;

  /**
   * The answer to a request with `method`.
   *
   * @internal
   */
  constructor(native: NativeResponse, method = 'GET') {
    this.status = native.status;
    this.statusText = statusText(native.status);
    this.url = native.url.replace(/#.*/s, '');
    this.redirected = native.redirected;
    this.headers = SessionHeaders.received(native.headers);
    this.disposition = native.disposition as Disposition;
    this.#native = native;
    this.#method = method;
  }

  /** By this libraries see what it is, where they cannot go by the class. */
  get [Symbol.toStringTag](): 'Response' {
    return 'Response';
  }

  /** Whether the status is a 2xx. */
  get ok(): boolean {
    return this.status >= 200 && this.status <= 299;
  }

  /** Whether the body has been read. It can be read once, and as often as there are clones. */
  get bodyUsed(): boolean {
    return this.#bodyUsed;
  }

  /** The same answer, whose body is read by itself. Throws a `TypeError` if the body has been read. */
  clone(): SessionResponse {
    if (this.#bodyUsed) throw alreadyRead();
    return new SessionResponse(this.#native, this.#method);
  }

  /** The body as text. It is read as UTF-8 whatever it says it is, as fetch does; what is not UTF-8 becomes U+FFFD. */
  async text(): Promise<string> {
    return contentText(this.#read());
  }

  /** The body parsed as JSON, whatever the status. Rejects with a `SyntaxError` if it is not JSON. */
  async json<T = unknown>(): Promise<T> {
    return JSON.parse(await this.text()) as T;
  }

  /** The bytes of the body. */
  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return contentBytes(this.#read());
  }

  /** The bytes of the body. */
  async arrayBuffer(): Promise<ArrayBuffer> {
    return contentBytes(this.#read()).buffer;
  }

  /**
   * The body as a `Blob`. React Native's is made of text only: of a body that is not UTF-8 it is a `TypeError` there,
   * as it is wherever no `Blob` is.
   */
  async blob(): Promise<Blob> {
    const body = this.#read();
    return newBlob(contentBytes(body), body.text, mediaType(this.headers));
  }

  /**
   * The body as `FormData`: `application/x-www-form-urlencoded`, or `multipart/form-data`, whose files are as
   * {@link SessionResponse.blob} says. Rejects with a `TypeError` if it is no form.
   *
   * Its type is that of the app's own `Response`: with the types of browsers beside React Native's, as Expo has them,
   * that is both.
   */
  readonly formData: Response['formData'] = async () =>
    newFormData(formEntries(this.headers.get('content-type'), contentBytes(this.#read())));

  #read(): NativeContent {
    if (this.#bodyUsed) throw alreadyRead();
    // What has no body can be read as often as one likes.
    if (this.#method === 'HEAD' || withoutBody.includes(this.status)) return { text: '', base64: null };
    this.#bodyUsed = true;
    return this.#native;
  }
}

function alreadyRead(): TypeError {
  return new TypeError('the body has already been read');
}

function mediaType(headers: SessionHeaders): string {
  return (headers.get('content-type') ?? '').replace(/\s*;\s*/g, ';');
}
