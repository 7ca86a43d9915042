export { createAuthSession } from './createAuthSession.ts';
export type { ApiClient, AuthSession, Tokens, TraceEntry } from './createAuthSession.ts';
export type { Authorization, RefusedAnswer } from './authorization.ts';
export type {
  AnswerRules,
  AuthSessionConfig,
  CallAdditions,
  ClientConfig,
  FileStore,
  JsonTokenEndpoints,
  KeychainStore,
  KeystoreStore,
  MemoryStore,
  OAuth2TokenEndpoints,
  PinSet,
  RetryPolicy,
  TokenEndpoints,
  TokenStore,
} from './config.ts';
export { AuthSessionError, isAuthSessionError } from './errors.ts';
export type { AuthSessionErrorCode, AuthSessionErrorDetails } from './errors.ts';
export type { SessionEvent, SessionEvents, SessionEventType } from './events.ts';
export { useAuthSession } from './react/useAuthSession.ts';
export type { AuthSessionSnapshot, ObservableSession } from './react/useAuthSession.ts';
export type { AbortSignalLike } from './abort.ts';
export type { BlobLike, FetchBody, FileBody, FormDataLike, StreamLike, URLSearchParamsLike } from './fetch/body.ts';
export type { DownloadInit, SessionDownload } from './fetch/download.ts';
export type { SessionFetch } from './fetch/fetch.ts';
export { SessionHeaders } from './fetch/headers.ts';
export type { HeaderField, HeadersInput, HeadersLike } from './fetch/headers.ts';
export type { RedirectMode } from './fetch/options.ts';
export type { FetchInit, FetchInput, RequestLike, TransferProgress } from './fetch/request.ts';
export type { Disposition, SessionResponse } from './fetch/response.ts';
export type {
  LockedState,
  RestoringState,
  SessionState,
  SignedInState,
  SignedOutState,
  SignOutReason,
} from './state.ts';
