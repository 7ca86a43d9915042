import type { AuthSession, Tokens } from 'react-native-auth-session';

/** Where the app has kept its sign-in so far. */
export interface OldPlace {
  /** What is there; null if there is nothing. */
  read(): Promise<Tokens | null>;
  /** Empties it. */
  empty(): Promise<void>;
}

/** Brings the sign-in from its old place into the session. Call it at every start. */
export async function moveIn(session: AuthSession, old: OldPlace): Promise<void> {
  const tokens = await old.read();
  if (tokens === null) return;
  // It resolves with false where somebody has signed in or out since. The old tokens are of no use then.
  await session.importTokens(tokens);
  const state = session.getState();
  const isKnown =
    state.status === 'signed_in' || (state.status === 'signed_out' && state.reason !== 'never_signed_in');
  if (isKnown) await old.empty();
}

/** Tokens from JSON. What JSON.parse throws may quote its text, so that is not passed on. */
export function tokensFromJSON(text: string): Tokens {
  try {
    const { accessToken, refreshToken } = JSON.parse(text);
    return { accessToken, refreshToken };
  } catch {
    throw new Error('the old sign-in is not JSON');
  }
}
