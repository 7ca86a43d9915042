import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import type { Spec } from '../../src/NativeAuthSession.ts';
import { codegen, root, target } from './checkout.ts';

/** What the JVM writes; see harness/bridge. */
type Message =
  | { id: number; returned: unknown }
  | { id: number; rejected: { message: string } }
  | { id?: number; threw: string }
  | { event: string; value: unknown }
  | { exited: number | string };

interface MethodSchema {
  name: string;
  typeAnnotation: { params: unknown[]; returnTypeAnnotation: { type: string } };
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

const synchronousTimeoutMs = 10_000;

/**
 * Which native half runs: Kotlin on a JVM, or Swift. Swift on Linux has neither content providers nor Android's stores,
 * so a few tests are for one of the two.
 */
export const nativeHalf = process.env['AUTHSESSION_NATIVE_HALF'] === 'swift' ? 'swift' : 'kotlin';

function commandLine(cache: string): { command: string; commandArguments: string[] } {
  if (nativeHalf === 'swift') {
    return {
      command: path.join(root, 'scripts/swift-toolchain.sh'),
      commandArguments: [path.join(target, 'react-native/swift/bridge')],
    };
  }
  const harness = path.join(target, 'react-native/harness');
  return {
    command: 'java',
    commandArguments: [
      '-enableassertions',
      `-Djna.library.path=${path.join(target, 'debug')}`,
      `-Djava.io.tmpdir=${cache}`,
      ...['-classpath', `${path.join(harness, 'bridge/classes')}:${path.join(harness, 'libraries')}/*`],
      'dev.authsession.harness.MainKt',
    ],
  };
}

/**
 * A desktop JVM that runs the real Kotlin module over the real library, in the place of a phone's process; or a process
 * that runs the Swift one.
 */
export class Jvm {
  /** Everything that came from native code, as text. */
  readonly received: string[] = [];
  /** What would have ended the app: exceptions that left a method of the module. */
  readonly crashes: string[] = [];
  /** The app's cache directory. */
  readonly cache = mkdtempSync(path.join(tmpdir(), 'auth-session-cache-'));

  readonly #worker: Worker;
  readonly #answered = new Int32Array(new SharedArrayBuffer(4));
  readonly #synchronousAnswers: MessagePort;
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<void>;
  #listeners = new Map<string, Set<(value: unknown) => void>>();
  #count = 0;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.#synchronousAnswers = port1;
    this.#worker = new Worker(new URL('./jvm-worker.mjs', import.meta.url), {
      workerData: {
        ...commandLine(this.cache),
        synchronousAnswers: port2,
        answered: this.#answered,
      },
      transferList: [port2],
    });
    this.#worker.on('message', (message: Message) => this.#receive(message));
    this.#exited = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
  }

  /** The module as JavaScript gets it: what the codegen's schema says, by the rules of React Native. */
  async module(): Promise<Spec> {
    const module: Record<string, unknown> = {};
    const schema = JSON.parse(readFileSync(path.join(codegen, 'schema.json'), 'utf8'));
    const { methods, eventEmitters } = schema.modules.NativeAuthSession.spec;
    for (const method of methods as MethodSchema[]) module[method.name] = this.#method(method);
    for (const { name } of eventEmitters as { name: string }[]) {
      const listeners = new Set<(value: unknown) => void>();
      this.#listeners.set(name, listeners);
      module[name] = (listener: (value: unknown) => void) => {
        listeners.add(listener);
        return { remove: () => listeners.delete(listener) };
      };
    }
    await this.#control('attach');
    return module as unknown as Spec;
  }

  /** What a reload of JavaScript does to native code: the module ends, a new one begins, the process lives on. */
  async reload(): Promise<void> {
    this.#listeners = new Map();
    await this.#control('reload');
  }

  /** Calls a method as nothing but JavaScript can, also before it has attached. */
  call(method: string, ...values: unknown[]): Promise<unknown> {
    return this.#send({ method, arguments: values });
  }

  /** Resolves when native code has sent a text that contains `part`, now or earlier. */
  async hasReceived(part: string): Promise<void> {
    while (!this.received.some((text) => text.includes(part))) await once(this.#worker, 'message');
  }

  /** Ends the process. */
  async stop(): Promise<void> {
    this.#worker.postMessage('end');
    await this.#exited;
    this.#synchronousAnswers.close();
    rmSync(this.cache, { recursive: true, force: true });
  }

  #method({ name, typeAnnotation }: MethodSchema): (...values: unknown[]) => unknown {
    const expected = typeAnnotation.params.length;
    return (...values) => {
      if (values.length !== expected) {
        throw new Error(`TurboModule method "${name}" takes ${expected} arguments, not ${values.length}`);
      }
      const call = { method: name, arguments: values };
      switch (typeAnnotation.returnTypeAnnotation.type) {
        case 'PromiseTypeAnnotation':
          return this.#send(call);
        case 'VoidTypeAnnotation':
          this.#send(call).catch(() => {});
          return undefined;
        default:
          return this.#sendSynchronously(call);
      }
    };
  }

  #control(control: string): Promise<unknown> {
    return this.#send({ control });
  }

  #send(call: object): Promise<unknown> {
    const id = (this.#count += 1);
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ call: { id, ...call }, isSynchronous: false });
    });
  }

  #sendSynchronously(call: object): unknown {
    const id = (this.#count += 1);
    Atomics.store(this.#answered, 0, 0);
    this.#worker.postMessage({ call: { id, ...call }, isSynchronous: true });
    if (Atomics.wait(this.#answered, 0, 0, synchronousTimeoutMs) === 'timed-out') {
      throw new Error('the JVM did not answer a synchronous call');
    }
    const message = receiveMessageOnPort(this.#synchronousAnswers)?.message as Message;
    if ('returned' in message) return message.returned;
    throw new Error(JSON.stringify(message));
  }

  #receive(message: Message): void {
    this.received.push(JSON.stringify(message));
    if ('event' in message) {
      for (const listener of this.#listeners.get(message.event) ?? []) listener(message.value);
    } else if ('exited' in message) {
      for (const { reject } of this.#pending.values()) reject(new Error(`the JVM ended: ${message.exited}`));
    } else {
      if ('threw' in message) this.crashes.push(message.threw);
      if (message.id === undefined) return;
      const pending = this.#pending.get(message.id);
      this.#pending.delete(message.id);
      if ('returned' in message) pending?.resolve(message.returned);
      else if ('rejected' in message) pending?.reject(Object.assign(new Error(), message.rejected));
      else pending?.reject(new Error(message.threw));
    }
  }
}
