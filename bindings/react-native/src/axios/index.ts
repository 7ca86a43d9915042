export { authSessionAdapter } from './adapter.ts';
export type { AuthSessionRequestOptions } from './options.ts';
export type { AdapterRequest, AuthSessionResponseDetails } from './response.ts';
