import { EventEmitter, once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiServer } from './server.ts';

/** A request that was let in. */
export interface Admitted {
  readonly method: string;
  readonly path: string;
  readonly contentType: string;
  readonly body: Buffer;
}

/** An API with notes, GraphQL and files, behind tokens that a test can make expire. */
export class NotesApi {
  readonly requests: Admitted[] = [];
  /** How often a token was refreshed. */
  refreshes = 0;
  /** How often a request came, with whatever token. */
  attempts = 0;
  readonly film = Buffer.alloc(2_000_000, 'film ');

  readonly #notes = [{ id: '1', text: 'héllo €' }];
  readonly #held = new EventEmitter();
  #server!: ApiServer;
  #generation = 0;
  #isEnded = false;
  #broken = 0;

  static async start(): Promise<NotesApi> {
    const api = new NotesApi();
    api.#server = await ApiServer.start((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => api.#answer(request, response, Buffer.concat(chunks)));
    });
    return api;
  }

  get url(): string {
    return this.#server.url;
  }

  /** The access token that is out is refused from now on. */
  expire(): void {
    this.#generation += 1;
  }

  /** So is the refresh token. */
  end(): void {
    this.#isEnded = true;
    this.expire();
  }

  /** The next so many requests get no answer. */
  break(times: number): void {
    this.#broken = times;
  }

  /** Resolves when a request for `/held` has come, with a promise that resolves when its connection has ended. */
  async held(): Promise<{ ended: Promise<unknown> }> {
    const [response] = await once(this.#held, 'held');
    return { ended: once(response as ServerResponse, 'close') };
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }

  #answer(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const [method, path] = [request.method ?? '', request.url ?? ''];
    const json = (status: number, value: unknown) => {
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    if (path.startsWith('/auth/')) {
      if (path === '/auth/login') this.#isEnded = false;
      if (path === '/auth/refresh') this.refreshes += 1;
      if (this.#isEnded) json(401, { error: 'invalid_grant' });
      else json(200, { access_token: `a${this.#generation}`, refresh_token: `r${this.#generation}` });
      return;
    }
    this.attempts += 1;
    if (this.#broken > 0) {
      this.#broken -= 1;
      request.socket.destroy();
      return;
    }
    if (request.headers.authorization !== `Bearer a${this.#generation}`) {
      response.writeHead(401, { 'WWW-Authenticate': 'Bearer error="invalid_token"' });
      response.end();
      return;
    }
    this.requests.push({ method, path, contentType: request.headers['content-type'] ?? '', body });
    switch (`${method} ${path}`) {
      case 'GET /notes':
        return json(200, this.#notes);
      case 'GET /notes/1':
        return json(200, this.#notes[0]);
      case 'POST /notes': {
        const note = { id: `${this.#notes.length + 1}`, text: (JSON.parse(String(body)) as { text: string }).text };
        this.#notes.push(note);
        return json(201, note);
      }
      case 'POST /graphql':
        return json(200, { data: { notes: this.#notes.map((note) => ({ __typename: 'Note', ...note })) } });
      case 'GET /films/1':
        response.writeHead(200, { 'Content-Type': 'video/mp4', 'Content-Length': this.film.length });
        response.end(this.film);
        return;
      case 'PUT /photos/1':
      case 'POST /forms':
        response.writeHead(204);
        response.end();
        return;
      case 'GET /held':
        this.#held.emit('held', response);
        return;
      default:
        return json(404, { message: 'there is no such note' });
    }
  }
}
