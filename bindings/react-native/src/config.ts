/** Endpoints that take and give JSON. Each is an absolute URL or a path under `baseURL`. */
export interface JsonTokenEndpoints {
  readonly type: 'json';
  /** Takes the credentials, gives the tokens. */
  readonly loginURL: string;
  /** Takes the refresh token, gives the next tokens. */
  readonly refreshURL: string;
  /** Takes the refresh token and revokes it. */
  readonly logoutURL: string;
}

/**
 * An OAuth 2 authorization server (RFC 6749, RFC 7009) and a public client. The app signs the user in itself, by
 * a code flow with PKCE, and hands the tokens over with {@link AuthSession.adopt}.
 */
export interface OAuth2TokenEndpoints {
  readonly type: 'oauth2';
  /** The token endpoint, which refreshes. */
  readonly tokenEndpoint: string;
  /** The client's identifier. */
  readonly clientId: string;
  /** The revocation endpoint, if there is one. */
  readonly revocationEndpoint?: string;
}

/** Where and how tokens are issued, refreshed and revoked. */
export type TokenEndpoints = JsonTokenEndpoints | OAuth2TokenEndpoints;

/**
 * Where tokens rest between two starts of the app. `memory`: nowhere, so the session ends with the process.
 * `file`: files of the directory `path`, no better protected than their permissions, for development.
 */
export type TokenStore =
  | { readonly type: 'memory' }
  | { readonly type: 'file'; readonly path: string };

/** How to open a session; see {@link createAuthSession}. */
export interface AuthSessionConfig {
  /** The API: an `https` URL. Its origin is the first that gets the access token. */
  readonly baseURL: string;
  /** Whose session it is, where an app has several. */
  readonly account?: string;
  /** Keeps the sessions of several apps or environments in one store apart. */
  readonly namespace?: string;
  /** Where and how tokens are issued. By default JSON at `/auth/login`, `/auth/refresh` and `/auth/logout`. */
  readonly endpoints?: TokenEndpoints;
  /** Where tokens rest. By default in memory. */
  readonly store?: TokenStore;
  /** Allows `http` on 127.0.0.0/8, ::1 and localhost. For development only. */
  readonly allowLoopback?: boolean;
  /** Further `https` origins that may get the access token. */
  readonly allowedOrigins?: readonly string[];
  /** The longest that a request may take, the wait for a refresh included. 60 seconds if not given. */
  readonly requestTimeoutMs?: number;
}
