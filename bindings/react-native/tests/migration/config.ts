import type { AuthSessionConfig } from '../../src/index.ts';

/** The app's; a test puts the address of its server in. */
export const config = { baseURL: 'https://api.example.com' } as AuthSessionConfig & { baseURL: string };
