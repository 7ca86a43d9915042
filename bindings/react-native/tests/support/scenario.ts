import { isDeepStrictEqual } from 'node:util';
import type { AuthSession, AuthSessionConfig, SessionEvent, SessionEventType } from '../../src/index.ts';
import { credentials } from './authority.ts';
import type { Authority, Realm } from './authority.ts';

/** A scenario of tests/scenarios. */
export interface Scenario {
  name: string;
  title: string;
  realm?: object;
  client?: { token_endpoints?: 'api' | 'auth' };
  steps: Step[];
}

type Step = { do: string } & Record<string, unknown>;
type Expectation = { status?: number; disposition?: string; error?: string };
type Outcome = { status: number; disposition: string } | { error: string };

const eventTypes: SessionEventType[] = [
  'signed_in',
  'refreshed',
  'refresh_failed',
  'restored',
  'sign_in_recommended',
  'persistence_degraded',
  'persistence_restored',
  'signed_out',
  'step_up_required',
  'missed',
];

const finishTimeoutMs = 30_000;
const eventTimeoutMs = 10_000;

/** Runs a scenario; throws what went wrong. */
export async function runScenario(
  scenario: Scenario,
  authority: Authority,
  createAuthSession: (config: AuthSessionConfig) => AuthSession,
): Promise<void> {
  onlyFields(scenario, ['name', 'title', 'realm', 'client', 'steps']);
  onlyFields(scenario.client ?? {}, ['token_endpoints']);
  const realm = await authority.realm(scenario.realm);
  const tokenEndpoints = { api: realm.apiURL, auth: realm.authURL }[scenario.client?.token_endpoints ?? 'api'];
  const session = createAuthSession({
    baseURL: realm.apiURL,
    account: scenario.name,
    allowLoopback: true,
    endpoints: {
      type: 'json',
      loginURL: `${tokenEndpoints}/auth/login`,
      refreshURL: `${tokenEndpoints}/auth/refresh`,
      logoutURL: `${tokenEndpoints}/auth/logout`,
    },
  });
  const run = new Run(session, realm);
  for (const [index, step] of scenario.steps.entries()) {
    try {
      await run.step(step);
    } catch (error) {
      throw new Error(`step ${index + 1} (${step.do}): ${error instanceof Error ? error.message : error}`);
    }
  }
}

class Run {
  readonly #session: AuthSession;
  readonly #realm: Realm;
  readonly #started = new Map<string, Promise<Outcome[]>>();
  readonly #events: string[] = [];
  #onEvent = () => {};

  constructor(session: AuthSession, realm: Realm) {
    this.#session = session;
    this.#realm = realm;
    for (const type of eventTypes) {
      session.on(type, (event) => {
        this.#events.push(eventName(event));
        this.#onEvent();
      });
    }
  }

  async step({ do: action, ...fields }: Step): Promise<void> {
    const allowed = (...names: string[]) => onlyFields(fields, names);
    switch (action) {
      case 'sign_in': {
        allowed();
        const answer = await this.#session.signIn<{ user: { id: string } }>(credentials);
        mustEqual('user.id', answer.user.id, 'u1');
        return;
      }
      case 'sign_out':
        allowed();
        return this.#session.signOut();
      case 'network_changed':
        allowed();
        return this.#session.networkChanged();
      case 'authority':
        allowed('command', 'body');
        return this.#realm.command(fields['command'] as string, fields['body'] as object | undefined);
      case 'start':
        allowed('as', 'path', 'count', 'method', 'body');
        this.#started.set(fields['as'] as string, this.#start(fields));
        return;
      case 'finish':
        allowed('as', 'expect');
        return this.#finish(this.#started.get(fields['as'] as string), fields['expect'] as Expectation);
      case 'request':
        allowed('path', 'count', 'method', 'body', 'expect');
        return this.#finish(this.#start(fields), fields['expect'] as Expectation);
      case 'expect_state': {
        allowed('state', 'reason');
        const state = this.#session.getState();
        mustEqual('state', state.status, fields['state']);
        if ('reason' in fields) mustEqual('reason', 'reason' in state ? state.reason : undefined, fields['reason']);
        return;
      }
      case 'expect_events':
        allowed('events');
        return this.#expectEvents(fields['events'] as string[]);
      case 'expect_counters': {
        allowed('counters');
        const counters = await this.#realm.counters();
        for (const [name, value] of Object.entries(fields['counters'] as Record<string, number>)) {
          mustEqual(name, counters[name], value);
        }
        return;
      }
      default:
        throw new Error('unknown step');
    }
  }

  #start(fields: Record<string, unknown>): Promise<Outcome[]> {
    const send = async (): Promise<Outcome> => {
      try {
        const { status, disposition } = await this.#session.fetch(fields['path'] as string, {
          method: fields['method'] as string | undefined,
          body: fields['body'] as string | undefined,
        });
        return { status, disposition };
      } catch (error) {
        return { error: errorCode(error) };
      }
    };
    return Promise.all(Array.from({ length: (fields['count'] as number | undefined) ?? 1 }, send));
  }

  async #finish(started: Promise<Outcome[]> | undefined, expected: Expectation): Promise<void> {
    if (!started) throw new Error('nothing was started under this name');
    onlyFields(expected, ['status', 'disposition', 'error']);
    const outcomes = await within(finishTimeoutMs, started);
    for (const outcome of outcomes) {
      const named = Object.fromEntries(Object.keys(expected).map((key) => [key, outcome[key as keyof Outcome]]));
      if (!isDeepStrictEqual(named, expected)) {
        throw new Error(`expected ${JSON.stringify(expected)}, got ${JSON.stringify(outcome)}`);
      }
    }
  }

  async #expectEvents(expected: string[]): Promise<void> {
    const enough = new Promise<void>((resolve) => {
      this.#onEvent = () => {
        if (this.#events.length >= expected.length) resolve();
      };
      this.#onEvent();
    });
    // What did come says more than that something did not.
    await within(eventTimeoutMs, enough).catch(() => {});
    mustEqual('events', this.#events, expected);
  }
}

function eventName(event: SessionEvent): string {
  return event.type === 'signed_out' ? `signed_out:${event.reason}` : event.type;
}

function errorCode(error: unknown): string {
  const { code, cause } = error as { code?: string; cause?: { code?: string } };
  return code ?? cause?.code ?? String(error);
}

function onlyFields(object: object, names: string[]): void {
  for (const name of Object.keys(object)) {
    if (!names.includes(name)) throw new Error(`unknown field ${name}`);
  }
}

function mustEqual(what: string, actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) {
    throw new Error(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
  }
}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
