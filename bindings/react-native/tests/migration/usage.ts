import axios from 'axios';
import type { AxiosProgressEvent } from 'axios';
import { createAuthSession, isAuthSessionError } from 'react-native-auth-session';
import type {
  AuthSession,
  AuthSessionErrorCode,
  AuthSessionErrorDetails,
  SignOutReason,
} from 'react-native-auth-session';
import { authSessionAdapter } from 'react-native-auth-session/axios';

/** What replaces the recipe. */
export function threeLines(showSignIn: (reason: SignOutReason) => void) {
  const session = createAuthSession({ baseURL: 'https://api.example.com' });
  const api = axios.create({ adapter: authSessionAdapter(session) });
  session.on('signed_out', ({ reason }) => showSignIn(reason));
  return { session, api };
}

/** What the session has to say of a failure. */
export async function why(session: AuthSession): Promise<{ code?: AuthSessionErrorCode } & AuthSessionErrorDetails> {
  const api = axios.create({ adapter: authSessionAdapter(session) });
  try {
    await api.get('/me');
  } catch (error) {
    if (axios.isAxiosError(error) && isAuthSessionError(error.cause)) {
      const { code, retryable, signInRequired, retryAfterMs } = error.cause;
      return { code, retryable, signInRequired, retryAfterMs };
    }
  }
  return {};
}

/** Whether a 401 is of a session that has ended. */
export async function hasEnded(session: AuthSession): Promise<boolean> {
  const api = axios.create({ adapter: authSessionAdapter(session) });
  try {
    await api.get('/me');
  } catch (error) {
    if (axios.isAxiosError(error) && error.response?.authSession?.disposition === 'session_ended') {
      return true;
    }
  }
  return false;
}

/** A file as the whole of a body. */
export async function upload(session: AuthSession, uri: string, onUploadProgress: (event: AxiosProgressEvent) => void) {
  const api = axios.create({ adapter: authSessionAdapter(session) });
  await api.put('/photo', { uri, type: 'image/jpeg' }, { transformRequest: (data) => data, onUploadProgress });
}
