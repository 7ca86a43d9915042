/** Header fields of a request: an object, or pairs of name and value, as a `Headers` or a `Map` gives them. */
export type HeadersInput = Readonly<Record<string, string>> | Iterable<readonly [string, string]>;

/** One header field. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
}

/** The fields of `input`, in its order. */
export function headerFields(input: HeadersInput | undefined): HeaderField[] {
  if (input === undefined) return [];
  const pairs = Symbol.iterator in input ? input as Iterable<readonly [string, string]> : Object.entries(input);
  return Array.from(pairs, ([name, value]) => ({ name, value: String(value) }));
}

/**
 * The header fields of an answer. It reads like the `Headers` of fetch: names are case-insensitive and given in
 * lower case, equal names are joined by a comma, except for `Set-Cookie`.
 */
export class SessionHeaders implements Iterable<[string, string]> {
  readonly #values = new Map<string, string[]>();

  /** @internal */
  constructor(fields: Iterable<HeaderField>) {
    for (const { name, value } of fields) {
      const key = name.toLowerCase();
      const values = this.#values.get(key);
      if (values) values.push(value);
      else this.#values.set(key, [value]);
    }
  }

  /** The value of `name`, or null. */
  get(name: string): string | null {
    return this.#values.get(name.toLowerCase())?.join(', ') ?? null;
  }

  /** Whether there is a field of this name. */
  has(name: string): boolean {
    return this.#values.has(name.toLowerCase());
  }

  /** Every `Set-Cookie`, each by itself, since commas occur inside them. */
  getSetCookie(): string[] {
    return [...(this.#values.get('set-cookie') ?? [])];
  }

  /** Calls `callback` with each value and its name. */
  forEach(callback: (value: string, name: string, headers: SessionHeaders) => void): void {
    for (const [name, value] of this) callback(value, name, this);
  }

  /** The fields, sorted by name. */
  *entries(): IterableIterator<[string, string]> {
    for (const name of [...this.#values.keys()].sort()) {
      const values = this.#values.get(name) ?? [];
      if (name === 'set-cookie') for (const value of values) yield [name, value];
      else yield [name, values.join(', ')];
    }
  }

  /** The names, sorted. */
  *keys(): IterableIterator<string> {
    for (const [name] of this) yield name;
  }

  /** The values, in the order of their names. */
  *values(): IterableIterator<string> {
    for (const [, value] of this) yield value;
  }

  /** The fields, sorted by name. */
  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }
}
