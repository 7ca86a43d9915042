import { AuthSessionError } from './errors.ts';
import { headerFields } from './fetch/headers.ts';
import type { HeaderField, HeadersInput } from './fetch/headers.ts';
import { encodedURL } from './url.ts';

/** What a backend wants with a call to a token endpoint beside what is sent anyway. */
export interface CallAdditions {
  /** Members of the body. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Header fields. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Endpoints that take and give JSON. Each is an absolute URL or a path under `baseURL`. Where a list of places is not
 * given, the usual ones are looked at.
 */
export interface JsonTokenEndpoints {
  readonly type: 'json';
  /** Takes the credentials, gives the tokens. `/auth/login` if not given. */
  readonly loginURL?: string;
  /** Takes the refresh token, gives the next tokens. `/auth/refresh` if not given. */
  readonly refreshURL?: string;
  /**
   * Takes the refresh token and revokes it. `/auth/logout` if not given; `false`: there is none, and a sign-out stays on
   * the device.
   */
  readonly logoutURL?: string | false;
  /** The method of the logout. `POST` if not given. */
  readonly logoutMethod?: string;
  /** Where the access token is in an answer, such as `data.tokens.access`; the first that is there counts. */
  readonly accessTokenAt?: readonly string[];
  /** Where the refresh token is. */
  readonly refreshTokenAt?: readonly string[];
  /** Where the lifetime of the access token in seconds is. */
  readonly expiresInAt?: readonly string[];
  /** Where the code of an error is. */
  readonly errorCodeAt?: readonly string[];
  /** The member that holds the refresh token in a refresh. `refresh_token` if not given. */
  readonly refreshRequestField?: string;
  /** The member that holds it in a logout. */
  readonly logoutRequestField?: string;
  /** The cookie that holds the refresh token, where it is in one. */
  readonly refreshTokenCookie?: string;
  /** What the login wants besides. */
  readonly login?: CallAdditions;
  /** What the refresh wants besides. */
  readonly refresh?: CallAdditions;
  /** What the logout wants besides. */
  readonly logout?: CallAdditions;
  /** Which statuses of the refresh end the session. 401 if not given. */
  readonly terminalStatuses?: readonly number[];
  /** Which codes of its errors do. */
  readonly terminalCodes?: readonly string[];
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
  /** Further parameters of the token requests, such as `audience`. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Further statuses of the token endpoint that end the session. */
  readonly terminalStatuses?: readonly number[];
  /** Further codes of its errors that do, beside `invalid_grant`. */
  readonly terminalCodes?: readonly string[];
}

/** Where and how tokens are issued, refreshed and revoked. */
export type TokenEndpoints = JsonTokenEndpoints | OAuth2TokenEndpoints;

/** Nowhere: the session ends with the process. */
export interface MemoryStore {
  readonly type: 'memory';
}

/** Files of a directory, no better protected than their permissions: for development. */
export interface FileStore {
  readonly type: 'file';
  /** The directory. It is made when it is needed. */
  readonly path: string;
}

/** The Keychain, on Apple platforms only: on this device only, readable after the first unlock. */
export interface KeychainStore {
  readonly type: 'keychain';
  /** The group that the app shares with its extensions, with the team's prefix. The app's own if not given. */
  readonly accessGroup?: string;
  /** The app group in whose container the processes that share `accessGroup` keep their locks. */
  readonly appGroup?: string;
  /**
   * What the user is asked for each time the record is read or written, which is at every start and every refresh:
   * biometry or the passcode, or biometry. Nothing if not given, which is right for most apps.
   */
  readonly gate?: 'user_presence' | 'biometry';
  /** Deletes what an installation before this one left behind, which the Keychain keeps. */
  readonly purgeAfterReinstall?: boolean;
}

/** Files under a key of the Android Keystore that never leaves the device, where no backup takes them. Android only. */
export interface KeystoreStore {
  readonly type: 'keystore';
  /** Asks for a key in a security chip (StrongBox), where the device has one. */
  readonly strongBox?: boolean;
  /** The key works only while the device is unlocked; else the session is `locked`. */
  readonly unlockedDeviceRequired?: boolean;
  /** How long ago the user may have authenticated to the device. It does not matter if not given. */
  readonly userAuthenticationMs?: number;
}

/** Where tokens rest between two starts of the app. */
export type TokenStore = MemoryStore | FileStore | KeychainStore | KeystoreStore;

/** What 401 and 403 answers of the app's API mean, where that differs from the standards. */
export interface AnswerRules {
  /** Codes in the body of a refusal, and what each asks for: a fresh token, the end of the session, or nothing. */
  readonly codes?: Readonly<Record<string, 'refresh' | 'end_session' | 'pass'>>;
  /** A 403 is about the token, as with servers that do not know 401. */
  readonly refreshOnForbidden?: boolean;
  /** A 401 without a challenge is not about the token. */
  readonly passBareUnauthorized?: boolean;
}

/** How often a request is sent after failures that pass. */
export interface RetryPolicy {
  /** The attempts, the first one included. */
  readonly attempts: number;
  /** No attempt begins later than this after the first. */
  readonly budgetMs: number;
}

/** The keys that a host's certificate may have. */
export interface PinSet {
  /** The host, without scheme and port. */
  readonly host: string;
  /** SHA-256 of the `SubjectPublicKeyInfo` in Base64. At least two are wise: one key will be replaced. */
  readonly sha256: readonly string[];
  /**
   * From then on, in milliseconds since 1970, the host is not pinned any more, so that an app that nobody updates is not
   * locked out.
   */
  readonly expiresAt?: number;
}

/**
 * How to open a session; see {@link createAuthSession}. Whatever is wrong with a setting is an `invalid_configuration`
 * that names it.
 */
export interface AuthSessionConfig {
  /** The API: an `https` URL. Its origin is the first that gets the access token. */
  readonly baseURL: string;
  /** Whose session it is, where an app has several. */
  readonly account?: string;
  /** Keeps the sessions of several apps or environments in one store apart. */
  readonly namespace?: string;
  /** Where and how tokens are issued. By default JSON at `/auth/login`, `/auth/refresh` and `/auth/logout`. */
  readonly endpoints?: TokenEndpoints;
  /** Where tokens rest. By default in the Keychain on Apple platforms, under a key of the Keystore on Android. */
  readonly store?: TokenStore;
  /** Allows `http` on 127.0.0.0/8, ::1 and localhost. For development only. */
  readonly allowLoopback?: boolean;
  /** Further `https` origins that may get the access token: those of absolute URLs, and of each client. */
  readonly allowedOrigins?: readonly string[];
  /** The longest that a request may take, the wait for a refresh included. 60 seconds if not given. */
  readonly requestTimeoutMs?: number;
  /**
   * Further `http` origins that may get the access token, such as a server in the local network. For development only.
   */
  readonly developmentOrigins?: readonly string[];
  /** Certificates in PEM that are trusted beside those of the platform. For development only. */
  readonly developmentAnchors?: readonly string[];
  /** The session ends when it is not used for so long. Never if not given. */
  readonly idleTimeoutMs?: number;
  /** The session ends so long after the sign-in. Never if not given. */
  readonly absoluteLifetimeMs?: number;
  /**
   * How long a refresh whose answer was lost is repeated quickly: the grace period of the server. 30 seconds if not
   * given.
   */
  readonly refreshGraceMs?: number;
  /** Keeps the access token out of the store. */
  readonly accessTokenInMemoryOnly?: boolean;
  /**
   * Uses what another process saves, and changes nothing: what would have to sign in, sign out or refresh is a
   * `read_only`.
   */
  readonly readOnly?: boolean;
  /** The header that tells the token endpoints a random name of this installation. None if not given. */
  readonly deviceIdHeader?: string;
  /** The largest answer that is held in memory. 32 MiB if not given. */
  readonly maxBodyBytes?: number;
  /** How many connections to a host are open at once; the rest wait. 64 if not given. */
  readonly maxConnectionsPerHost?: number;
  /** What refusals of the app's API mean. As RFC 6750 says if not given. */
  readonly answerRules?: AnswerRules;
  /** How often a request is sent after failures that pass. Three times within 20 seconds if not given. */
  readonly retry?: RetryPolicy;
  /** The keys that hosts may have. */
  readonly pins?: readonly PinSet[];
}

/** How to speak to another API host; see {@link AuthSession.client}. */
export interface ClientConfig {
  /** Where the host's API is. Its origin is that of the session, or one of `allowedOrigins`. */
  readonly baseURL: string;
  /** Sent with every request of the client. */
  readonly headers?: HeadersInput | undefined;
  /** The longest that a request of the client may take. As long as the session's if not given. */
  readonly requestTimeoutMs?: number | undefined;
}

/** {@link AuthSessionConfig} as native code takes it: with the `fields` of additions in JSON, as `fieldsJson`. */
export type NativeConfig = Readonly<Record<string, unknown>>;

/** {@link ClientConfig} as native code takes it. */
export interface NativeClientConfig {
  readonly baseURL: string;
  readonly headers: readonly HeaderField[];
  readonly requestTimeoutMs: number | null;
}

/** A name of every setting; the compiler misses one that is added above and not here. */
type Names<Settings> = Record<keyof Settings, true>;

const configNames: Names<AuthSessionConfig> = {
  baseURL: true,
  account: true,
  namespace: true,
  endpoints: true,
  store: true,
  allowLoopback: true,
  allowedOrigins: true,
  requestTimeoutMs: true,
  developmentOrigins: true,
  developmentAnchors: true,
  idleTimeoutMs: true,
  absoluteLifetimeMs: true,
  refreshGraceMs: true,
  accessTokenInMemoryOnly: true,
  readOnly: true,
  deviceIdHeader: true,
  maxBodyBytes: true,
  maxConnectionsPerHost: true,
  answerRules: true,
  retry: true,
  pins: true,
};
const jsonNames: Names<JsonTokenEndpoints> = {
  type: true,
  loginURL: true,
  refreshURL: true,
  logoutURL: true,
  logoutMethod: true,
  accessTokenAt: true,
  refreshTokenAt: true,
  expiresInAt: true,
  errorCodeAt: true,
  refreshRequestField: true,
  logoutRequestField: true,
  refreshTokenCookie: true,
  login: true,
  refresh: true,
  logout: true,
  terminalStatuses: true,
  terminalCodes: true,
};
const oauth2Names: Names<OAuth2TokenEndpoints> = {
  type: true,
  tokenEndpoint: true,
  clientId: true,
  revocationEndpoint: true,
  parameters: true,
  terminalStatuses: true,
  terminalCodes: true,
};
const endpointNames: Record<TokenEndpoints['type'], Record<string, true>> = { json: jsonNames, oauth2: oauth2Names };
const memoryNames: Names<MemoryStore> = { type: true };
const fileNames: Names<FileStore> = { type: true, path: true };
const keychainNames: Names<KeychainStore> = {
  type: true,
  accessGroup: true,
  appGroup: true,
  gate: true,
  purgeAfterReinstall: true,
};
const keystoreNames: Names<KeystoreStore> = {
  type: true,
  strongBox: true,
  unlockedDeviceRequired: true,
  userAuthenticationMs: true,
};
const storeNames: Record<TokenStore['type'], Record<string, true>> = {
  memory: memoryNames,
  file: fileNames,
  keychain: keychainNames,
  keystore: keystoreNames,
};
const additionNames: Names<CallAdditions> = { fields: true, headers: true };
const answerNames: Names<AnswerRules> = { codes: true, refreshOnForbidden: true, passBareUnauthorized: true };
const retryNames: Names<RetryPolicy> = { attempts: true, budgetMs: true };
const pinNames: Names<PinSet> = { host: true, sha256: true, expiresAt: true };
const clientNames: Names<ClientConfig> = { baseURL: true, headers: true, requestTimeoutMs: true };

/**
 * The config for native code, which checks what the settings are. Here it is checked that there is no other: native
 * code reads the settings that it knows, and one that is misspelt would be none.
 */
export function nativeConfig(config: AuthSessionConfig): NativeConfig {
  const { endpoints, store, answerRules, retry, pins, ...rest } = knownConfig<Members>(config, configNames);
  return known('', {
    ...rest,
    baseURL: encodedBase(rest['baseURL']),
    endpoints: nativeEndpoints(endpoints),
    store: ofType('store.', store, storeNames),
    answerRules: known('answerRules.', answerRules, answerNames),
    retry: known('retry.', retry, retryNames),
    pins: Array.isArray(pins) ? pins.map((pin) => known('pins.', pin, pinNames)) : pins,
  }) as NativeConfig;
}

/** The config of a client for native code; it is checked as that of a session. */
export function nativeClientConfig(config: ClientConfig): NativeClientConfig {
  const { baseURL, headers, requestTimeoutMs } = knownConfig<ClientConfig>(config, clientNames);
  return { baseURL: encodedBase(baseURL), headers: headerFields(headers), requestTimeoutMs: requestTimeoutMs ?? null };
}

type Members = Readonly<Record<string, unknown>>;

/** Native code refuses what is no string. */
function encodedBase<Value>(baseURL: Value): Value | string {
  return typeof baseURL === 'string' ? encodedURL(baseURL) : baseURL;
}

function knownConfig<Config>(config: unknown, names: Names<Config>): Config {
  if (!isObject(config)) throw new AuthSessionError('invalid_configuration', 'the config must be an object');
  return known('', config, names) as Config;
}

function nativeEndpoints(value: unknown): unknown {
  const endpoints = ofType('endpoints.', value, endpointNames);
  if (!isObject(endpoints)) return endpoints;
  const additions = (name: string) => nativeAdditions(`endpoints.${name}.`, endpoints[name]);
  if (endpoints['type'] !== 'json') return endpoints;
  return known('', { ...endpoints, login: additions('login'), refresh: additions('refresh'), logout: additions('logout') });
}

function nativeAdditions(path: string, value: unknown): unknown {
  const additions = known(path, value, additionNames);
  if (!isObject(additions) || additions['fields'] === undefined) return additions;
  const { fields, ...rest } = additions;
  try {
    return { ...rest, fieldsJson: JSON.stringify(fields) };
  } catch {
    throw new AuthSessionError('invalid_configuration', `${path}fields cannot be written as JSON`);
  }
}

function ofType(path: string, value: unknown, names: Record<string, Record<string, true>>): unknown {
  // Of an unknown type native code says which there are.
  const ofThisType = isObject(value) && typeof value['type'] === 'string' ? names[value['type']] : undefined;
  return known(path, value, ofThisType);
}

/**
 * A copy of an object without what is not set. Throws if it has something that is not among the names. What is no
 * object is left to native code.
 */
function known(path: string, value: unknown, names?: Record<string, true>): unknown {
  if (!isObject(value)) return value;
  const members = Object.entries(value).filter(([, member]) => member !== undefined && member !== null);
  for (const [name] of members) {
    if (names !== undefined && !Object.hasOwn(names, name)) {
      throw new AuthSessionError('invalid_configuration', `${path}${name} is no setting`);
    }
  }
  return Object.fromEntries(members);
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
