// The app is given its session.
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { createMockAuthSession, mockError, useAuthSession } from 'react-native-auth-session/mock';

test('the end of the session is told with its reason', () => {
  const session = createMockAuthSession({ state: { status: 'signed_in', claims: { name: 'Ada' } } });
  const ended = jest.fn();
  session.on('signed_out', ended);
  session.mock.expire();
  expect(ended).toHaveBeenCalledWith({ type: 'signed_out', reason: 'rejected' });
});

test('its functions can be spied on', async () => {
  const session = createMockAuthSession();
  jest.spyOn(session, 'signOut').mockRejectedValue(mockError('store_unavailable'));
  await expect(session.signOut()).rejects.toMatchObject({ code: 'store_unavailable', retryable: true });
});

test('the hook works on it', () => {
  const session = createMockAuthSession({ state: 'signed_in' });
  const Status = () => useAuthSession(session, ({ status }) => status);
  expect(renderToString(createElement(Status))).toBe('restoring');
});
