import { AuthSessionError } from '../errors.ts';
import type { HeaderField } from '../fetch/headers.ts';
import { splitURL } from './request.ts';

/** The origins that get the access token. A test would be told nothing of a request that the real session refuses. */
export class Origins {
  readonly #allowed: ReadonlySet<string>;

  constructor(allowed: readonly string[]) {
    this.#allowed = new Set(allowed.map((url) => originOf(url, '')));
  }

  /** Throws an `origin_not_allowed` for a URL, or a path under `baseURL`, that belongs to none of them. */
  check(url: string, baseURL: string): void {
    const origin = originOf(url, baseURL);
    if (this.#allowed.has(origin)) return;
    // What stands before an @ may be a password.
    const shown = origin.replace(/\/\/.*@/s, '//');
    throw new AuthSessionError(
      'origin_not_allowed',
      `${shown} is not an allowed origin of this mock; allow it in its allowedOrigins`,
    );
  }
}

/** Scheme, host and port, as they are compared: RFC 6454, section 4. */
function originOf(url: string, baseURL: string): string {
  const origin = splitURL(url, baseURL).origin.toLowerCase();
  return origin.replace(/^(https:.*):443$|^(http:.*):80$/, '$1$2');
}

/** Throws an error of `code` for a header field that an app must not set. */
export function checkHeaders(
  fields: readonly HeaderField[],
  code: 'invalid_configuration' | 'invalid_request',
): void {
  for (const { name } of fields) {
    const field = name.toLowerCase();
    if (field === 'authorization') throw new AuthSessionError(code, 'the session sets the Authorization header itself');
    if (['host', 'content-length', 'transfer-encoding', 'connection'].includes(field)) {
      throw new AuthSessionError(code, `HTTP sets the header ${field} itself`);
    }
  }
}
