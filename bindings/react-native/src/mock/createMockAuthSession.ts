import { abortable } from '../abort.ts';
import { Authorization } from '../authorization.ts';
import type { ApiClient, AuthSession } from '../createAuthSession.ts';
import { AuthSessionError } from '../errors.ts';
import { isEventType } from '../events.ts';
import type { SessionEvent } from '../events.ts';
import { nativeClientConfig, nativeConfig } from '../config.ts';
import type { AuthSessionConfig } from '../config.ts';
import { exchange } from '../exchange.ts';
import type { Sender } from '../exchange.ts';
import { downloadOf } from '../fetch/download.ts';
import { fetchOf } from '../fetch/fetch.ts';
import type { SessionState, SignOutReason } from '../state.ts';
import { mockError } from './errors.ts';
import { Listeners } from './listeners.ts';
import { checkHeaders, Origins } from './refusals.ts';
import { nativeResponse } from './reply.ts';
import { SentRequest } from './request.ts';
import type { MockRequest, RequestBase } from './request.ts';
import { Routes } from './routes.ts';
import type { MockRoute, MockRoutePattern } from './routes.ts';
import { completeState } from './states.ts';
import type { MockState, MockUser } from './states.ts';

/** How a mock begins; see {@link createMockAuthSession}. */
export interface MockAuthSessionOptions {
  /** `signed_out`, because nobody has ever signed in, if not given. */
  readonly state?: MockState | undefined;
  /** Where paths are; `https://api.example.com` if not given. */
  readonly baseURL?: string | undefined;
  /** The further origins that get the access token; a request to any other is an `origin_not_allowed`. */
  readonly allowedOrigins?: readonly string[] | undefined;
}

/** What the server makes of a sign-in. */
export interface MockSignIn {
  /** What `signIn` resolves with. */
  readonly answer?: unknown;
  /** Who is signed in then; null: nobody yet, the server wants another step, such as a second factor. */
  readonly user?: MockUser | null;
}

/**
 * Takes the credentials of `signIn`, or the body of `continueSignIn` and where that goes. The error that it throws rejects
 * the sign-in.
 */
export type MockSignInHandler = (
  credentials: Readonly<Record<string, unknown>>,
  url?: string,
) => MockSignIn | PromiseLike<MockSignIn>;

/** What a test does with a mock. Whatever changes the state has told all listeners when it returns. */
export interface MockControls {
  /**
   * The requests that `pattern` describes, for the test to say how they are answered:
   *
   * ```ts
   * session.mock.on('GET /me').reply(200, { name: 'Ada' });
   * session.mock.on('DELETE /notes/:id').reply(({ params }) => ({ status: params.id === '1' ? 204 : 404 }));
   * ```
   *
   * A path counts from the base URL, and from the host as well; `:name` stands for one part of it, `*` for any rest. A
   * pattern without a method is for all methods. A whole URL, a regular expression (of the URL) or a function will do, too.
   * Of several that fit the newest answers. A request that none fits is an `invalid_request`.
   */
  readonly on: (pattern: MockRoutePattern) => MockRoute;
  /** The requests that reached the server, in their order. */
  readonly requests: readonly MockRequest[];
  /** Somebody signs in: `signed_in`. */
  readonly signIn: (user?: MockUser) => void;
  /** The session ends: `signed_out`, with this reason, `user` if none is given. Nothing happens if nobody is signed in. */
  readonly signOut: (reason?: SignOutReason) => void;
  /** The session ends because the authorization server no longer refreshes it: `signed_out`, with the reason `rejected`. */
  readonly expire: () => void;
  /** Another state, without an event but `state_changed`. What nobody has heard of the time before it nobody hears later. */
  readonly setState: (state: MockState) => void;
  /** An event that the other controls do not cause, such as `refresh_failed` or `step_up_required`. */
  readonly emit: (event: Exclude<SessionEvent, { readonly type: 'state_changed' }>) => void;
  /** From now on every request and every sign-in fails with `network`. */
  readonly offline: () => void;
  /** The network is there again. */
  readonly online: () => void;
  /**
   * How sign-ins are answered from now on. Until then they succeed, with the answer `{}` and a user of
   * whom nothing is known.
   */
  readonly onSignIn: (handler: MockSignInHandler) => void;
  /** Back to how the mock began, with nothing that has yet to be told. Who listens goes on listening. */
  readonly reset: () => void;
}

/** A session whose server, network and user are the test. */
export interface MockAuthSession extends AuthSession {
  /** What the test does with it. */
  readonly mock: MockControls;
}

/**
 * A session for the tests of an app, which needs neither a device nor React Native: `fetch`, the axios adapter and
 * `useAuthSession` work on it.
 *
 * ```ts
 * const session = createMockAuthSession({ state: { status: 'signed_in', claims: { name: 'Ada' } } });
 * session.mock.on('GET /me').reply(200, { id: 1 });
 * render(<App session={session} />);
 * act(() => session.mock.expire());
 * ```
 *
 * There are no timers in it: what takes time takes it until the test goes on, see {@link MockRoute.hold}. Its functions
 * may be replaced, as by `jest.spyOn`: `requireRecentSignIn`, for example, resolves if somebody is signed in, until it is
 * replaced by one that rejects with `mockError('recent_sign_in_required')`.
 *
 * What the real session refuses it refuses, too: another origin, a header `Authorization`, a setting that does not exist.
 */
export function createMockAuthSession(options: MockAuthSessionOptions = {}): MockAuthSession {
  const { state: firstState = 'signed_out', ...config } = options;
  // For what it throws: the settings that do not exist are the same.
  nativeConfig(config as AuthSessionConfig);
  const { baseURL = 'https://api.example.com', allowedOrigins = [] } = config;
  const base: RequestBase = { baseURL, headers: [], requestTimeoutMs: null };
  const origins = new Origins([baseURL, ...allowedOrigins]);
  const first = completeState(firstState);
  const acceptAnybody: MockSignInHandler = () => ({});
  const listeners = new Listeners();
  const routes = new Routes();
  const requests: MockRequest[] = [];
  let state = first;
  let online = true;
  let signInHandler = acceptAnybody;
  let opened: (() => void)[] = [];
  let authorizationCount = 0;

  const become = (next: SessionState, event?: SessionEvent): void => {
    const changed = JSON.stringify(next) !== JSON.stringify(state);
    if (changed) state = next;
    if (state.status !== 'restoring') {
      for (const resolve of opened) resolve();
      opened = [];
    }
    // As the real session does, which reads the state when it hears of an event.
    if (changed) listeners.emit({ type: 'state_changed', state });
    if (event) listeners.emit(event);
  };

  /** Every call of the real session waits until that is open. */
  const open = (): Promise<void> =>
    state.status === 'restoring' ? new Promise((resolve) => opened.push(resolve)) : Promise.resolve();

  const signIn = (user: MockUser = {}): void => {
    become(completeState({ ...user, status: 'signed_in' }), { type: 'signed_in' });
  };

  const signOut = (reason: SignOutReason = 'user'): void => {
    if (state.status === 'signed_out') return;
    become(completeState({ status: 'signed_out', reason }), { type: 'signed_out', reason });
  };

  const setState = (next: MockState): void => {
    // It is where the test goes on from: a `signed_out` of before would contradict it, and belong to another test.
    listeners.forget();
    become(completeState(next));
  };

  /** Every request that needs somebody waits, and fails where nobody is. */
  const authorized = async (): Promise<void> => {
    await open();
    if (state.status === 'signed_out') throw mockError('signed_out');
    if (state.status === 'locked') throw mockError(state.code);
  };

  const clientOf = (from: RequestBase): ApiClient => {
    const sender: Sender = {
      [exchange]: (request, watched = {}) => {
        let sent: SentRequest | undefined;
        const send = async () => {
          await open();
          checkHeaders(from.headers, 'invalid_configuration');
          checkHeaders(request.headers, 'invalid_request');
          origins.check(from.baseURL, from.baseURL);
          origins.check(request.url, from.baseURL);
          if (request.auth !== 'optional' && request.auth !== 'never') await authorized();
          if (!online) throw mockError('network');
          sent = new SentRequest(request, from, state.status === 'signed_in' && request.auth !== 'never', watched);
          requests.push(sent);
          return nativeResponse(await routes.answer(sent), sent, request);
        };
        const onAbort = () => {
          if (sent) sent.aborted = true;
        };
        return abortable(watched.signal, send, onAbort);
      },
    };
    return { fetch: fetchOf(sender), download: downloadOf(sender), ...sender };
  };

  const takeSignIn = async <T>(credentials: Readonly<Record<string, unknown>>, url?: string): Promise<T> => {
    await open();
    if (!online) throw mockError('network');
    const { answer = {}, user = {} } = await signInHandler(credentials, url);
    if (user !== null) signIn(user);
    return answer as T;
  };

  const authorization = async (): Promise<Authorization> => {
    await authorized();
    authorizationCount += 1;
    return new Authorization({ id: String(authorizationCount), value: `Bearer mock-${authorizationCount}` });
  };

  return {
    ...clientOf(base),

    signIn: (credentials) => takeSignIn(credentials),

    continueSignIn: (url, body) => takeSignIn(body, url),

    async adopt() {
      await open();
      signIn();
    },

    async importTokens() {
      await open();
      if (state.status !== 'signed_out' || state.reason !== 'never_signed_in') return false;
      signIn();
      return true;
    },

    async signOut() {
      await open();
      signOut();
    },

    getState: () => state,

    on(type, listener) {
      if (!isEventType(type)) throw new AuthSessionError('invalid_request', `there are no events of type ${type}`);
      return listeners.add(type, listener);
    },

    client: (clientConfig) => clientOf(nativeClientConfig(clientConfig)),

    async authorization(url) {
      await open();
      origins.check(url, baseURL);
      return authorization();
    },

    async refused(refusedAuthorization, { status }) {
      // Throws for what is none.
      Authorization.idOf(refusedAuthorization);
      return status === 401 ? authorization() : null;
    },

    requireRecentSignIn: authorized,

    trace: () => Promise.resolve([]),

    networkChanged() {},

    resume() {},

    mock: {
      on: (pattern) => routes.add(pattern),
      requests,
      signIn,
      signOut,
      expire: () => signOut('rejected'),
      setState,
      emit: (event) => listeners.emit(event),
      offline() {
        online = false;
      },
      online() {
        online = true;
      },
      onSignIn(handler) {
        signInHandler = handler;
      },
      reset() {
        routes.clear();
        requests.length = 0;
        online = true;
        signInHandler = acceptAnybody;
        setState(first);
      },
    },
  };
}
