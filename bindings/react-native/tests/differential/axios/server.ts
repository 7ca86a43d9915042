import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';

/** What a server saw of a request, without what differs from one run to the next. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What no two stacks have in common, and the reason why that does not matter to the app. */
export const headersNotCompared: Readonly<Record<string, string>> = {
  authorization: 'the session’s reason to be: it adds the access token',
  'user-agent': 'each stack names itself, unless the app does',
  'accept-encoding': 'each stack asks for what it can read, and decodes it',
  host: 'the same, by definition',
  connection: 'the connection is the stack’s',
  'keep-alive': 'the connection is the stack’s',
  'content-length': 'framing: by its length or in pieces, the body is the same, and it is compared',
  'transfer-encoding': 'framing, as above',
  'accept-language': 'Node’s fetch adds it by itself',
  'sec-fetch-mode': 'Node’s fetch adds it by itself',
  date: 'of the server',
};

/** A server that answers by the path, and remembers what it saw. */
export class ObservedServer {
  readonly seen: Seen[] = [];
  /** The `Content-Length` of each request that had one. */
  readonly lengths: string[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(): Promise<ObservedServer> {
    const server = new ObservedServer();
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      // The client has gone; what it did not send was not seen.
      return;
    }
    if (request.headers['content-length']) this.lengths.push(request.headers['content-length']);
    this.seen.push(seen(request, Buffer.concat(chunks)));
    answer(request, response);
  }
}

function seen(request: IncomingMessage, body: Buffer): Seen {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (!(name in headersNotCompared)) headers[name] = String(value);
  }
  const [, boundary] = /boundary="?([^";]+)"?/.exec(headers['content-type'] ?? '') ?? [];
  if (boundary !== undefined) {
    headers['content-type'] = (headers['content-type'] as string).replace(boundary, '…').replaceAll('"', '');
  }
  return {
    method: request.method as string,
    url: request.url as string,
    headers,
    body: boundary === undefined ? readable(body) : parts(body.toString('latin1'), boundary),
  };
}

/** Bytes as text where they are text, and as hexadecimal digits where they are not. */
export function readable(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes);
  const text = buffer.toString('utf8');
  return Buffer.from(text).equals(buffer) ? text : `0x${buffer.toString('hex')}`;
}

/** A multipart form, with one line for each part. */
function parts(body: string, boundary: string): string {
  const between = body.split(`--${boundary}`).slice(1, -1);
  return between
    .map((part) => {
      const [head = '', content = ''] = part.replace(/^\r\n/, '').replace(/\r\n$/, '').split(/\r\n\r\n([^]*)/);
      const fields = head.split('\r\n').map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase()));
      return `${fields.sort().reverse().join('; ')} = ${readable(Buffer.from(content, 'latin1'))}`;
    })
    .join('\n');
}

const image = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x00, 0xff]);

const compressions: Readonly<Record<string, (text: string) => Buffer>> = {
  br: brotliCompressSync,
  deflate: deflateSync,
  gzip: gzipSync,
};

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { pathname } = new URL(request.url as string, 'http://server');
  const [, route = '', argument = ''] = pathname.split('/');
  const send = (type: string, body: string | Buffer) => {
    response.setHeader('Content-Type', type);
    response.end(body);
  };
  switch (route) {
    case 'json':
      return send('application/json', '{"id":1,"name":"Zoë"}');
    case 'broken-json':
      return send('application/json', '{"id":');
    case 'bom':
      return send('text/plain', '\uFEFFtext');
    case 'latin1':
      return send('text/plain; charset=iso-8859-1', Buffer.from('caf\u00e9', 'latin1'));
    case 'image':
      return send('image/png', image);
    case 'compressed': {
      // What the client prefers, unless it is to get what it has not asked for.
      const accepted = request.headers['accept-encoding'] ?? '';
      const encoding = argument || Object.keys(compressions).find((name) => accepted.includes(name)) || 'gzip';
      response.setHeader('Content-Encoding', encoding);
      return send('text/plain', compressions[encoding]?.('compressed '.repeat(20)) ?? '');
    }
    case 'large':
      return send('text/plain', 'x'.repeat(1000));
    case 'chunked':
      response.setHeader('Content-Type', 'text/plain');
      response.write('x'.repeat(500));
      response.end('x'.repeat(500));
      return;
    case 'fields':
      response.setHeader('Set-Cookie', ['a=1; Expires=Wed, 01 Jan 2031 00:00:00 GMT', 'b=2']);
      response.setHeader('Link', ['<1>', '<2>']);
      response.setHeader('X-Padded', '  value  ');
      return send('text/plain', 'fields');
    case 'status':
      response.statusCode = Number(argument);
      return response.statusCode === 204 || response.statusCode === 304
        ? void response.end()
        : send('application/json', '{"error":"why"}');
    case 'phrase':
      response.statusCode = 200;
      response.statusMessage = 'Fine';
      return send('text/plain', 'phrase');
    case 'redirect': {
      // /redirect/STATUS/HOPS
      const hops = Number(pathname.split('/')[3] ?? '1');
      response.statusCode = Number(argument);
      response.setHeader('Location', hops > 1 ? `/redirect/${argument}/${hops - 1}` : '/json');
      response.end('moved');
      return;
    }
    case 'elsewhere':
      response.statusCode = 302;
      response.setHeader('Location', `http://localhost:${request.socket.localPort}/json`);
      response.end();
      return;
    case 'loop':
      response.statusCode = 302;
      response.setHeader('Location', '/loop');
      response.end();
      return;
    case 'reset':
      request.socket.resetAndDestroy();
      return;
    case 'cut':
      response.setHeader('Content-Length', '100');
      response.write('half');
      // When the head has left, and not before: what is compared is a body that breaks.
      setImmediate(() => request.socket.end());
      return;
    case 'slow':
      response.write('some, and then nothing');
      return;
    case 'silence':
      return;
    default:
      return send('text/plain', 'ok');
  }
}
