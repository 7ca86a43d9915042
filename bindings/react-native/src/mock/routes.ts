import { AuthSessionError } from '../errors.ts';
import type { AuthSessionErrorCode } from '../errors.ts';
import { mockError } from './errors.ts';
import type { MockHeaders, MockReply } from './reply.ts';
import { decoded } from './request.ts';
import type { MockRequest, SentRequest } from './request.ts';

/** Answers a request. What it throws the app gets instead of an answer. */
export type MockHandler = (request: MockRequest) => MockReply | PromiseLike<MockReply>;

/** Requests of one kind, and how they are answered. */
export interface MockRoute {
  // TypeScript looks at a function in the light of the first of these, so that must be the one for functions.
  /** Answers every request with what `handler` returns. */
  reply(handler: MockHandler): MockRoute;
  /** Answers every request with this status, body and these header fields. */
  reply(status: number, body?: unknown, headers?: MockHeaders): MockRoute;
  /** Answers one request so, before {@link reply} has its turn; several of these in their order. */
  replyOnce(handler: MockHandler): MockRoute;
  replyOnce(status: number, body?: unknown, headers?: MockHeaders): MockRoute;
  /** Rejects every request with the error of this code: `network`, `timeout`, `session_ended` … */
  fail(error: AuthSessionErrorCode | AuthSessionError): MockRoute;
  /** Rejects one request so, before {@link reply} and {@link fail} have their turn. */
  failOnce(error: AuthSessionErrorCode | AuthSessionError): MockRoute;
  /** Lets requests wait until the test answers them. */
  hold(): MockHold;
}

/** Requests that wait for the test. */
export interface MockHold {
  /** Those that wait, in their order. */
  readonly waiting: readonly MockRequest[];
  /** Answers all that wait; later ones wait again. */
  reply(status: number, body?: unknown, headers?: MockHeaders): void;
  /** Rejects all that wait. */
  fail(error: AuthSessionErrorCode | AuthSessionError): void;
}

/** Which requests belong to a route; see {@link MockControls.on}. */
export type MockRoutePattern = string | RegExp | ((request: MockRequest) => boolean);

/** The `:names` of a request that belongs to the route; undefined if it does not. */
type Matcher = (request: MockRequest) => Record<string, string> | undefined;

/** All routes of a mock. */
export class Routes {
  #routes: Route[] = [];

  add(pattern: MockRoutePattern): Route {
    const route = new Route(matcherOf(pattern));
    // The newest goes first, so that a test says what is different from what is set up for all.
    this.#routes.unshift(route);
    return route;
  }

  clear(): void {
    this.#routes = [];
  }

  async answer(request: SentRequest): Promise<MockReply> {
    for (const route of this.#routes) {
      const params = route.match(request);
      const handler = params && route.next();
      if (handler) {
        request.params = params;
        return handler(request);
      }
    }
    const { method, path } = request;
    throw new AuthSessionError(
      'invalid_request',
      `the mock has no answer for ${method} ${path}; give it one with mock.on('${method} ${path}').reply(200)`,
    );
  }
}

class Route implements MockRoute {
  readonly match: Matcher;
  #once: MockHandler[] = [];
  #always: MockHandler | undefined;

  constructor(match: Matcher) {
    this.match = match;
  }

  next(): MockHandler | undefined {
    return this.#once.shift() ?? this.#always;
  }

  reply(answer: number | MockHandler, body?: unknown, headers?: MockHeaders): this {
    this.#always = handlerOf(answer, body, headers);
    return this;
  }

  replyOnce(answer: number | MockHandler, body?: unknown, headers?: MockHeaders): this {
    this.#once.push(handlerOf(answer, body, headers));
    return this;
  }

  fail(error: AuthSessionErrorCode | AuthSessionError): this {
    this.#always = failing(error);
    return this;
  }

  failOnce(error: AuthSessionErrorCode | AuthSessionError): this {
    this.#once.push(failing(error));
    return this;
  }

  hold(): MockHold {
    const hold = new Hold();
    this.#always = (request) => hold.wait(request);
    return hold;
  }
}

class Hold implements MockHold {
  #waiting: { readonly request: MockRequest; settle: (handler: MockHandler) => void }[] = [];

  wait(request: MockRequest): Promise<MockReply> {
    return new Promise((resolve, reject) => {
      const settle = (handler: MockHandler) => {
        Promise.resolve(request).then(handler).then(resolve, reject);
      };
      this.#waiting.push({ request, settle });
    });
  }

  get waiting(): readonly MockRequest[] {
    return this.#waiting.map(({ request }) => request).filter(({ aborted }) => !aborted);
  }

  reply(status: number, body?: unknown, headers?: MockHeaders): void {
    this.#release(handlerOf(status, body, headers));
  }

  fail(error: AuthSessionErrorCode | AuthSessionError): void {
    this.#release(failing(error));
  }

  #release(handler: MockHandler): void {
    const released = this.#waiting;
    this.#waiting = [];
    for (const { settle } of released) settle(handler);
  }
}

function handlerOf(answer: number | MockHandler, body: unknown, headers: MockHeaders | undefined): MockHandler {
  return typeof answer === 'function' ? answer : () => ({ status: answer, body, headers });
}

function failing(error: AuthSessionErrorCode | AuthSessionError): MockHandler {
  return () => {
    throw typeof error === 'string' ? mockError(error) : error;
  };
}

function matcherOf(pattern: MockRoutePattern): Matcher {
  if (typeof pattern === 'function') return (request) => (pattern(request) ? {} : undefined);
  if (pattern instanceof RegExp) {
    return ({ url }) => {
      // With the flag g a regular expression would go on from its last match.
      pattern.lastIndex = 0;
      const found = pattern.exec(url);
      return found ? { ...found.groups } : undefined;
    };
  }
  const [, method, place] = /^(?:([A-Z]+) +)?((?:\/|\*|[a-z][a-z0-9+.-]*:\/\/)[^\s?#]*)$/.exec(pattern) ?? [];
  if (place === undefined) {
    throw new TypeError(
      `'${pattern}' is not a route. Write '/path', 'GET /path', 'GET https://host/path' or '*', without a query; `
      + 'a function may look at request.query.',
    );
  }
  const absolute = !place.startsWith('/');
  const names: string[] = [];
  const source = place.replace(/\/:(\w+)|\*|[^\w/]/g, (found, name: string | undefined) => {
    if (found === '*') return '.*';
    if (name === undefined) return `\\${found}`;
    names.push(name);
    return '/([^/]+)';
  });
  const expression = new RegExp(`^${source}$`);
  return (request) => {
    if (method !== undefined && method !== request.method) return undefined;
    const found = placesOf(request, absolute).map((text) => expression.exec(text)).find((match) => match !== null);
    return found && Object.fromEntries(names.map((name, index) => [name, decoded(found[index + 1] ?? '')]));
  };
}

/** What a pattern may fit: a URL, or a path, counted from the base URL or from the host. */
function placesOf({ url, path }: MockRequest, absolute: boolean): string[] {
  const whole = url.replace(/\?.*$/, '');
  return absolute ? [whole] : [path, whole.replace(/^[^/]+\/\/[^/]*/, '')];
}
