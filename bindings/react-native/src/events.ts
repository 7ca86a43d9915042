import { errorCode } from './errors.ts';
import type { AuthSessionErrorCode } from './errors.ts';
import type { NativeEvent } from './NativeAuthSession.ts';
import type { SessionState, SignOutReason } from './state.ts';

/** What can happen to a session, by the `type` of the event. */
export interface SessionEvents {
  /** A store that could not be read before has been read. */
  restored: { readonly type: 'restored' };
  /** A sign-in, or the tokens that the app handed over, took effect. */
  signed_in: { readonly type: 'signed_in' };
  /** The access token was refreshed. */
  refreshed: { readonly type: 'refreshed' };
  /** The access token could not be refreshed now; the session is kept. */
  refresh_failed: {
    readonly type: 'refresh_failed';
    /** What callers get that need the new token. */
    readonly code: AuthSessionErrorCode;
    /** How long until the next attempt may be made, if that is known. */
    readonly retryAfterMs: number | undefined;
  };
  /** The authorization server answers refreshes with nonsense; signing in again may help. The session is kept. */
  sign_in_recommended: { readonly type: 'sign_in_recommended' };
  /** New tokens are in use but not saved yet. If the process ends before they are, the session may be lost. */
  persistence_degraded: { readonly type: 'persistence_degraded' };
  /** What could not be saved is saved. */
  persistence_restored: { readonly type: 'persistence_restored' };
  /** The session ended. */
  signed_out: {
    readonly type: 'signed_out';
    /** Why. */
    readonly reason: SignOutReason;
  };
  /**
   * A server wants a fresher sign-in or more rights (RFC 9470, RFC 6750), which no refresh brings. Every part is the
   * server's word, and undefined where it did not say.
   */
  step_up_required: {
    readonly type: 'step_up_required';
    /** How the user is to sign in: authentication context classes, by preference, separated by spaces. */
    readonly acrValues: string | undefined;
    /** How long ago the user may have signed in at most. */
    readonly maxAgeMs: number | undefined;
    /** The scopes that the request needs, separated by spaces. */
    readonly scope: string | undefined;
  };
  /** Native code was too slow and lost events. */
  missed: {
    readonly type: 'missed';
    /** How many. */
    readonly count: number;
  };
  /** The state is another one, for whatever reason. */
  state_changed: {
    readonly type: 'state_changed';
    /** What `getState()` returned when the event was sent. */
    readonly state: SessionState;
  };
}

/** What can be listened for. */
export type SessionEventType = keyof SessionEvents;

const types: Record<SessionEventType, true> = {
  restored: true,
  signed_in: true,
  refreshed: true,
  refresh_failed: true,
  sign_in_recommended: true,
  persistence_degraded: true,
  persistence_restored: true,
  signed_out: true,
  step_up_required: true,
  missed: true,
  state_changed: true,
};

/** Whether there are events of this type. Whoever listens for others would wait for ever. */
export function isEventType(type: string): type is SessionEventType {
  return Object.hasOwn(types, type);
}

/** Something that happened to a session. */
export type SessionEvent = SessionEvents[SessionEventType];

/** The event, without what does not belong to its type. */
export function sessionEvent(native: NativeEvent): SessionEvent {
  switch (native.type) {
    case 'signed_out':
      return { type: 'signed_out', reason: native.reason as SignOutReason };
    case 'refresh_failed':
      return {
        type: 'refresh_failed',
        code: errorCode(native.code),
        retryAfterMs: native.retryAfterMs ?? undefined,
      };
    case 'step_up_required':
      return {
        type: 'step_up_required',
        acrValues: native.acrValues ?? undefined,
        maxAgeMs: native.maxAgeMs ?? undefined,
        scope: native.scope ?? undefined,
      };
    case 'missed':
      return { type: 'missed', count: native.count ?? 0 };
    default:
      return { type: native.type } as SessionEvent;
  }
}
