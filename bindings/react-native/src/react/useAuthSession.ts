import { useCallback, useMemo, useSyncExternalStore } from 'react';
import type { AuthSession } from '../createAuthSession.ts';
import { restoring } from '../state.ts';
import type { SessionState } from '../state.ts';

/** Every member of `Union`, with the fields that only others have as `undefined`. */
type WithFieldsOfAll<Union, Field extends PropertyKey = Union extends unknown ? keyof Union : never> =
  Union extends unknown ? Union & { readonly [Name in Exclude<Field, keyof Union>]?: undefined } : never;

/**
 * A {@link SessionState} that can be taken apart before its status is known: what does not belong to the status is
 * `undefined`, and once `status` has been compared, TypeScript knows the rest.
 */
export type AuthSessionSnapshot = WithFieldsOfAll<SessionState>;

/** What {@link useAuthSession} needs of a session. */
export type ObservableSession = Pick<AuthSession, 'getState' | 'on'>;

/**
 * The state of `session`, and a render whenever it changes.
 *
 * ```tsx
 * const { status, claims } = useAuthSession(session);
 * ```
 *
 * Rendered on a server, as by react-native-web, and for the first render in the browser the status is `restoring`.
 */
export function useAuthSession(session: ObservableSession): AuthSessionSnapshot;

/**
 * What `selector` makes of the state of `session`, and a render whenever that changes.
 *
 * ```tsx
 * const name = useAuthSession(session, ({ claims }) => claims?.name);
 * ```
 *
 * Results are compared by `Object.is`: as long as the selector returns an equal one, a change of the state renders nothing.
 * It may be a new function in each render. It may return a new object each time, too: it is called once for a state, so
 * that this costs a render for each change of the state, and no more.
 */
export function useAuthSession<Selected>(
  session: ObservableSession,
  selector: (state: AuthSessionSnapshot) => Selected,
): Selected;

export function useAuthSession(
  session: ObservableSession,
  selector: (state: AuthSessionSnapshot) => unknown = whole,
): unknown {
  const subscribe = useCallback((onChange: () => void) => session.on('state_changed', onChange), [session]);
  const select = useMemo(() => oncePerState(selector), [selector]);
  return useSyncExternalStore(subscribe, () => select(session.getState()), () => select(restoring));
}

const whole = (state: AuthSessionSnapshot): unknown => state;

/** `selector`, called once for a state: React asks again and again, and renders for ever if each answer is a new object. */
function oncePerState(selector: (state: AuthSessionSnapshot) => unknown): (state: SessionState) => unknown {
  let last: { readonly state: SessionState; readonly selected: unknown } | undefined;
  return (state) => {
    if (last?.state !== state) last = { state, selected: selector(state) };
    return last.selected;
  };
}
