import axios from 'axios';
import { createAuthSession } from 'react-native-auth-session';
import { authSessionAdapter } from 'react-native-auth-session/axios';
import { config } from './config';
import { navigationRef } from './navigation';

export const session = createAuthSession(config);
export const api = axios.create({ adapter: authSessionAdapter(session) });

session.on('signed_out', ({ reason }) => {
  navigationRef.reset({ index: 0, routes: [{ name: 'Login', params: { reason } }] });
});
