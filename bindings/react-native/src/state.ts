import { errorCode } from './errors.ts';
import type { AuthSessionErrorCode } from './errors.ts';
import type { NativeState } from './NativeAuthSession.ts';

/**
 * Why nobody is signed in.
 *
 * - `never_signed_in`: nobody has signed in on this store yet.
 * - `user`: the user signed out here.
 * - `rejected`: the authorization server rejected the refresh token.
 * - `rotation_lost`: it did so after its answer to an earlier refresh had been lost: it had probably issued a new
 *   token, which never arrived.
 * - `elsewhere`: the user signed out in another session on the same store, or somebody else signed in there.
 * - `ended_by_server`: the app's API said so, by a rule of the app.
 * - `idle_timeout`, `lifetime_exceeded`: the app's policy ended the session.
 * - `secrets_lost`: the key that protected the stored secrets is gone for ever.
 */
export type SignOutReason =
  | 'never_signed_in'
  | 'user'
  | 'rejected'
  | 'rotation_lost'
  | 'elsewhere'
  | 'ended_by_server'
  | 'idle_timeout'
  | 'lifetime_exceeded'
  | 'secrets_lost';

/** The store is being read. */
export interface RestoringState {
  readonly status: 'restoring';
}

/** Nobody is signed in. */
export interface SignedOutState {
  readonly status: 'signed_out';
  /** Why. */
  readonly reason: SignOutReason;
}

/** Somebody is signed in. */
export interface SignedInState {
  readonly status: 'signed_in';
  /** The subject of the access token, where that is a JWT which names one. */
  readonly subject: string | null;
  /**
   * The claims of the access token, where that is a JWT. They are decoded, not verified: good for showing a name,
   * not for deciding what the user may do.
   */
  readonly claims: Readonly<Record<string, unknown>> | null;
  /** When the access token expires, in milliseconds since 1970, if that is known. The session outlasts it. */
  readonly expiresAt: number | null;
}

/** The store cannot be read now, as before the first unlock of a phone. There may be a session in it. */
export interface LockedState {
  readonly status: 'locked';
  /**
   * Why: `locked` until the device is unlocked; `unlock_cancelled` or `unlock_failed` by the user, who is asked again by
   * {@link AuthSession.resume}; `store_unavailable`, `store_corrupt` or `store_misconfigured` for the store.
   */
  readonly code: AuthSessionErrorCode;
}

/** Whether somebody is signed in. */
export type SessionState = RestoringState | SignedOutState | SignedInState | LockedState;

export const restoring: RestoringState = Object.freeze({ status: 'restoring' });

/**
 * Turns native states into snapshots: frozen, and the same object for as long as nothing changes, so that a state
 * may be compared by identity.
 */
export class StateSnapshots {
  #key = '';
  #snapshot: SessionState = restoring;

  of(native: NativeState): SessionState {
    const key = JSON.stringify([
      native.status,
      native.reason,
      native.subject,
      native.claimsJson,
      native.expiresAtMs,
      native.code,
    ]);
    if (key !== this.#key) {
      this.#key = key;
      this.#snapshot = Object.freeze(sessionState(native));
    }
    return this.#snapshot;
  }
}

function sessionState(native: NativeState): SessionState {
  switch (native.status) {
    case 'signed_in':
      return {
        status: 'signed_in',
        subject: native.subject,
        claims: native.claimsJson === null ? null : (JSON.parse(native.claimsJson) as SignedInState['claims']),
        expiresAt: native.expiresAtMs,
      };
    case 'signed_out':
      return { status: 'signed_out', reason: native.reason as SignOutReason };
    case 'locked':
      return { status: 'locked', code: errorCode(native.code ?? 'locked') };
    default:
      return { status: 'restoring' };
  }
}
