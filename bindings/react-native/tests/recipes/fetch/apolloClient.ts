import { ApolloClient, HttpLink, InMemoryCache } from '@apollo/client';
import type { AuthSession } from 'react-native-auth-session';

// No auth link, no error link that refreshes: what HttpLink sends has the token, and its answer is final.
export const apolloClient = (session: AuthSession) =>
  new ApolloClient({
    cache: new InMemoryCache(),
    link: new HttpLink({ uri: '/graphql', fetch: session.fetch }),
  });
