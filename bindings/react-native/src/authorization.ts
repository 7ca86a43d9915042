import { headerFields } from './fetch/headers.ts';
import type { HeadersInput } from './fetch/headers.ts';
import { AuthSessionError } from './errors.ts';
import type { NativeRefusal } from './exchange.ts';
import type { NativeAuthorization } from './NativeAuthSession.ts';

const redacted = 'Authorization(redacted)';

/**
 * What a request that the app sends by other means is authorised by: an image, a WebSocket, a web view. It is for
 * the origin that it was asked for and for no other, not after a redirect either.
 *
 * Its text form, its JSON and what a console shows of it hold no token; {@link Authorization.headers} does.
 */
export class Authorization {
  readonly #native: NativeAuthorization;

  /** @internal */
  constructor(native: NativeAuthorization) {
    this.#native = native;
    Object.freeze(this);
  }

  /**
   * The header field, as `<Image source={{ uri, headers }}>` and `new WebSocket(url, null, { headers })` take it. It
   * holds the access token, which is out of the session's hands from here on: keep it out of logs and of state.
   */
  get headers(): { readonly Authorization: string } {
    return { Authorization: this.#native.value };
  }

  /** Contains no token. */
  toString(): string {
    return redacted;
  }

  /** Contains no token. */
  toJSON(): string {
    return redacted;
  }

  /** What Node.js shows. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return redacted;
  }

  /** @internal */
  static idOf(authorization: Authorization): string {
    if (!(authorization instanceof Authorization)) {
      throw new AuthSessionError('invalid_request', 'the authorization is none of this session');
    }
    return authorization.#native.id;
  }
}

/** The answer to a request that the app has sent by other means; see {@link AuthSession.refused}. */
export interface RefusedAnswer {
  /** The HTTP status, usually 401. */
  readonly status: number;
  /** The header fields, of which `WWW-Authenticate` counts. */
  readonly headers?: HeadersInput | undefined;
  /** As much of the body as is known; it counts where `answerRules.codes` are set. */
  readonly body?: string | undefined;
}

/** What native code is told of an answer. */
export function nativeRefusal(authorization: Authorization, answer: RefusedAnswer): NativeRefusal {
  return {
    authorizationId: Authorization.idOf(authorization),
    status: answer.status,
    headers: headerFields(answer.headers),
    body: answer.body ?? null,
  };
}
