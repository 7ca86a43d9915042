import { createApi, fetchBaseQuery } from '@reduxjs/toolkit/query';
import type { AuthSession } from 'react-native-auth-session';

export interface Note {
  id: string;
  text: string;
}

// No prepareHeaders, no baseQueryWithReauth, no mutex.
export const notesApi = (session: AuthSession, baseUrl: string) =>
  createApi({
    reducerPath: 'notes',
    baseQuery: fetchBaseQuery({ baseUrl, fetchFn: session.fetch }),
    tagTypes: ['Note'],
    endpoints: (build) => ({
      list: build.query<Note[], void>({ query: () => '/notes', providesTags: ['Note'] }),
      add: build.mutation<Note, string>({
        query: (text) => ({ url: '/notes', method: 'POST', body: { text } }),
        invalidatesTags: ['Note'],
      }),
    }),
  });
