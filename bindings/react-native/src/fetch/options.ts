import { invalid } from './invalid.ts';
import { isToken } from './headers.ts';
import type { HeaderField } from './headers.ts';

/** What becomes of a redirect; see {@link FetchInit.redirect}. */
export type RedirectMode = 'follow' | 'error' | 'manual';

/** The options of fetch that are about browsers. */
export interface BrowserOptions {
  readonly mode?: unknown;
  readonly credentials?: unknown;
  readonly cache?: unknown;
  readonly referrer?: unknown;
  readonly integrity?: unknown;
  readonly window?: unknown;
}

/** The methods that fetch knows in any case; any other is sent as it is written. */
const knownInAnyCase = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'];
const forbiddenMethods = ['CONNECT', 'TRACE', 'TRACK'];

/** The method as it is sent: the Fetch Standard, section 2.2.1. Throws a `TypeError` for one that it forbids. */
export function normalizedMethod(method: unknown): string {
  if (!isToken(method)) throw invalid('the method is not allowed in HTTP');
  const upper = method.toUpperCase();
  if (forbiddenMethods.includes(upper)) throw invalid(`fetch does not send ${upper}`);
  return knownInAnyCase.includes(upper) ? upper : method;
}

/** Whether fetch takes it for a redirect. */
export function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

/** Throws a `TypeError` for a mode that there is not. */
export function redirectMode(redirect: unknown): RedirectMode {
  if (redirect === undefined || redirect === 'follow') return 'follow';
  if (redirect === 'error' || redirect === 'manual') return redirect;
  throw invalid("redirect must be 'follow', 'error' or 'manual'");
}

/**
 * Throws a `TypeError` for what a session cannot do: an option that it took and did not honour would be worse.
 *
 * The others are harmless, or have nothing to act on: an app has no page (`mode: 'cors'`, `keepalive`), no referrer
 * (`referrerPolicy`), no cookies to leave out (`credentials: 'omit'` and, since every `Request` says so by itself,
 * `'same-origin'`), no cache that answers (`cache`, but for what it asks of servers), and `priority` is a hint.
 */
export function refuseWhatCannotBeDone(options: BrowserOptions): void {
  const { mode, credentials, cache, referrer, integrity, window } = options;
  if (!isOneOf(mode, [undefined, null, 'cors'])) {
    throw invalid("mode must be 'cors' or absent: there is no page whose origin counts");
  }
  if (!isOneOf(credentials, [undefined, null, 'omit', 'same-origin'])) {
    throw invalid("credentials must be 'omit' or 'same-origin': the session sends its token, and keeps no cookies");
  }
  if (!isOneOf(cache, [undefined, null, 'default', 'no-store', 'reload', 'no-cache', 'force-cache'])) {
    throw invalid("cache must be 'default', 'no-store', 'reload', 'no-cache' or 'force-cache': there is no cache");
  }
  if (!isOneOf(referrer, [undefined, null, '', 'about:client', 'no-referrer'])) {
    throw invalid('there is no referrer; set the header Referer');
  }
  if (!isOneOf(integrity, [undefined, null, ''])) throw invalid('integrity cannot be checked');
  if (!isOneOf(window, [undefined, null])) throw invalid('window must be null');
}

/** What `cache` asks of servers between here and there: the Fetch Standard, "HTTP-network-or-cache fetch". */
export function cacheHeaders(cache: unknown, given: readonly HeaderField[]): HeaderField[] {
  const missing = (name: string) => !given.some((field) => field.name.toLowerCase() === name);
  const wanted: HeaderField[] = [];
  if (cache === 'no-cache') wanted.push({ name: 'cache-control', value: 'max-age=0' });
  if (cache === 'no-store' || cache === 'reload') {
    wanted.push({ name: 'pragma', value: 'no-cache' }, { name: 'cache-control', value: 'no-cache' });
  }
  return wanted.filter(({ name }) => missing(name));
}

/** Throws a `TypeError` unless it is absent or a positive number. */
export function positiveNumber(name: string, value: unknown): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'number' && value > 0 && value < Infinity) return value;
  throw invalid(`${name} must be a positive number`);
}

/** Throws a `TypeError` unless it is absent or one of these. */
export function choice<Choice extends string>(name: string, value: unknown, choices: readonly Choice[]): Choice | null {
  if (value === undefined || value === null) return null;
  if (isOneOf(value, choices)) return value as Choice;
  throw invalid(`${name} must be one of: ${choices.join(', ')}`);
}

function isOneOf(value: unknown, accepted: readonly unknown[]): boolean {
  return accepted.includes(value);
}
