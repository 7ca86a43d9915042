import { TurboModuleRegistry } from 'react-native';
import type { CodegenTypes, TurboModule } from 'react-native';

/** A header field; a list of these keeps what an object cannot: order, and several `Set-Cookie`. */
export type NativeHeader = Readonly<{
  name: string;
  value: string;
}>;

/** An answer. A body that is not UTF-8 comes as `base64`, any other as `text`; the other of the two is null. */
export type NativeResponse = Readonly<{
  status: number;
  url: string;
  headers: ReadonlyArray<NativeHeader>;
  text: string | null;
  base64: string | null;
  disposition: string;
  /** Whether it is the answer to a redirect. */
  redirected: boolean;
}>;

/** The value of an `Authorization` header, and the id by which a refusal of it is reported. */
export type NativeAuthorization = Readonly<{
  id: string;
  value: string;
}>;

/** How far a body has come. */
export type NativeProgress = Readonly<{
  requestId: string;
  /** `upload` or `download`. */
  direction: string;
  bytes: number;
  total: number | null;
}>;

/** What is known of the session now. What does not belong to the status is null. */
export type NativeState = Readonly<{
  status: string;
  reason: string | null;
  subject: string | null;
  claimsJson: string | null;
  expiresAtMs: number | null;
  /** Why a session that is `locked` is so: an error code. */
  code: string | null;
}>;

/** What happened to a session. What does not belong to the type is null. */
export type NativeEvent = Readonly<{
  sessionId: string;
  type: string;
  reason: string | null;
  code: string | null;
  retryAfterMs: number | null;
  acrValues: string | null;
  maxAgeMs: number | null;
  scope: string | null;
  count: number | null;
}>;

/**
 * The boundary between TypeScript and native code, as React Native's codegen reads it.
 *
 * Each `UnsafeObject` has a type in TypeScript (`NativeConfig`, `NativeClientConfig`, `NativeRequest` with
 * `reportUpload` and `reportDownload`, `NativeRefusal`). Here they are opaque so that they reach Swift as dictionaries:
 * as typed objects they would arrive as C++ structures, which Objective-C++ would have to take apart.
 */
export interface Spec extends TurboModule {
  /** Opens the session of an account, or finds it open, and names it. */
  open(options: CodegenTypes.UnsafeObject): Promise<string>;
  signIn(sessionId: string, credentialsJson: string): Promise<string>;
  continueSignIn(sessionId: string, url: string, bodyJson: string): Promise<string>;
  adopt(
    sessionId: string,
    accessToken: string | null,
    refreshToken: string | null,
    expiresInSeconds: number | null,
  ): Promise<void>;
  importTokens(
    sessionId: string,
    accessToken: string | null,
    refreshToken: string | null,
    expiresInSeconds: number | null,
  ): Promise<boolean>;
  signOut(sessionId: string): Promise<void>;
  getState(sessionId: string): NativeState;
  requireRecentSignIn(sessionId: string, maxAgeMs: number): Promise<void>;
  /** A client of another host, and its id; with the same options the same one. */
  client(sessionId: string, options: CodegenTypes.UnsafeObject): Promise<string>;
  authorization(sessionId: string, url: string): Promise<NativeAuthorization>;
  /** What to send the request with once more; null if the answer is final. */
  refused(sessionId: string, refusal: CodegenTypes.UnsafeObject): Promise<NativeAuthorization | null>;
  /** The last decisions, as JSON. */
  trace(sessionId: string): Promise<string>;
  networkChanged(sessionId: string): void;
  resume(sessionId: string): void;
  /** Sends a request. `requestId` is the caller's, for `cancel` and for progress. */
  request(
    sessionId: string,
    requestId: string,
    request: CodegenTypes.UnsafeObject,
  ): Promise<NativeResponse>;
  /** Ends a request, whose promise then rejects. Does nothing to one that has been answered. */
  cancel(requestId: string): void;
  /** Events of every session that was opened; none is kept for a listener that comes later. */
  readonly onEvent: CodegenTypes.EventEmitter<NativeEvent>;
  /** Progress of the requests that asked for it. */
  readonly onProgress: CodegenTypes.EventEmitter<NativeProgress>;
}

// Not `getEnforcing`, which fails where the package is imported: createAuthSession says what to do about it.
export default TurboModuleRegistry.get<Spec>('RNAuthSession');
