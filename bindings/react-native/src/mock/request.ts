import type { NativeProgress } from '../NativeAuthSession.ts';
import type { ExchangeOptions, NativeBody, NativeRequest } from '../exchange.ts';

/** A request that reached the mock, as a server would see it. */
export interface MockRequest {
  readonly method: string;
  /** The absolute URL. */
  readonly url: string;
  /** The path, counted from the base URL where the URL is under that, without the query. */
  readonly path: string;
  /** What stands in the URL for the `:names` of the route. */
  readonly params: Readonly<Record<string, string>>;
  /** The fields of the query; a name that occurs several times has a list. */
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  /** The header fields by their names in lower case. There is no `Authorization`: nobody has a token here. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the real session would have sent the access token. */
  readonly authorized: boolean;
  /** The body as it goes to native code: text, Base64, the URI of a file or the parts of a form. */
  readonly body: NativeBody | null;
  readonly idempotencyKey: string | null;
  /** The longest that it may take. The mock has no clock: answer with the error `timeout` for a request to time out. */
  readonly timeoutMs: number | null;
  /** Where the app wants the answer's body; the mock writes no file. */
  readonly downloadTo: string | null;
  /** Whether the app has aborted it. */
  readonly aborted: boolean;
  /** The body if it is text, otherwise an empty string. */
  text(): string;
  /** The body as JSON; throws a `SyntaxError` if it is something else. */
  json<T = unknown>(): T;
  /** Tells the app of progress, if it asked for that. */
  progress(direction: 'upload' | 'download', bytes: number, total?: number): void;
}

/** A request under way. */
export class SentRequest implements MockRequest {
  readonly method: string;
  readonly url: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly authorized: boolean;
  readonly body: NativeBody | null;
  readonly idempotencyKey: string | null;
  readonly timeoutMs: number | null;
  readonly downloadTo: string | null;
  params: Readonly<Record<string, string>> = {};
  aborted = false;
  readonly #options: ExchangeOptions;

  constructor(request: NativeRequest, base: RequestBase, authorized: boolean, options: ExchangeOptions) {
    const { origin, path, query } = splitURL(request.url, base.baseURL);
    this.method = request.method.toUpperCase();
    this.url = origin + path + (query === '' ? '' : `?${query}`);
    this.path = belowBase(origin + path, base.baseURL) ?? path;
    this.query = queryFields(query);
    this.headers = joined([...base.headers, ...request.headers]);
    this.authorized = authorized;
    this.body = request.body;
    this.idempotencyKey = request.idempotencyKey;
    this.timeoutMs = request.timeoutMs ?? base.requestTimeoutMs;
    this.downloadTo = request.downloadTo;
    this.#options = options;
  }

  text(): string {
    return this.body?.kind === 'text' ? this.body.text : '';
  }

  json<T = unknown>(): T {
    return JSON.parse(this.text()) as T;
  }

  progress(direction: 'upload' | 'download', bytes: number, total?: number): void {
    const progress: NativeProgress = { requestId: '', direction, bytes, total: total ?? null };
    (direction === 'upload' ? this.#options.onUpload : this.#options.onDownload)?.(progress);
  }
}

/** What a session, or one of its clients, adds to a request. */
export interface RequestBase {
  readonly baseURL: string;
  readonly headers: ReadonlyArray<{ readonly name: string; readonly value: string }>;
  readonly requestTimeoutMs: number | null;
}

/** An absolute URL in three, or a path under `baseURL`. The fragment, which nobody sends, is left out. */
export function splitURL(url: string, baseURL: string): { origin: string; path: string; query: string } {
  const absolute = /^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? url : `${withoutSlash(baseURL)}/${url.replace(/^\/+/, '')}`;
  const [, origin = '', path = '', query = ''] = /^([^/?#]+\/\/[^/?#]*)([^?#]*)\??([^#]*)/.exec(absolute) ?? [];
  return { origin, path: path === '' ? '/' : path, query };
}

function belowBase(url: string, baseURL: string): string | undefined {
  const base = withoutSlash(baseURL);
  if (url === base) return '/';
  return url.startsWith(`${base}/`) ? url.slice(base.length) : undefined;
}

const withoutSlash = (url: string): string => url.replace(/\/+$/, '');

function queryFields(query: string): Record<string, string | string[]> {
  const fields = new Map<string, string | string[]>();
  for (const pair of query.split('&').filter((text) => text !== '')) {
    // In a query, and nowhere else, a plus is a space.
    const [name = '', ...rest] = pair.replaceAll('+', ' ').split('=').map(decoded);
    const value = rest.join('=');
    const earlier = fields.get(name);
    fields.set(name, earlier === undefined ? value : [earlier, value].flat());
  }
  return Object.fromEntries(fields);
}

/** What percent-encoding stands for; text that is not well encoded stands for itself. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function joined(fields: RequestBase['headers']): Record<string, string> {
  const headers = new Map<string, string>();
  for (const { name, value } of fields) {
    const key = name.toLowerCase();
    const earlier = headers.get(key);
    headers.set(key, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  return Object.fromEntries(headers);
}
