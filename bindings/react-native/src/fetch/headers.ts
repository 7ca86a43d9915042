import { invalid } from './invalid.ts';

/** What gives each of its fields to a function, as the `Headers` of any library does. */
export interface HeadersLike {
  forEach(receive: (value: string, name: string) => void): void;
}

/** Header fields of a request: an object, pairs of name and value, or a `Headers`, of any library. */
export type HeadersInput = Readonly<Record<string, string>> | Iterable<readonly string[]> | HeadersLike;

/** One header field. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
}

/**
 * The fields of `input` as they are sent: equal names are joined by a comma, as fetch does it.
 *
 * Throws a `TypeError` for a name or a value that HTTP does not allow.
 */
export function headerFields(input: HeadersInput | null | undefined): HeaderField[] {
  return new SessionHeaders(input).fields();
}

/**
 * Header fields. It reads like the `Headers` of fetch: names are case-insensitive and given in lower case, equal
 * names are joined by a comma, except for `Set-Cookie`, and a name or a value that HTTP does not allow is a
 * `TypeError`.
 *
 * Those of an answer cannot be changed: that is a `TypeError`, too.
 */
export class SessionHeaders implements Iterable<[string, string]> {
  /** By name in lower case; with the name as it was given first, since some servers look at its case. */
  readonly #fields = new Map<string, { readonly name: string; readonly values: string[] }>();
  #immutable = false;

  /** Those of `input`. */
  constructor(input?: HeadersInput | null) {
    for (const [name, value] of pairs(input)) this.append(name, value);
  }

  /**
   * Those that a server sent, as they are.
   *
   * @internal
   */
  static received(fields: Iterable<HeaderField>): SessionHeaders {
    const headers = new SessionHeaders();
    for (const { name, value } of fields) headers.#add(name, value);
    headers.#immutable = true;
    return headers;
  }

  /** By this libraries see what it is, where they cannot go by the class. */
  get [Symbol.toStringTag](): 'Headers' {
    return 'Headers';
  }

  /** Adds a field beside those of the same name. */
  append(name: string, value: string): void {
    const [checked, normalized] = [checkedName(name), checkedValue(name, value)];
    this.#change();
    this.#add(checked, normalized);
  }

  /** Sets the only field of this name. */
  set(name: string, value: string): void {
    const [checked, normalized] = [checkedName(name), checkedValue(name, value)];
    this.#change();
    this.#fields.set(checked.toLowerCase(), { name: checked, values: [normalized] });
  }

  /** Removes the fields of this name. */
  delete(name: string): void {
    const key = checkedName(name).toLowerCase();
    this.#change();
    this.#fields.delete(key);
  }

  /** The value of `name`, or null. */
  get(name: string): string | null {
    return this.#fields.get(checkedName(name).toLowerCase())?.values.join(', ') ?? null;
  }

  /** Whether there is a field of this name. */
  has(name: string): boolean {
    return this.#fields.has(checkedName(name).toLowerCase());
  }

  /** Every `Set-Cookie`, each by itself, since commas occur inside them. */
  getSetCookie(): string[] {
    return [...(this.#fields.get('set-cookie')?.values ?? [])];
  }

  /** Calls `callback` with each value and its name. */
  forEach(callback: (value: string, name: string, headers: SessionHeaders) => void): void {
    for (const [name, value] of this) callback(value, name, this);
  }

  /** The fields, sorted by name. */
  *entries(): Generator<[string, string], undefined> {
    for (const key of [...this.#fields.keys()].sort()) {
      const values = this.#fields.get(key)?.values ?? [];
      if (key === 'set-cookie') for (const value of values) yield [key, value];
      else yield [key, values.join(', ')];
    }
  }

  /** The names, sorted. */
  *keys(): Generator<string, undefined> {
    for (const [name] of this) yield name;
  }

  /** The values, in the order of their names. */
  *values(): Generator<string, undefined> {
    for (const [, value] of this) yield value;
  }

  /** The fields, sorted by name. */
  [Symbol.iterator](): Generator<[string, string], undefined> {
    return this.entries();
  }

  /**
   * The fields as they are sent, in the order in which they were given.
   *
   * @internal
   */
  fields(): HeaderField[] {
    return [...this.#fields.values()].map(({ name, values }) => ({ name, value: values.join(', ') }));
  }

  #add(name: string, value: string): void {
    const key = name.toLowerCase();
    const field = this.#fields.get(key);
    if (field) field.values.push(value);
    else this.#fields.set(key, { name, values: [value] });
  }

  #change(): void {
    if (this.#immutable) throw new TypeError('the header fields of an answer cannot be changed');
  }
}

function* pairs(input: HeadersInput | null | undefined): Iterable<[string, string]> {
  if (input === null || input === undefined) return;
  if (typeof input !== 'object') throw invalid('headers must be an object, pairs, or a Headers');
  if (Symbol.iterator in input) {
    for (const pair of input as Iterable<readonly string[]>) {
      const [name, value, ...more] = typeof pair === 'object' && pair !== null ? pair : [];
      if (name === undefined || value === undefined || more.length > 0) {
        throw invalid('each of the headers must be a pair of name and value');
      }
      yield [name, value];
    }
  } else if (typeof input.forEach === 'function') {
    const found: [string, string][] = [];
    (input as HeadersLike).forEach((value, name) => found.push([name, value]));
    yield* found;
  } else {
    yield* Object.entries(input as Readonly<Record<string, string>>);
  }
}

/** RFC 9110, section 5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Whether `text` can be a method or the name of a header field. */
export function isToken(text: unknown): text is string {
  return typeof text === 'string' && token.test(text);
}

function checkedName(name: string): string {
  if (!isToken(name)) throw invalid('a header name is not allowed in HTTP');
  return name;
}

/** The value without the white space around it, as the Fetch Standard has it. It may be a secret: it is not quoted. */
function checkedValue(name: string, value: unknown): string {
  // What fetch makes of these (`undefined`, `[object Object]`) nobody wants to send.
  if (!['string', 'number', 'boolean', 'bigint'].includes(typeof value)) {
    throw invalid(`the value of header ${name} is not a string`);
  }
  const normalized = String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '');
  if (/[\0\n\r]|[^\0-\xff]/.test(normalized)) throw invalid(`the value of header ${name} is not allowed in HTTP`);
  return normalized;
}
