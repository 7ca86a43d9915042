import { abortable, abortReason } from './abort.ts';
import { Authorization, nativeRefusal } from './authorization.ts';
import type { RefusedAnswer } from './authorization.ts';
import { nativeClientConfig, nativeConfig } from './config.ts';
import type { AuthSessionConfig, ClientConfig } from './config.ts';
import { AuthSessionError, fromNativeError } from './errors.ts';
import type { AuthSessionErrorCode } from './errors.ts';
import { isEventType, sessionEvent } from './events.ts';
import type { SessionEvents, SessionEventType } from './events.ts';
import { exchange } from './exchange.ts';
import type { Sender } from './exchange.ts';
import { downloadOf } from './fetch/download.ts';
import type { SessionDownload } from './fetch/download.ts';
import { fetchOf } from './fetch/fetch.ts';
import type { SessionFetch } from './fetch/fetch.ts';
import { Listeners } from './listeners.ts';
import type { NativeAuthorization, NativeEvent, NativeProgress } from './NativeAuthSession.ts';
import { nativeModule } from './nativeModule.ts';
import { restoring, StateSnapshots } from './state.ts';
import type { SessionState } from './state.ts';
import { encodedURL } from './url.ts';

/**
 * Tokens that an authorization server issued to this app; see {@link AuthSession.adopt} and
 * {@link AuthSession.importTokens}.
 */
export interface Tokens {
  /** The bearer token of requests. Without one the first request gets one with the refresh token. */
  readonly accessToken?: string | null | undefined;
  /** Gets the next access token. Without one the session ends when the server refuses the access token. */
  readonly refreshToken?: string | null | undefined;
  /** How long the access token is valid from now, as the server said. */
  readonly expiresInSeconds?: number | null | undefined;
}

/** A decision of a session, for a report of a problem; see {@link AuthSession.trace}. */
export interface TraceEntry {
  /** Milliseconds since the session was opened. */
  readonly at_ms: number;
  /** What was decided. */
  readonly decision: string;
  /** What there is to say about it. */
  readonly [fact: string]: unknown;
}

/** Sends requests to one API host with the access token of a session. */
export interface ApiClient extends Sender {
  /**
   * Sends a request with the access token, refreshing that first where it has expired, and once more where the
   * server refuses it.
   *
   * It behaves like the global `fetch`: any answer of the server resolves, an unsuccessful one too. It rejects with
   *
   * - a `TypeError` where fetch does: the network failed, with an {@link AuthSessionError} whose code is `network` as
   *   its `cause`; the request cannot be made, with an `invalid_request`; or the server redirects and `redirect` is
   *   `error`, without a cause,
   * - the reason of `signal`, if that is aborted: an `AbortError`, unless the app gave another,
   * - an {@link AuthSessionError} for anything else that kept the request from an answer.
   *
   * What is different is in `docs/guides/react-native-fetch.md`.
   */
  readonly fetch: SessionFetch;

  /**
   * Sends a request like {@link ApiClient.fetch}, and writes the body of a successful answer to the file `to`, which
   * appears, or replaces what was there, when it is complete. None of it comes into JavaScript.
   *
   * The answer has no body then. One that is not successful has its body, and leaves the file alone, so look at `ok`. A
   * request that fails or is aborted leaves nothing. It rejects with a `file` if the file cannot be written.
   */
  readonly download: SessionDownload;
}

/**
 * The session of one account: it signs in and out, sends the app's requests with a valid access token, and
 * refreshes that token when it must be refreshed. The tokens stay in native code.
 *
 * What fails rejects with an {@link AuthSessionError}. The functions need no `this`, so each can be passed on by
 * itself.
 */
export interface AuthSession extends ApiClient {
  /**
   * Signs in with `credentials`, which are sent to the login endpoint as JSON, and returns the server's answer
   * without the tokens. Many servers send the user there.
   *
   * An answer that has no tokens wants another step, such as a second factor, and has changed nothing: whether somebody
   * is signed in is told by {@link AuthSession.getState}.
   */
  readonly signIn: <T = unknown>(credentials: Readonly<Record<string, unknown>>) => Promise<T>;

  /**
   * Takes the next step of a sign-in, such as a second factor: posts `body` as JSON to `url`, which is absolute or a path
   * under `baseURL`. The answer is read as that of {@link AuthSession.signIn}.
   */
  readonly continueSignIn: <T = unknown>(url: string, body: Readonly<Record<string, unknown>>) => Promise<T>;

  /** Starts a session with tokens that the app got elsewhere, as from an OAuth code flow. */
  readonly adopt: (tokens: Tokens) => Promise<void>;

  /**
   * Takes over the tokens that an earlier version of the app has kept, so that an update signs nobody out. They take
   * effect only if nobody has ever signed in on this store: a session, or the trace of one that has ended, wins, so
   * that this may be called at every start. See `docs/moving-in.md`.
   *
   * Resolves with whether they took effect; they are saved then. With `false`, too, they are of no use any more. It
   * rejects with `locked`, `store_unavailable`, `store_corrupt` or `timeout` if the store could not be read or
   * written: keep the tokens and call it again later; with `invalid_request` if a token could not be sent.
   */
  readonly importTokens: (tokens: Tokens) => Promise<boolean>;

  /**
   * Signs out. It needs no network: the tokens are gone from this device when it resolves, and the server is told
   * to revoke them as soon as it can be reached.
   */
  readonly signOut: () => Promise<void>;

  /**
   * Whether somebody is signed in, as known now. The result is frozen, and the same object for as long as nothing
   * changes. It is `restoring` until the session is open; `state_changed` tells when it no longer is.
   *
   * It stays `restoring` where the session cannot open. What the calls reject with says why; where only the programmer
   * can mend that (`invalid_configuration`, `already_open`, `store_misconfigured`, `not_initialized`), the console says
   * it once, too.
   */
  readonly getState: () => SessionState;

  /**
   * Calls `listener` with each event of this type from now on, in order, and returns the function that ends that.
   * Listeners are called one by one and never before `on` has returned.
   *
   * Some events ask something of the user or the app: `signed_out`, `step_up_required`, `sign_in_recommended` and
   * `persistence_degraded`. The last of each that nobody was there to hear is kept, until something overtakes it (a
   * `signed_in`, say), and told to those who listen first, so that `on('signed_out', …)` in a component hears of the
   * session that ended before the component was there. Nothing is told twice: what one listener of a type has heard, no
   * later one hears. Of a session that ended before this JavaScript began, {@link AuthSession.getState} tells.
   */
  readonly on: <Type extends SessionEventType>(
    type: Type,
    listener: (event: SessionEvents[Type]) => void,
  ) => () => void;

  /**
   * A client for another API host, which sends the session's access token there. A config that cannot work, or an
   * origin that is not one of `allowedOrigins`, is what its requests reject with. With the same config it is the same
   * client to native code, which keeps 64 of a session at most until JavaScript is reloaded: make clients once, not for
   * each request.
   */
  readonly client: (config: ClientConfig) => ApiClient;

  /**
   * What authorises a request that the app sends by other means: an image, a WebSocket, a web view. Waits for a refresh
   * if one is needed. This is the only way by which a token enters JavaScript.
   *
   * `url` is where the request goes: under `baseURL`, or an absolute URL of an allowed origin.
   */
  readonly authorization: (url: string) => Promise<Authorization>;

  /**
   * Reports the answer, usually a 401, to a request that carried `authorization`, and resolves with what to send it with
   * once more; with null if the answer is final. Native code remembers the last 256 authorizations of a session,
   * and none of a user who has signed out; of any other this is an `invalid_request`.
   */
  readonly refused: (authorization: Authorization, answer: RefusedAnswer) => Promise<Authorization | null>;

  /** Rejects with `recent_sign_in_required` unless the user signed in no longer ago, as before a payment. */
  readonly requireRecentSignIn: (maxAgeMs: number) => Promise<void>;

  /** The last decisions of the session, for a report of a problem. They hold no secret. */
  readonly trace: () => Promise<readonly TraceEntry[]>;

  /** Tells the session that the device's network has changed: what waits to try a refresh again tries at once. */
  readonly networkChanged: () => void;

  /**
   * Tells the session that the app is in the foreground again: timers may have slept, and another process may have
   * signed out or refreshed. Native code does so by itself; an app calls it to ask the user once more after an
   * `unlock_cancelled`.
   */
  readonly resume: () => void;
}

// Names requests to native code, where those of another copy of this package may be under way, too.
const copy = Math.random().toString(36).slice(2);
let requestCount = 0;

/**
 * The session that `config` describes. Call it once, outside of components.
 *
 * The session begins to open at once, and every call waits for that by itself; if it fails, so do the calls that
 * waited, and the next one tries again. The session lives as long as the app's process: after a reload of
 * JavaScript the same one is found again, whatever its store. To find it with another config is an `already_open`.
 *
 * Throws an {@link AuthSessionError}: `not_initialized` where the app was built without the native module, and
 * `invalid_configuration` for a setting that does not exist. A setting of a wrong kind or value is what the calls reject
 * with.
 *
 * ```ts
 * const session = createAuthSession({ baseURL: 'https://api.example.com' });
 * const { user } = await session.signIn<{ user: User }>({ email, password });
 * const me = await (await session.fetch('/me')).json<User>();
 * await session.signOut();
 * ```
 */
export function createAuthSession(config: AuthSessionConfig): AuthSession {
  const native = nativeModule();
  const options = nativeConfig(config);
  const snapshots = new StateSnapshots();
  const listeners = new Listeners();
  let opening: Promise<string> | undefined;
  let sessionId: string | undefined;
  let lastState: SessionState = restoring;

  const getState = (): SessionState =>
    sessionId === undefined ? restoring : snapshots.of(native.getState(sessionId));

  const observeState = () => {
    // It asks native code, which JavaScript waits for.
    if (!listeners.has('state_changed')) return;
    const state = getState();
    if (state === lastState) return;
    lastState = state;
    listeners.tell({ type: 'state_changed', state });
  };

  const receive = (event: NativeEvent) => {
    observeState();
    listeners.tell(sessionEvent(event));
  };

  const open = async (): Promise<string> => {
    try {
      sessionId = await native.open(options);
    } catch (error) {
      throw fromNativeError(error);
    }
    observeState();
    return sessionId;
  };

  const opened = (): Promise<string> => {
    if (opening === undefined) {
      opening = open();
      opening.catch(() => {
        opening = undefined;
      });
    }
    return opening;
  };

  const call = async <T>(method: (sessionId: string) => Promise<T>): Promise<T> => {
    const id = await opened();
    try {
      return await method(id);
    } catch (error) {
      throw fromNativeError(error);
    }
  };

  /** What sends requests by way of the client that `clientId` names; null: of the session itself. */
  const senderOf = (clientId: (sessionId: string) => Promise<string> | null): ApiClient => {
    const sender: Sender = {
      async [exchange](request, { signal, onUpload, onDownload } = {}) {
        const requestId = `${copy}-${(requestCount += 1)}`;
        const report = (progress: NativeProgress) => {
          if (progress.requestId !== requestId) return;
          (progress.direction === 'upload' ? onUpload : onDownload)?.(progress);
        };
        const progress = onUpload ?? onDownload ? native.onProgress(report) : undefined;
        const send = () =>
          call(async (id) => {
            const client = await clientId(id);
            // Aborted before native code had the request, it must not get it any more.
            if (signal?.aborted) throw abortReason(signal);
            return native.request(id, requestId, {
              ...request,
              url: encodedURL(request.url),
              clientId: client,
              reportUpload: onUpload !== undefined,
              reportDownload: onDownload !== undefined,
            });
          });
        try {
          return await abortable(signal, send, () => native.cancel(requestId));
        } finally {
          progress?.remove();
        }
      },
    };
    return Object.freeze({ fetch: fetchOf(sender), download: downloadOf(sender), ...sender });
  };

  const authorizationOf = (value: NativeAuthorization) => new Authorization(value);

  const session: AuthSession = {
    ...senderOf(() => null),

    async signIn<T>(credentials: Readonly<Record<string, unknown>>) {
      const credentialsJson = json('the credentials', credentials);
      return answer<T>(await call((id) => native.signIn(id, credentialsJson)));
    },

    async continueSignIn<T>(url: string, body: Readonly<Record<string, unknown>>) {
      const bodyJson = json('the body', body);
      mustBe('string', { url }, required);
      return answer<T>(await call((id) => native.continueSignIn(id, encodedURL(url), bodyJson)));
    },

    async adopt(tokens) {
      const values = nativeTokens(tokens);
      await call((id) => native.adopt(id, ...values));
    },

    async importTokens(tokens) {
      const values = nativeTokens(tokens);
      return call((id) => native.importTokens(id, ...values));
    },

    signOut: () => call((id) => native.signOut(id)),

    getState,

    on(type, listener) {
      const name: string = type;
      if (!isEventType(name)) throw new AuthSessionError('invalid_request', `there are no events of type ${name}`);
      // Whoever listens has read the state, or will: what it was until now is no change.
      if (type === 'state_changed' && !listeners.has(type)) lastState = getState();
      return listeners.add(type, listener);
    },

    client(clientConfig) {
      const clientOptions = nativeClientConfig(clientConfig);
      let naming: Promise<string> | undefined;
      return senderOf((id) => {
        if (naming === undefined) {
          naming = native.client(id, clientOptions);
          naming.catch(() => {
            naming = undefined;
          });
        }
        return naming;
      });
    },

    async authorization(url) {
      mustBe('string', { url }, required);
      return authorizationOf(await call((id) => native.authorization(id, encodedURL(url))));
    },

    async refused(authorization, refusedAnswer) {
      const refusal = nativeRefusal(authorization, refusedAnswer);
      const next = await call((id) => native.refused(id, refusal));
      return next === null ? null : authorizationOf(next);
    },

    async requireRecentSignIn(maxAgeMs) {
      mustBe('number', { maxAgeMs }, required);
      await call((id) => native.requireRecentSignIn(id, maxAgeMs));
    },

    trace: async () => JSON.parse(await call((id) => native.trace(id))) as readonly TraceEntry[],

    networkChanged() {
      opened().then((id) => native.networkChanged(id), () => {});
    },

    resume() {
      opened().then((id) => native.resume(id), () => {});
    },
  };
  // As long as this JavaScript lives, so that nothing is missed before somebody listens.
  native.onEvent((event) => {
    // An event can overtake the answer of open(), which tells whether it is ours.
    opening?.then(
      (id) => {
        if (event.sessionId === id) receive(event);
      },
      () => {},
    );
  });
  // Nobody waits yet; whoever calls next hears of a failure.
  opened().catch(tellProgrammer);
  return Object.freeze(session);
}

/** The failures to open that no waiting and no user ends. */
const mistakes: ReadonlySet<AuthSessionErrorCode> = new Set([
  'invalid_configuration',
  'already_open',
  'store_misconfigured',
  'not_initialized',
] as const);

/** An app that makes no call before the state is known would show its splash screen for ever, and nobody would know why. */
function tellProgrammer(error: AuthSessionError): void {
  // Nobody may be there to catch it.
  // eslint-disable-next-line no-console
  if (mistakes.has(error.code)) console.error(`react-native-auth-session: ${error.message}`);
}

/** What the server said to a step of a sign-in. It is null where it had nothing to say, and an app reads members. */
function answer<T>(text: string): T {
  return (JSON.parse(text) ?? {}) as T;
}

function nativeTokens(tokens: Tokens): [string | null, string | null, number | null] {
  const { accessToken, refreshToken, expiresInSeconds } = tokens ?? {};
  mustBe('string', { accessToken, refreshToken });
  mustBe('number', { expiresInSeconds });
  return [accessToken ?? null, refreshToken ?? null, expiresInSeconds ?? null];
}

const required = { isRequired: true };

/** React Native would end with an error of its own what is of another type than the spec says. */
function mustBe(
  type: 'string' | 'number',
  values: Readonly<Record<string, unknown>>,
  { isRequired } = { isRequired: false },
): void {
  for (const [name, value] of Object.entries(values)) {
    if (typeof value !== type && (isRequired || (value !== undefined && value !== null))) {
      throw new AuthSessionError('invalid_request', `${name} must be a ${type}`);
    }
  }
}

function json(what: string, value: Readonly<Record<string, unknown>>): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // The reason may quote the value.
  }
  if (text === undefined) throw new AuthSessionError('invalid_request', `${what} cannot be written as JSON`);
  return text;
}
