import { vi } from 'vitest';
import type { NativeEvent, NativeProgress, NativeResponse, NativeState, Spec } from '../../src/NativeAuthSession.ts';

/** A promise that the test settles. */
export function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((resolvePromise, rejectPromise) => {
    resolve = resolvePromise;
    reject = rejectPromise;
  });
  return { promise, resolve, reject };
}

/** What React Native makes of a rejection by the native module. */
export function rejection(code: string, message: string, userInfo: object | null = {}): Error {
  return Object.assign(new Error(message), {
    code,
    nativeStackAndroid: [],
    userInfo: userInfo && { retryable: false, signInRequired: false, retryAfterMs: null, status: null, ...userInfo },
  });
}

export const signedOut: NativeState = {
  status: 'signed_out',
  reason: 'user',
  subject: null,
  claimsJson: null,
  expiresAtMs: null,
  code: null,
};

export const signedIn: NativeState = {
  status: 'signed_in',
  reason: null,
  subject: 'u1',
  claimsJson: '{"sub":"u1","roles":["admin"]}',
  expiresAtMs: 1_700_000_000_000,
  code: null,
};

export function response(fields: Partial<NativeResponse> = {}): NativeResponse {
  return {
    status: 200,
    url: 'https://api.example.com/me',
    headers: [],
    text: '{}',
    base64: null,
    disposition: 'answered',
    redirected: false,
    ...fields,
  };
}

/** A native module that does what the test says. */
export function fakeModule() {
  const listeners = new Set<(event: NativeEvent) => void>();
  const progressListeners = new Set<(progress: NativeProgress) => void>();
  const module = {
    open: vi.fn<Spec['open']>(async () => '1'),
    signIn: vi.fn<Spec['signIn']>(async () => '{}'),
    continueSignIn: vi.fn<Spec['continueSignIn']>(async () => '{}'),
    adopt: vi.fn<Spec['adopt']>(async () => {}),
    importTokens: vi.fn<Spec['importTokens']>(async () => true),
    signOut: vi.fn<Spec['signOut']>(async () => {}),
    getState: vi.fn<Spec['getState']>(() => signedOut),
    requireRecentSignIn: vi.fn<Spec['requireRecentSignIn']>(async () => {}),
    client: vi.fn<Spec['client']>(async () => 'c1'),
    authorization: vi.fn<Spec['authorization']>(async () => ({ id: 'a1', value: 'Bearer a' })),
    refused: vi.fn<Spec['refused']>(async () => null),
    trace: vi.fn<Spec['trace']>(async () => '[]'),
    networkChanged: vi.fn<Spec['networkChanged']>(),
    resume: vi.fn<Spec['resume']>(),
    request: vi.fn<Spec['request']>(async () => response()),
    cancel: vi.fn<Spec['cancel']>(),
    onEvent: (listener: (event: NativeEvent) => void) => {
      listeners.add(listener);
      return { remove: () => void listeners.delete(listener) };
    },
    onProgress: (listener: (progress: NativeProgress) => void) => {
      progressListeners.add(listener);
      return { remove: () => void progressListeners.delete(listener) };
    },
  };
  const emit = (type: string, fields: Partial<NativeEvent> = {}) => {
    const nothing = { reason: null, code: null, retryAfterMs: null, count: null };
    const noStepUp = { acrValues: null, maxAgeMs: null, scope: null };
    const event = { sessionId: '1', type, ...nothing, ...noStepUp, ...fields };
    for (const listener of [...listeners]) listener(event);
  };
  const progress = (value: NativeProgress) => {
    for (const listener of [...progressListeners]) listener(value);
  };
  return { module: module as typeof module & Spec, emit, listeners, progress, progressListeners };
}
