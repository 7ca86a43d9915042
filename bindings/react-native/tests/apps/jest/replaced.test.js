// The app creates its own session: the mock stands in for the whole package.
import { mockError, mockOf } from 'react-native-auth-session/mock';
import { notes, session, signIn } from './account';

jest.mock('react-native-auth-session', () => require('react-native-auth-session/mock'));

const mock = mockOf(session);
afterEach(() => mock.reset());

test('a sign-in greets the user', async () => {
  mock.onSignIn(({ email }) => ({ answer: { user: { name: email } }, user: { subject: 'u1' } }));
  await expect(signIn('ada', 'secret')).resolves.toBe('Hello ada');
  expect(session.getState()).toMatchObject({ status: 'signed_in', subject: 'u1' });
});

test('a rejected sign-in asks again', async () => {
  mock.onSignIn(() => {
    throw mockError('sign_in_rejected');
  });
  await expect(signIn('ada', 'wrong')).resolves.toBe('Please try again');
});

test('requests are answered by the route', async () => {
  mock.signIn();
  mock.on('GET /notes').replyOnce(503).reply(200, [{ id: 1 }]);
  await expect(notes()).resolves.toEqual([]);
  await expect(notes()).resolves.toEqual([{ id: 1 }]);
  expect(mock.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET /notes', 'GET /notes']);
});
