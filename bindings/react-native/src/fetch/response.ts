import { AuthSessionError } from '../errors.ts';
import { SessionHeaders } from './headers.ts';
import type { NativeResponse } from '../NativeAuthSession.ts';

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

/** The server's answer. It reads like the `Response` of fetch. */
export class SessionResponse {
  /** The HTTP status. */
  readonly status: number;
  /** Where the answer came from, after redirects. */
  readonly url: string;
  /** The header fields. */
  readonly headers: SessionHeaders;
  /** What the session made of the answer. */
  readonly disposition: Disposition;
  readonly #text: string | null;
  #bodyUsed = false;

  /** @internal */
  constructor(native: NativeResponse) {
    this.status = native.status;
    this.url = native.url;
    this.headers = new SessionHeaders(native.headers);
    this.disposition = native.disposition as Disposition;
    this.#text = native.text;
  }

  /** Whether the status is a 2xx. */
  get ok(): boolean {
    return this.status >= 200 && this.status <= 299;
  }

  /** Whether the body has been read. It can be read once. */
  get bodyUsed(): boolean {
    return this.#bodyUsed;
  }

  /** The body as text. Rejects with `undecodable` if it is not UTF-8. */
  async text(): Promise<string> {
    if (this.#bodyUsed) throw new TypeError('the body has already been read');
    this.#bodyUsed = true;
    if (this.#text === null) {
      throw new AuthSessionError('undecodable', 'the body is not UTF-8 text', { status: this.status });
    }
    // A byte order mark is not part of the text, as the Encoding Standard has it.
    return this.#text.startsWith('\uFEFF') ? this.#text.slice(1) : this.#text;
  }

  /** The body parsed as JSON, whatever the status. Rejects with a `SyntaxError` if it is not JSON. */
  async json<T = unknown>(): Promise<T> {
    return JSON.parse(await this.text()) as T;
  }
}
