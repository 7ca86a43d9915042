import { restoring } from '../state.ts';
import type { LockedState, RestoringState, SessionState, SignedInState, SignedOutState } from '../state.ts';

/** Who is signed in; what is not given is null, but for the subject, which is that of the claims. */
export type MockUser = Partial<Omit<SignedInState, 'status'>>;

/** A state, or as much of one as matters to a test. */
export type MockState =
  | SessionState['status']
  | RestoringState
  | (Pick<SignedOutState, 'status'> & Partial<SignedOutState>)
  | (Pick<SignedInState, 'status'> & MockUser)
  | (Pick<LockedState, 'status'> & Partial<LockedState>);

/** `state` with all of its fields, frozen as those of the real session are. */
export function completeState(state: MockState): SessionState {
  const given: Exclude<MockState, string> = typeof state === 'string' ? { status: state } : state;
  switch (given.status) {
    case 'restoring':
      return restoring;
    case 'signed_out':
      return Object.freeze({ reason: 'never_signed_in', ...given });
    case 'locked':
      return Object.freeze({ code: 'locked', ...given });
    case 'signed_in':
      return Object.freeze({
        status: 'signed_in',
        subject: given.subject ?? subjectOf(given.claims),
        claims: given.claims ?? null,
        expiresAt: given.expiresAt ?? null,
      });
  }
}

function subjectOf(claims: SignedInState['claims'] | undefined): string | null {
  const subject = claims?.['sub'];
  return typeof subject === 'string' ? subject : null;
}
