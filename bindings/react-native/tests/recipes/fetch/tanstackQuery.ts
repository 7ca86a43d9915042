import { QueryClient, queryOptions } from '@tanstack/react-query';
import { isAuthSessionError } from 'react-native-auth-session';
import type { AuthSession } from 'react-native-auth-session';

export interface Note {
  id: string;
  text: string;
}

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // No number of tries replaces a sign-in.
      retry: (failures, error) => failures < 3 && !(isAuthSessionError(error) && error.signInRequired),
    },
  },
});

export const notes = (session: AuthSession) =>
  queryOptions({
    queryKey: ['notes'],
    // With the signal, a query that nobody waits for any more ends its request.
    queryFn: async ({ signal }) => {
      const response = await session.fetch('/notes', { signal });
      if (!response.ok) throw new Error(`notes: ${response.status}`);
      return response.json<Note[]>();
    },
  });
