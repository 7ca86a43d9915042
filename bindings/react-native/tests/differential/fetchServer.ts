import { EventEmitter, once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { ApiServer } from '../support/server.ts';

/** A request as the server got it, without what a client says about itself. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** As text, or as hexadecimal digits where it is none. */
  readonly body: string;
}

/** What clients add to each request as they see fit; `authorization` is the session's point, and not fetch's. */
const clientHeaders = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'authorization',
  'connection',
  'host',
  'sec-fetch-mode',
  'user-agent',
]);

/** Bytes as text where they are UTF-8, otherwise as hexadecimal digits. */
export function readable(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return `0x${Buffer.from(bytes).toString('hex')}`;
  }
}

/** A server that answers as its paths say, and tells what it saw. */
export class FetchServer {
  readonly #server: ApiServer;
  readonly #seen: SeenRequest[];
  readonly #requests: EventEmitter;

  private constructor(server: ApiServer, seen: SeenRequest[], requests: EventEmitter) {
    this.#server = server;
    this.#seen = seen;
    this.#requests = requests;
  }

  /** @param elsewhere The URL of another server, to which `/elsewhere` redirects. */
  static async start(elsewhere?: string): Promise<FetchServer> {
    const seen: SeenRequest[] = [];
    const requests = new EventEmitter();
    const server = await ApiServer.start((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        if (request.url?.startsWith('/auth/')) {
          response.setHeader('Content-Type', 'application/json');
          response.end('{"access_token":"a","refresh_token":"r"}');
          return;
        }
        seen.push(seenRequest(request, Buffer.concat(chunks)));
        requests.emit('request');
        answer(request, response, elsewhere);
      });
    });
    return new FetchServer(server, seen, requests);
  }

  get url(): string {
    return this.#server.url;
  }

  /** What came since this was last asked. */
  takeSeen(): SeenRequest[] {
    return this.#seen.splice(0);
  }

  /** Resolves when the next request has come. */
  async nextRequest(): Promise<void> {
    await once(this.#requests, 'request');
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }
}

function seenRequest(request: IncomingMessage, body: Buffer): SeenRequest {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (!clientHeaders.has(name)) headers[name] = String(value);
  }
  const boundary = /boundary="?([^";]+)/.exec(headers['content-type'] ?? '')?.[1];
  let text = readable(body);
  if (boundary !== undefined) {
    // Each request has its own, and its length makes the body's.
    headers['content-type'] = headers['content-type']?.replace(boundary, 'BOUNDARY') ?? '';
    delete headers['content-length'];
    text = readable(Buffer.from(body.toString('latin1').replaceAll(boundary, 'BOUNDARY'), 'latin1'));
  }
  return { method: request.method ?? '', path: request.url ?? '', headers, body: text };
}

/** `/redirect/302/next` and such. */
const redirect = /^\/redirect\/(\d+)(\/.*)$/;

function answer(request: IncomingMessage, response: ServerResponse, elsewhere: string | undefined): void {
  const path = request.url ?? '';
  const [, redirectStatus, target] = redirect.exec(path) ?? [];
  if (redirectStatus !== undefined && target !== undefined) {
    response.writeHead(Number(redirectStatus), { Location: target, 'Content-Type': 'text/plain' });
    response.end('moved');
    return;
  }
  const [, status] = /^\/status\/(\d+)$/.exec(path) ?? [];
  if (status !== undefined) {
    response.writeHead(Number(status), { 'Content-Type': 'text/plain' });
    response.end(['204', '304'].includes(status) ? undefined : `status ${status}`);
    return;
  }
  const type = (value: string) => response.setHeader('Content-Type', value);
  switch (path) {
    case '/held':
      return;
    case '/broken':
      request.socket.destroy();
      return;
    case '/truncated':
      response.writeHead(200, { 'Content-Length': '100' });
      response.write('half', () => request.socket.destroy());
      return;
    case '/elsewhere':
      response.writeHead(302, { Location: `${elsewhere}/text` });
      response.end();
      return;
    case '/elsewhere/307':
      response.writeHead(307, { Location: `${elsewhere}/text` });
      response.end();
      return;
    case '/loop':
      response.writeHead(302, { Location: '/loop' });
      response.end();
      return;
    case '/redirect-without-location':
      response.writeHead(302);
      response.end('nowhere');
      return;
    case '/redirect-to-nonsense':
      response.writeHead(302, { Location: 'http://[' });
      response.end('nonsense');
      return;
    case '/json':
      type('application/json');
      response.end('{"greeting":"héllo €"}');
      return;
    case '/html':
      type('text/html; charset=UTF-8');
      response.end('<p>no JSON</p>');
      return;
    case '/bytes':
      type('application/octet-stream');
      response.end(Buffer.from([0xff, 0x00, 0x80, 0xc3, 0xa9]));
      return;
    case '/latin1':
      type('text/plain; charset=iso-8859-1');
      response.end(Buffer.from('h\xe9llo', 'latin1'));
      return;
    case '/mark':
      type('text/plain');
      response.end('\ufeffmarked');
      return;
    case '/nul':
      type('text/plain');
      response.end('a\0b');
      return;
    case '/gzip':
      response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Encoding': 'gzip' });
      response.end(gzipSync('unpacked'));
      return;
    case '/chunked':
      type('text/plain');
      response.write('one ');
      response.end('two');
      return;
    case '/empty':
      response.end();
      return;
    case '/phrase':
      response.writeHead(404, 'Gone Fishing');
      response.end();
      return;
    case '/unknown-status':
      response.writeHead(299);
      response.end('299');
      return;
    case '/cookies':
      response.setHeader('Set-Cookie', ['a=1; Expires=Thu, 01 Jan 2099 00:00:00 GMT', 'b=2']);
      response.end();
      return;
    case '/repeated':
      response.setHeader('X-Repeated', ['one', 'two']);
      response.end();
      return;
    case '/latin1-header':
      response.setHeader('X-Name', 'h\xe9llo');
      response.end();
      return;
    case '/form':
      type('application/x-www-form-urlencoded;charset=UTF-8');
      response.end('a=1&a=%C3%A9&b=c+d');
      return;
    case '/multipart':
      type('multipart/form-data; boundary=x');
      response.end(
        '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\né\r\n' +
          '--x\r\nContent-Disposition: form-data; name="f"; filename="f.txt"\r\nContent-Type: text/plain\r\n\r\n' +
          'content\r\n--x--',
      );
      return;
    default:
      type('text/plain');
      response.end('text');
  }
}
