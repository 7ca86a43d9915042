const codes = [
  /** A setting is wrong; the programmer can mend it. */
  'invalid_configuration',
  /** The request cannot be sent as it is; the programmer can mend it. */
  'invalid_request',
  /** The URL belongs to an origin that may not get the access token; see `allowedOrigins`. */
  'origin_not_allowed',
  /** Nobody is signed in. */
  'signed_out',
  /** The session ended while the request waited; the user must sign in again. */
  'session_ended',
  /** The user signed out, or another signed in, while the request waited; it was not sent. */
  'session_changed',
  /** The server does not accept the credentials; the user can correct them. */
  'sign_in_rejected',
  /** The server cannot take a sign-in now; it said nothing about the credentials. */
  'sign_in_unavailable',
  /** The access token has expired and cannot be refreshed now; the session is kept. */
  'refresh_unavailable',
  /** The authorization server does not accept this client's set-up; the session is kept. */
  'authority_misconfigured',
  /** The authorization server gave an answer that means nothing here; the session is kept. */
  'authority_unexpected',
  /** There was no answer: no connection, or it broke. */
  'network',
  /** The time was over, the wait for a refresh included. */
  'timeout',
  /** The request was cancelled by something other than its own signal. */
  'cancelled',
  /** The answer is larger than the session accepts. */
  'body_too_large',
  /** The body is not what it was to be read as. */
  'undecodable',
  /** A body was to be decoded, but the server did not answer with success. */
  'unsuccessful',
  /** The store cannot be read or written; nothing was lost. */
  'store_unavailable',
  /** The store holds something that this version cannot read. It is kept as it is. */
  'store_corrupt',
  /** The app lacks what the store needs, such as an entitlement. The session is kept. */
  'store_misconfigured',
  /** The user has dismissed the question that protects the stored session; the app asks again when it likes. */
  'unlock_cancelled',
  /** The user could not unlock the stored session. It is kept. */
  'unlock_failed',
  /** The store is locked until the device is unlocked. */
  'locked',
  /** On Android, the library has not been given the app's context yet. */
  'not_initialized',
  /** A file of a request could not be read, or one for its answer could not be written. */
  'file',
  /** The user signed in longer ago than the app asks for, or nobody knows when. */
  'recent_sign_in_required',
  /** The account is open in this process with other settings; see {@link createAuthSession}. */
  'already_open',
  /** The session only reads what the app's own session saves: that one must sign in, sign out or refresh. */
  'read_only',
  /** A defect of AuthSession, or a failure that this version has no code for. */
  'internal',
] as const;

/** What kind of failure it was. The codes are stable, and the same in every language of AuthSession. */
export type AuthSessionErrorCode = (typeof codes)[number];

/** What there is to tell of a failure beside its code and its text; see {@link AuthSessionError}. */
export interface AuthSessionErrorDetails {
  readonly retryable?: boolean | undefined;
  readonly signInRequired?: boolean | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly status?: number | undefined;
  readonly answer?: unknown;
}

interface Failure<Code extends AuthSessionErrorCode> extends Error {
  readonly name: 'AuthSessionError';
  /** What kind of failure it was. */
  readonly code: Code;
  /** Whether the same call may succeed later without anybody mending anything. */
  readonly retryable: boolean;
  /** Whether only the user can help, by signing in. */
  readonly signInRequired: boolean;
  /** How long to wait before the next attempt, if that is known. */
  readonly retryAfterMs: number | undefined;
  /** The HTTP status that the failure rests on, if there is one. */
  readonly status: number | undefined;
}

/** A sign-in that the server did not accept. */
interface SignInRejected extends Failure<'sign_in_rejected'> {
  /**
   * What the server said, where that was JSON, for telling the user what to correct. It is the server's word, which may
   * repeat what it was sent, and so it is part of no message and of nothing that a console shows.
   */
  readonly answer: unknown;
}

type Failures = {
  readonly [Code in AuthSessionErrorCode]: Code extends 'sign_in_rejected' ? SignInRejected : Failure<Code>;
};

/**
 * Why a call has no result, told apart by `code`. The message is for people and for logs: it holds no token, no
 * password and nothing that a server wrote.
 */
export type AuthSessionError = Failures[AuthSessionErrorCode];

class AnyFailure extends Error {
  override readonly name = 'AuthSessionError';
  readonly code: AuthSessionErrorCode;
  readonly retryable: boolean;
  readonly signInRequired: boolean;
  readonly retryAfterMs: number | undefined;
  readonly status: number | undefined;
  readonly #answer: unknown;

  constructor(code: AuthSessionErrorCode, message: string, details: AuthSessionErrorDetails = {}) {
    super(message);
    this.code = code;
    this.retryable = details.retryable ?? false;
    this.signInRequired = details.signInRequired ?? false;
    this.retryAfterMs = details.retryAfterMs;
    this.status = details.status;
    this.#answer = details.answer;
  }

  get answer(): unknown {
    return this.#answer;
  }
}

/** Makes an {@link AuthSessionError}, as tests of an app may want to. */
export const AuthSessionError = AnyFailure as unknown as {
  new <Code extends AuthSessionErrorCode>(
    code: Code,
    message: string,
    details?: AuthSessionErrorDetails,
  ): Failures[Code];
  readonly prototype: AuthSessionError;
};

/** Whether `error` is an {@link AuthSessionError}, also one of another copy of this package. */
export function isAuthSessionError(error: unknown): error is AuthSessionError {
  return error instanceof Error && error.name === 'AuthSessionError' && 'code' in error;
}

/** The code that native code names; `internal` for one that this version does not know. */
export function errorCode(native: string | null): AuthSessionErrorCode {
  return codes.find((code) => code === native) ?? 'internal';
}

/**
 * What a promise of the native module was rejected with, as this package's error. React Native adds the native
 * stack and more to what it rejects with; only what the module itself sent is taken over.
 */
export function fromNativeError(error: unknown): AuthSessionError {
  if (isAuthSessionError(error)) return error;
  const { code, message = '', userInfo } = (error ?? {}) as Partial<NativeRejection>;
  if (code === undefined || userInfo == null) {
    return new AuthSessionError('internal', 'a defect of AuthSession, or its native module is of another version');
  }
  return new AuthSessionError(errorCode(code), message, {
    retryable: userInfo.retryable,
    signInRequired: userInfo.signInRequired,
    retryAfterMs: userInfo.retryAfterMs ?? undefined,
    status: userInfo.status ?? undefined,
    answer: userInfo.answerJson == null ? undefined : JSON.parse(userInfo.answerJson),
  });
}

interface NativeRejection {
  readonly code: string;
  readonly message: string;
  /** Absent where the rejection is not the module's own, as when React Native could not convert an argument. */
  readonly userInfo?: {
    readonly retryable: boolean;
    readonly signInRequired: boolean;
    readonly retryAfterMs?: number | null;
    readonly status?: number | null;
    readonly answerJson?: string | null;
  } | null;
}
