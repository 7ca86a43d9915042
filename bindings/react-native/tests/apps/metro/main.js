// What an app does with each entry of the package, run without a device: the test looks at what it leaves behind.
import { createAuthSession, isAuthSessionError, useAuthSession } from 'react-native-auth-session';
import axios from 'axios';
import { authSessionAdapter } from 'react-native-auth-session/axios';
import { createMockAuthSession } from 'react-native-auth-session/mock';

const session = createAuthSession({ baseURL: 'https://api.example.com' });
const mock = createMockAuthSession({ state: 'signed_in' });
mock.mock.on('GET /me').reply(200, { name: 'Ada' });

async function run() {
  const answers = [];
  for (const fetch of [session.fetch, mock.fetch]) {
    const response = await fetch('/me');
    answers.push(await response.json());
  }
  const { data } = await axios.create({ adapter: authSessionAdapter(session) }).get('https://api.example.com/me');
  answers.push(data);
  const refused = await mock.fetch('/you').catch((error) => error);
  return JSON.stringify({ answers, recognised: isAuthSessionError(refused.cause), hook: typeof useAuthSession });
}

globalThis.outcome = run();
