import Foundation
internal import AuthSessionBindings

extension AuthSession {
    /// What a session is opened with.
    public struct Configuration: Sendable {
        /// Where the API is. Paths are relative to it, and its origin receives the access token.
        public var baseURL: URL

        /// Which of the app's users this is; each account has its own record in the store.
        public var account: String

        /// Which app or part of an app the account belongs to.
        public var namespace: String

        /// How to speak to the authorization server. None: JSON at `/auth/login`, `/auth/refresh` and `/auth/logout`
        /// under the base URL.
        public var endpoints: TokenEndpoints?

        /// Where the tokens rest.
        public var store: Store

        /// Further HTTPS origins that may receive the access token.
        public var allowedOrigins: [URL]

        /// Whether plain HTTP is allowed to this machine itself (`127.0.0.0/8`, `::1`, `localhost`), for development.
        public var allowsLoopback: Bool

        /// How long a request may take, the wait for a refresh included. None: 60 seconds.
        public var requestTimeout: TimeInterval?

        /// A configuration; everything but the base URL has a default.
        public init(
            baseURL: URL,
            account: String = "default",
            namespace: String = "auth-session",
            endpoints: TokenEndpoints? = nil,
            store: Store = .memory,
            allowedOrigins: [URL] = [],
            allowsLoopback: Bool = false,
            requestTimeout: TimeInterval? = nil
        ) {
            self.baseURL = baseURL
            self.account = account
            self.namespace = namespace
            self.endpoints = endpoints
            self.store = store
            self.allowedOrigins = allowedOrigins
            self.allowsLoopback = allowsLoopback
            self.requestTimeout = requestTimeout
        }
    }
}

extension AuthSession {
    /// The authorization server's endpoints and the dialect it speaks.
    public enum TokenEndpoints: Sendable {
        /// JSON in and out. Each is a path under the base URL or an absolute URL.
        case json(login: String, refresh: String, logout: String)

        /// OAuth 2.0 (RFC 6749) for a public client, with revocation (RFC 7009) where there is an endpoint for it.
        case oauth2(tokenEndpoint: URL, clientID: String, revocationEndpoint: URL? = nil)
    }

    /// Where tokens rest between runs of the app.
    public enum Store: Sendable {
        /// Nothing is kept: the user signs in at every start.
        case memory

        /// Files of a directory, which only the app's user may read: no stronger than the file system's permissions.
        case file(URL)
    }
}

extension AuthSession.Configuration {
    var options: SessionOptions {
        SessionOptions(
            baseUrl: baseURL.absoluteString,
            account: account,
            namespace: namespace,
            endpoints: endpoints?.bindings,
            store: store.bindings,
            allowLoopback: allowsLoopback,
            allowedOrigins: allowedOrigins.map(\.absoluteString),
            requestTimeoutMs: requestTimeout.flatMap(milliseconds)
        )
    }
}

extension AuthSession.TokenEndpoints {
    fileprivate var bindings: AuthSessionBindings.TokenEndpoints {
        switch self {
        case .json(let login, let refresh, let logout):
            .json(options: JsonEndpoints(loginUrl: login, refreshUrl: refresh, logoutUrl: logout))
        case .oauth2(let tokenEndpoint, let clientID, let revocationEndpoint):
            .oAuth2(
                options: OAuth2Endpoints(
                    tokenEndpoint: tokenEndpoint.absoluteString,
                    clientId: clientID,
                    revocationEndpoint: revocationEndpoint?.absoluteString
                ))
        }
    }
}

extension AuthSession.Store {
    fileprivate var bindings: StoreKind {
        switch self {
        case .memory: .memory
        case .file(let url): .file(path: url.path)
        }
    }
}
