import ky from 'ky';
import type { AuthSession } from 'react-native-auth-session';

export const kyClient = (session: AuthSession, baseUrl: string) =>
  ky.create({
    baseUrl,
    fetch: session.fetch,
    // The session does both: it knows what may be sent again, and its `timeoutMs` covers a refresh, too.
    retry: 0,
    timeout: false,
  });
