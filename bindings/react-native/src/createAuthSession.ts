import NativeAuthSession from './NativeAuthSession.ts';
import type { AuthSessionConfig } from './config.ts';
import { abortable, abortReason } from './abort.ts';
import { AuthSessionError, fromNativeError } from './errors.ts';
import { sessionEvent } from './events.ts';
import { exchange } from './exchange.ts';
import type { Sender } from './exchange.ts';
import { downloadOf } from './fetch/download.ts';
import type { SessionDownload } from './fetch/download.ts';
import { fetchOf } from './fetch/fetch.ts';
import type { SessionFetch } from './fetch/fetch.ts';
import type { SessionEvent, SessionEvents, SessionEventType } from './events.ts';
import type { NativeEvent, NativeProgress } from './NativeAuthSession.ts';
import { restoring, StateSnapshots } from './state.ts';
import type { SessionState } from './state.ts';

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

/**
 * The session of one account: it signs in and out, sends the app's requests with a valid access token, and
 * refreshes that token when it must be refreshed. The tokens stay in native code.
 *
 * What fails rejects with an {@link AuthSessionError}. The functions need no `this`, so each can be passed on by
 * itself.
 */
export interface AuthSession extends Sender {
  /**
   * Signs in with `credentials`, which are sent to the login endpoint as JSON, and returns the server's answer
   * without the tokens. Many servers send the user there.
   *
   * An answer that has no tokens wants another step, such as a second factor, and has changed nothing: whether somebody
   * is signed in is told by {@link AuthSession.getState}.
   */
  readonly signIn: <T = unknown>(credentials: Readonly<Record<string, unknown>>) => Promise<T>;

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
   */
  readonly getState: () => SessionState;

  /**
   * Calls `listener` with each event of this type from now on, in order, and returns the function that ends that.
   * Events of the past are not repeated, so read {@link AuthSession.getState} after subscribing.
   */
  readonly on: <Type extends SessionEventType>(
    type: Type,
    listener: (event: SessionEvents[Type]) => void,
  ) => () => void;

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
   * Sends a request like {@link AuthSession.fetch}, and writes the body of a successful answer to the file `to`, which
   * appears, or replaces what was there, when it is complete. None of it comes into JavaScript.
   *
   * The answer has no body then. One that is not successful has its body, and leaves the file alone, so look at `ok`. A
   * request that fails or is aborted leaves nothing. It rejects with a `file` if the file cannot be written.
   */
  readonly download: SessionDownload;

  /** Tells the session that the device's network has changed: what waits to try a refresh again tries at once. */
  readonly networkChanged: () => void;
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
 * ```ts
 * const session = createAuthSession({ baseURL: 'https://api.example.com' });
 * const { user } = await session.signIn<{ user: User }>({ email, password });
 * const me = await (await session.fetch('/me')).json<User>();
 * await session.signOut();
 * ```
 */
export function createAuthSession(config: AuthSessionConfig): AuthSession {
  const options = { ...config };
  const snapshots = new StateSnapshots();
  const stateObservers = new Set<() => void>();
  let opening: Promise<string> | undefined;
  let sessionId: string | undefined;

  const open = async (): Promise<string> => {
    try {
      sessionId = await NativeAuthSession.open(options);
    } catch (error) {
      throw fromNativeError(error);
    }
    for (const observe of stateObservers) notify(observe);
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

  const getState = (): SessionState =>
    sessionId === undefined ? restoring : snapshots.of(NativeAuthSession.getState(sessionId));

  const subscribe = (receive: (event: NativeEvent) => void): (() => void) => {
    let active = true;
    const subscription = NativeAuthSession.onEvent((event) => {
      // An event can overtake the answer of open(), which tells whether it is ours.
      opening?.then(
        (id) => {
          if (active && event.sessionId === id) receive(event);
        },
        () => {},
      );
    });
    return () => {
      active = false;
      subscription.remove();
    };
  };

  const onStateChanged = (listener: (event: SessionEvents['state_changed']) => void): (() => void) => {
    let last = getState();
    const observe = () => {
      const state = getState();
      if (state === last) return;
      last = state;
      listener({ type: 'state_changed', state });
    };
    stateObservers.add(observe);
    const unsubscribe = subscribe(observe);
    return () => {
      stateObservers.delete(observe);
      unsubscribe();
    };
  };

  const sender: Sender = {
    async [exchange](request, { signal, onUpload, onDownload } = {}) {
      const requestId = `${copy}-${(requestCount += 1)}`;
      const report = (progress: NativeProgress) => {
        if (progress.requestId !== requestId) return;
        (progress.direction === 'upload' ? onUpload : onDownload)?.(progress);
      };
      const progress = onUpload ?? onDownload ? NativeAuthSession.onProgress(report) : undefined;
      const send = () =>
        call((id) => {
          // Aborted before native code had the request, it must not get it any more.
          if (signal?.aborted) throw abortReason(signal);
          return NativeAuthSession.request(id, requestId, {
            ...request,
            reportUpload: onUpload !== undefined,
            reportDownload: onDownload !== undefined,
          });
        });
      try {
        return await abortable(signal, send, () => NativeAuthSession.cancel(requestId));
      } finally {
        progress?.remove();
      }
    },
  };

  const session: AuthSession = {
    async signIn<T>(credentials: Readonly<Record<string, unknown>>) {
      const credentialsJson = json(credentials);
      // The answer is null where the server had nothing to say, and an app reads members of it.
      return (JSON.parse(await call((id) => NativeAuthSession.signIn(id, credentialsJson))) ?? {}) as T;
    },

    adopt: ({ accessToken, refreshToken, expiresInSeconds }) =>
      call((id) =>
        NativeAuthSession.adopt(id, accessToken ?? null, refreshToken ?? null, expiresInSeconds ?? null)),

    importTokens: ({ accessToken, refreshToken, expiresInSeconds }) =>
      call((id) =>
        NativeAuthSession.importTokens(id, accessToken ?? null, refreshToken ?? null, expiresInSeconds ?? null)),

    signOut: () => call((id) => NativeAuthSession.signOut(id)),

    getState,

    on(type, listener) {
      // TypeScript cannot see that `type` decides what `listener` takes.
      const untyped = listener as (event: SessionEvent) => void;
      if (type === 'state_changed') return onStateChanged(untyped);
      return subscribe((event) => {
        if (event.type === type) untyped(sessionEvent(event));
      });
    },

    fetch: fetchOf(sender),
    download: downloadOf(sender),
    ...sender,

    networkChanged() {
      opened().then((id) => NativeAuthSession.networkChanged(id), () => {});
    },
  };
  // Nobody waits yet; whoever calls next hears of a failure.
  void opened();
  return Object.freeze(session);
}

/** Calls `observe` soon and by itself, so that what it throws keeps nothing else from happening. */
function notify(observe: () => void): void {
  void Promise.resolve().then(observe);
}

function json(credentials: Readonly<Record<string, unknown>>): string {
  try {
    return JSON.stringify(credentials);
  } catch {
    throw new AuthSessionError('invalid_request', 'the credentials cannot be written as JSON');
  }
}
