// @vitest-environment happy-dom
import { act, createElement, StrictMode } from 'react';
import type { ReactNode } from 'react';
import { renderToString } from 'react-dom/server';
import { afterEach, beforeEach, describe, expect, expectTypeOf, test, vi } from 'vitest';
import { createMockAuthSession } from '../../src/mock/index.ts';
import type { MockAuthSession } from '../../src/mock/index.ts';
import { useAuthSession } from '../../src/react/useAuthSession.ts';
import type { AuthSessionSnapshot } from '../../src/react/useAuthSession.ts';
import { deferred, fakeModule, signedIn } from '../support/fakeModule.ts';
import { loadPackage } from '../support/package.ts';
import { hydrate, render } from '../support/render.ts';

const ada = { status: 'signed_in', claims: { sub: 'u1', name: 'Ada' } } as const;

let session: MockAuthSession;
let renders: number;
const complaints = vi.spyOn(console, 'error');

beforeEach(() => {
  session = createMockAuthSession();
  renders = 0;
  complaints.mockClear();
});

// React warns of a snapshot that is not stable, and of updates that nobody expects.
afterEach(() => expect(complaints).not.toHaveBeenCalled());

/** Shows what `selector` makes of the state. */
function Selected({ of, selector }: { of: MockAuthSession; selector: (state: AuthSessionSnapshot) => unknown }): ReactNode {
  renders += 1;
  return JSON.stringify(useAuthSession(of, selector) ?? null);
}

function Whole({ of }: { of: MockAuthSession }): ReactNode {
  renders += 1;
  const { status, claims, reason } = useAuthSession(of);
  return `${status} ${claims?.['name'] ?? reason ?? ''}`;
}

/** How often a session is listened to now. */
function listened(of: MockAuthSession): () => number {
  let count = 0;
  const { on } = of;
  Object.assign(of, {
    on: (...subscription: Parameters<MockAuthSession['on']>) => {
      const end = on(...subscription);
      count += 1;
      return () => {
        count -= 1;
        end();
      };
    },
  });
  return () => count;
}

describe('the state', () => {
  test('it is shown, and so is each change of it', () => {
    const shown = render(createElement(Whole, { of: session }));
    expect(shown.text()).toBe('signed_out never_signed_in');
    act(() => session.mock.signIn({ claims: { name: 'Ada' } }));
    expect(shown.text()).toBe('signed_in Ada');
    act(() => session.mock.expire());
    expect(shown.text()).toBe('signed_out rejected');
  });

  test('it is the very object that getState returns', () => {
    const seen: unknown[] = [];
    const Collect = () => {
      seen.push(useAuthSession(session));
      return null;
    };
    render(createElement(Collect));
    act(() => session.mock.setState(ada));
    expect(seen.at(-1)).toBe(session.getState());
  });

  test('a change between the render and the subscription is not missed', () => {
    const { on } = session;
    session = Object.assign(session, {
      on: (...subscription: Parameters<MockAuthSession['on']>) => {
        session.mock.setState(ada);
        return on(...subscription);
      },
    });
    expect(render(createElement(Whole, { of: session })).text()).toBe('signed_in Ada');
  });

  test('an event that changes nothing renders nothing', () => {
    render(createElement(Whole, { of: session }));
    const before = renders;
    act(() => session.mock.emit({ type: 'refreshed' }));
    act(() => session.mock.setState('signed_out'));
    expect(renders).toBe(before);
  });

  test('on the real session it is restoring until native code has opened it', async () => {
    const native = fakeModule();
    const opening = deferred<string>();
    native.module.open.mockReturnValue(opening.promise);
    native.module.getState.mockReturnValue(signedIn);
    const real = (await loadPackage(native.module)).createAuthSession({ baseURL: 'https://api.example.com' });
    const Status = () => useAuthSession(real, ({ status, subject }) => `${status} ${subject ?? ''}`);
    const shown = render(createElement(Status));
    expect(shown.text()).toBe('restoring ');
    await act(async () => opening.resolve('1'));
    expect(shown.text()).toBe('signed_in u1');
  });
});

describe('a selector', () => {
  test('a change that it does not see renders nothing', () => {
    const shown = render(createElement(Selected, { of: session, selector: ({ status }) => status }));
    act(() => session.mock.signIn({ claims: { name: 'Ada' } }));
    const before = renders;
    act(() => session.mock.signIn({ claims: { name: 'Grace' } }));
    expect(renders).toBe(before);
    act(() => session.mock.signOut());
    expect(renders).toBe(before + 1);
    expect(shown.text()).toBe('"signed_out"');
  });

  test('results are compared by Object.is', () => {
    render(createElement(Selected, { of: session, selector: () => Number.NaN }));
    act(() => session.mock.setState(ada));
    expect(renders).toBe(1);
    render(createElement(Selected, { of: session, selector: ({ status }) => (status === 'signed_in' ? 0 : -0) }));
    act(() => session.mock.signOut());
    expect(renders).toBe(3);
  });

  test('one that makes a new object each time renders once for a state, and not for ever', () => {
    const selector = vi.fn(({ status, claims }: AuthSessionSnapshot) => ({ status, name: claims?.['name'] }));
    const shown = render(createElement(Selected, { of: session, selector }));
    expect([renders, selector.mock.calls.length]).toEqual([1, 1]);
    act(() => session.mock.setState(ada));
    expect([renders, selector.mock.calls.length]).toEqual([2, 2]);
    expect(shown.text()).toBe('{"status":"signed_in","name":"Ada"}');
  });

  test('one that is another function in each render, and makes a new object each time, works as well', () => {
    const Inline = ({ prefix }: { prefix: string }) => {
      renders += 1;
      const { name } = useAuthSession(session, ({ claims }) => ({ name: `${prefix}${claims?.['name']}` }));
      return name;
    };
    const shown = render(createElement(Inline, { prefix: '1 ' }));
    act(() => session.mock.setState(ada));
    expect(shown.text()).toBe('1 Ada');
    shown.rerender(createElement(Inline, { prefix: '2 ' }));
    expect(shown.text()).toBe('2 Ada');
    expect(renders).toBe(3);
  });

  test('what it throws reaches the component', () => {
    const selector = () => {
      throw new RangeError('mine');
    };
    const Catching = () => {
      try {
        return String(useAuthSession(session, selector));
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(render(createElement(Catching)).text()).toBe('mine');
  });
});

describe('the subscription', () => {
  test('it ends with the component, and renders do not renew it', () => {
    const subscribed = vi.spyOn(session, 'on');
    const count = listened(session);
    const shown = render(createElement(Selected, { of: session, selector: ({ status }) => status }));
    shown.rerender(createElement(Selected, { of: session, selector: ({ claims }) => claims }));
    act(() => session.mock.setState(ada));
    expect([count(), subscribed.mock.calls.length]).toEqual([1, 1]);
    shown.unmount();
    expect(count()).toBe(0);
  });

  test('another session takes the place of the one before', () => {
    const other = createMockAuthSession({ state: ada });
    const [ofFirst, ofOther] = [listened(session), listened(other)];
    const shown = render(createElement(Whole, { of: session }));
    shown.rerender(createElement(Whole, { of: other }));
    expect(shown.text()).toBe('signed_in Ada');
    expect([ofFirst(), ofOther()]).toEqual([0, 1]);
    const before = renders;
    act(() => session.mock.setState('locked'));
    expect(renders).toBe(before);
    act(() => other.mock.signOut());
    expect(shown.text()).toBe('signed_out user');
  });

  test('in StrictMode, which mounts everything twice, one is left, and then none', () => {
    const count = listened(session);
    const shown = render(createElement(StrictMode, null, createElement(Selected, { of: session, selector: (state) => ({ ...state }) })));
    expect(count()).toBe(1);
    act(() => session.mock.setState(ada));
    expect(shown.text()).toContain('"signed_in"');
    shown.unmount();
    expect(count()).toBe(0);
  });
});

describe('on a server', () => {
  test('the state is restoring, whatever the session knows', () => {
    session.mock.setState(ada);
    expect(renderToString(createElement(Whole, { of: session }))).toBe('restoring ');
    expect(renderToString(createElement(Selected, { of: session, selector: (state) => ({ ...state }) }))).toContain('restoring');
  });

  test('the first render in the browser is the same, and the state follows', () => {
    session.mock.setState(ada);
    const element = createElement(Whole, { of: session });
    const shown = hydrate(renderToString(element), element);
    expect(shown.text()).toBe('signed_in Ada');
    expect(shown.complaints).toEqual([]);
  });
});

test('what does not belong to a status is undefined, and a compared status tells the rest', () => {
  const read = (state: AuthSessionSnapshot) => {
    const { status, claims, reason } = state;
    expectTypeOf(claims).toEqualTypeOf<Readonly<Record<string, unknown>> | null | undefined>();
    if (status === 'signed_out') expectTypeOf(reason).not.toBeUndefined();
    if (status === 'signed_in') expectTypeOf(claims).toEqualTypeOf<Readonly<Record<string, unknown>> | null>();
    return claims;
  };
  expect(read({ status: 'restoring' })).toBeUndefined();
  // @ts-expect-error: a state has no such field
  expect((state: AuthSessionSnapshot) => state.accessToken).toBeTypeOf('function');
});
