import type { AuthSession } from '../../src/index.ts';

declare const session: AuthSession;
declare const signal: AbortSignal;
declare const init: RequestInit;

/** What an app that takes a `fetch` is given, and what it calls it with. Only its types are looked at. */
export const asTyped = {
  fetch: session.fetch satisfies typeof fetch,
  answers: [
    session.fetch('/me', init),
    session.fetch(new Request('/me'), { signal, headers: new Headers({ a: 'b' }), body: new FormData() }),
    session.fetch(new URL('https://api.example.com'), { method: 'POST', body: new URLSearchParams() }),
    session.fetch('/me', { method: 'POST', body: new Blob([]), headers: [['a', 'b']] }),
    session.fetch('/me', { method: 'POST', body: new Uint8Array(1).buffer, headers: { a: 'b' } }),
    session.fetch('/me', { method: 'PUT', body: { uri: 'file:///a.jpg', type: 'image/jpeg' } }),
  ] satisfies Promise<Response>[],
};
