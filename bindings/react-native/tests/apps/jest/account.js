// A piece of an app that is tested.
import { createAuthSession, isAuthSessionError } from 'react-native-auth-session';

export const session = createAuthSession({ baseURL: 'https://api.example.com/v1' });

export async function signIn(email, password) {
  try {
    const { user } = await session.signIn({ email, password });
    return `Hello ${user.name}`;
  } catch (error) {
    if (isAuthSessionError(error) && error.code === 'sign_in_rejected') return 'Please try again';
    throw error;
  }
}

export async function notes() {
  const response = await session.fetch('/notes');
  return response.ok ? response.json() : [];
}
