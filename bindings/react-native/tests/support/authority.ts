import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { target } from './checkout.ts';

/** The user that every realm knows. */
export const credentials = { email: 'ada@example.com', password: 'correct horse' };

/** One isolated authorization and resource server. */
export class Realm {
  readonly apiURL: string;
  readonly authURL: string;
  readonly #controlURL: string;

  constructor(description: { api_url: string; auth_url: string; control_url: string }) {
    this.apiURL = description.api_url;
    this.authURL = description.auth_url;
    this.#controlURL = description.control_url;
  }

  /** Tells the realm what to do. */
  async command(name: string, body: object = {}): Promise<void> {
    await post(`${this.#controlURL}/${name}`, body);
  }

  /** What the realm has counted. */
  async counters(): Promise<Record<string, number>> {
    return (await (await fetch(`${this.#controlURL}/counters`)).json()) as Record<string, number>;
  }
}

/** The test authority, in a process of its own. */
export class Authority {
  readonly #process: ChildProcess;
  readonly #controlURL: string;

  private constructor(process: ChildProcess, controlURL: string) {
    this.#process = process;
    this.#controlURL = controlURL;
  }

  static async start(): Promise<Authority> {
    const process = spawn(path.join(target, 'debug/test-authority'), { stdio: ['pipe', 'pipe', 'inherit'] });
    const [line] = await once(createInterface({ input: process.stdout }), 'line');
    return new Authority(process, JSON.parse(line).control_url);
  }

  async realm(settings: object = {}): Promise<Realm> {
    return new Realm((await post(`${this.#controlURL}/realms`, settings)) as ConstructorParameters<typeof Realm>[0]);
  }

  /** Ends the process. */
  async stop(): Promise<void> {
    const exited = once(this.#process, 'exit');
    this.#process.stdin?.end();
    await exited;
  }
}

async function post(url: string, body: object): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`the authority answered ${response.status} to ${new URL(url).pathname}: ${text}`);
  return JSON.parse(text);
}
