import axios from 'axios';
import type { AxiosAdapter, AxiosProgressEvent, AxiosRequestConfig, AxiosResponse } from 'axios';
import { headersNotCompared, readable } from './server.ts';
import type { ObservedServer } from './server.ts';

/** What became of a request, by the name of what is compared. */
export type Observation = Readonly<Record<string, string>>;

/** A request as a test describes it; `run` says how it is ended, where it is not by itself. */
export interface Request {
  readonly config: (server: ObservedServer) => AxiosRequestConfig;
  /** Ends the request when the server has seen it. */
  readonly abort?: (server: ObservedServer) => { config: AxiosRequestConfig; now: () => void };
  /** Whether the progress of the body is compared, too. */
  readonly progress?: boolean;
}

/** Sends `request` with `adapter` and tells what the server saw and what the app got. */
export async function observe(
  { config, abort, progress }: Request,
  adapter: AxiosAdapter | 'http' | 'fetch',
  server: ObservedServer,
): Promise<Observation> {
  server.seen.length = 0;
  const ending = abort?.(server);
  const last: Record<string, AxiosProgressEvent> = {};
  const follow = (event: AxiosProgressEvent) => {
    last[event.upload ? 'upload' : 'download'] = event;
  };
  const sent = axios.create({ adapter }).request({
    baseURL: server.url,
    ...(progress ? { onUploadProgress: follow, onDownloadProgress: follow } : {}),
    ...config(server),
    ...ending?.config,
  });
  if (ending) {
    while (server.seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    ending.now();
  }
  const outcome = await sent.then(responseOf, (error: unknown) => errorOf(error, server));
  return {
    ...outcome,
    ...sentOf(server),
    ...Object.fromEntries(Object.entries(last).map(([direction, event]) => [direction, progressOf(event)])),
  };
}

function sentOf({ seen, port }: ObservedServer): Record<string, string> {
  return {
    'sent requests': seen.map(({ method, url }) => `${method} ${url.replaceAll(String(port), 'PORT')}`).join(', '),
    'sent headers': seen.map(({ headers }) => fields(headers)).join(' / '),
    'sent body': seen.map(({ body }) => body).join(' / '),
  };
}

function fields(headers: Readonly<Record<string, unknown>>): string {
  return Object.keys(headers)
    .filter((name) => !(name in headersNotCompared))
    .sort()
    .map((name) => `${name}: ${JSON.stringify(headers[name])}`)
    .join('; ');
}

async function responseOf(response: AxiosResponse): Promise<Record<string, string>> {
  return {
    outcome: 'an answer',
    status: String(response.status),
    'status text': response.statusText,
    headers: fields(response.headers),
    data: await dataOf(response.data),
  };
}

async function errorOf(error: unknown, server: ObservedServer): Promise<Record<string, string>> {
  if (!axios.isAxiosError(error)) return { outcome: `an error of no axios: ${String(error)}` };
  const { response } = error;
  return {
    outcome: axios.isCancel(error) ? 'a cancellation' : 'an error',
    code: error.code ?? 'none',
    message: error.message.replaceAll(String(server.port), 'PORT'),
    config: error.config === undefined ? 'none' : 'the request’s',
    status: String(error.status ?? 'none'),
    ...(response && { headers: fields(response.headers), data: await dataOf(response.data) }),
  };
}

async function dataOf(data: unknown): Promise<string> {
  if (typeof data === 'string') return `string ${JSON.stringify(data)}`;
  if (data instanceof Blob) {
    const bytes = await (data as unknown as { arrayBuffer(): Promise<ArrayBuffer> }).arrayBuffer();
    return `Blob of ${data.type}: ${readable(new Uint8Array(bytes))}`;
  }
  if (data instanceof ArrayBuffer) return `ArrayBuffer ${readable(new Uint8Array(data))}`;
  if (Buffer.isBuffer(data)) return `Buffer ${readable(data)}`;
  if (typeof data === 'object' && data !== null && ('pipe' in data || 'getReader' in data)) return 'a stream';
  return `${typeof data} ${JSON.stringify(data)}`;
}

function progressOf({ loaded, total, progress, lengthComputable }: AxiosProgressEvent): string {
  return JSON.stringify({ loaded, total, progress, lengthComputable });
}
