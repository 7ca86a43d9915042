import createClient from 'openapi-fetch';
import type { AuthSession } from 'react-native-auth-session';
// What openapi-typescript makes of the description of the API.
import type { paths } from './openapi';

export const openapiClient = (session: AuthSession, baseUrl: string) =>
  createClient<paths>({ baseUrl, fetch: session.fetch });
