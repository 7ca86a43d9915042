import type { AuthSession } from 'react-native-auth-session';

export declare const session: AuthSession;
