// What an app has around the snippets of the README.
import type { ComponentType, ReactNode } from 'react';
import type { AuthSession } from 'react-native-auth-session';

declare global {
  const session: AuthSession;
  const email: string;
  const password: string;
  const accessToken: string;
  const refreshToken: string;
  function show(value: unknown): void;
  function showError(error: unknown): void;
  function showNotice(text: string): void;

  const Splash: ComponentType;
  const Home: ComponentType;
  const SignIn: ComponentType;
  const UnlockThePhone: ComponentType<{ onRetry: () => void }>;
  const App: ComponentType<{ session: AuthSession }>;

  function test(name: string, body: () => Promise<void>): void;
  function afterEach(body: () => void): void;
  function expect(value: unknown): { toEqual(expected: unknown): void };
  function act(body: () => void): void;
  function render(node: ReactNode): void;
  function findByText(text: string): Promise<unknown>;
  function require(name: string): unknown;
  const jest: { mock(name: string, factory: () => unknown): void };
}
