// React Native's own classes are written in Flow and need its native modules; these show the same to a fetch.

/** As React Native's `FormData`: a Blob among its parts shows as a part without content. */
export class ReactNativeFormData {
  readonly #entries: [string, unknown][] = [];

  append(name: string, value: unknown): void {
    this.#entries.push([name, value]);
  }

  getAll(name: string): unknown[] {
    return this.#entries.filter(([entry]) => entry === name).map(([, value]) => value);
  }

  getParts(): { fieldName: string; headers: Record<string, string> }[] {
    return this.#entries.map(([fieldName, value]) =>
      typeof value === 'object'
        ? { ...value, headers: {}, fieldName }
        : { string: String(value), headers: {}, fieldName },
    );
  }
}

/** As React Native's `URLSearchParams`, which has no `Symbol.toStringTag`. */
export class ReactNativeURLSearchParams {
  readonly _searchParams: Map<string, string[]>;

  constructor(fields: Record<string, string>) {
    this._searchParams = new Map(Object.entries(fields).map(([name, value]) => [name, [value]]));
  }

  getAll(name: string): string[] {
    return this._searchParams.get(name) ?? [];
  }

  sort(): void {}

  toString(): string {
    const pairs = [...this._searchParams].flatMap(([name, values]) => values.map((value) => [name, value]));
    return pairs.map((pair) => pair.map((part) => encodeURIComponent(part as string)).join('=')).join('&');
  }
}

/** As React Native's `Blob`: of texts and Blobs only, and its content is out of JavaScript's reach. */
export class ReactNativeBlob {
  static readonly contents = new WeakMap<ReactNativeBlob, Buffer>();
  readonly type: string;

  constructor(parts: unknown[] = [], options: { type?: string } = {}) {
    const contents = parts.map((part) => {
      if (part instanceof ArrayBuffer || ArrayBuffer.isView(part)) throw new Error('not supported');
      return part instanceof ReactNativeBlob
        ? (ReactNativeBlob.contents.get(part) as Buffer)
        : Buffer.from(String(part));
    });
    ReactNativeBlob.contents.set(this, Buffer.concat(contents));
    this.type = options.type ?? '';
  }

  /** As native code makes one of an answer. */
  static of(bytes: Uint8Array, type: string): ReactNativeBlob {
    const blob = new ReactNativeBlob([], { type });
    ReactNativeBlob.contents.set(blob, Buffer.from(bytes));
    return blob;
  }

  get size(): number {
    return ReactNativeBlob.contents.get(this)?.length ?? 0;
  }

  slice(): ReactNativeBlob {
    return this;
  }
}

/** As React Native's `FileReader`, as far as it reads a Blob of its kind. */
export class ReactNativeFileReader {
  result: string | null = null;
  onload: (() => void) | null = null;
  onerror: (() => void) | null = null;

  readAsDataURL(blob: unknown): void {
    const content = ReactNativeBlob.contents.get(blob as ReactNativeBlob);
    queueMicrotask(() => {
      if (!content) return this.onerror?.();
      this.result = `data:${(blob as ReactNativeBlob).type};base64,${content.toString('base64')}`;
      this.onload?.();
    });
  }
}
