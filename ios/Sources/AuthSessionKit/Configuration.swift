import Foundation
internal import AuthSessionBindings

extension AuthSession {
    /// What a session is opened with. Everything but the base URL has a default.
    ///
    /// ```swift
    /// var configuration = AuthSession.Configuration(baseURL: api, account: user.id)
    /// configuration.endpoints = .oauth2(tokenEndpoint: token, clientID: "app")
    /// configuration.idleTimeout = 14 * 24 * 60 * 60
    /// let session = try await AuthSession.open(configuration)
    /// ```
    ///
    /// It is checked by ``AuthSession/open(_:)``, whose error names the setting. Times are in seconds; one that is
    /// negative, not a number or without end is an error.
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

        /// Where the tokens rest: the Keychain on Apple platforms, memory elsewhere.
        public var store: Store

        /// Further HTTPS origins that may receive the access token: those of absolute URLs, and of every
        /// ``AuthSession/client(for:headers:timeout:)``.
        public var allowedOrigins: [URL]

        /// Whether plain HTTP is allowed to this machine itself (`127.0.0.0/8`, `::1`, `localhost`), for development.
        public var allowsLoopback: Bool

        /// How long a request may take, the wait for a refresh included. None: 60 seconds.
        public var requestTimeout: TimeInterval?

        /// Origins of plain HTTP that may receive the access token during development.
        public var developmentOrigins: [URL] = []

        /// Certificates, in DER or PEM, that are trusted during development beside those of the platform.
        public var developmentAnchors: [Data] = []

        /// The session ends when it has not been used for so long. None: it never does for that reason.
        public var idleTimeout: TimeInterval?

        /// The session ends so long after the sign-in. None: it never does for that reason.
        public var absoluteLifetime: TimeInterval?

        /// How long the authorization server answers a refresh token again whose answer was lost; within this time it
        /// is sent again quickly. None: 30 seconds.
        public var refreshGrace: TimeInterval?

        /// Whether the access token stays out of the store; the refresh token gets a new one after each start.
        public var keepsAccessTokenInMemoryOnly = false

        /// Whether the session only uses what the app's own session saves, and changes nothing: for app extensions.
        /// Sign-ins, sign-outs and refreshes are refused with the code `read_only`.
        public var isReadOnly = false

        /// Who asks the system for time to finish a refresh or a write. None: on iOS, `ProcessInfo.performExpiringActivity`,
        /// unless ``followsAppLifecycle`` is false.
        public var backgroundActivity: (any BackgroundActivity)?

        /// Whether the session is told by the system that the app is in the foreground again, that protected data can
        /// be read, that the network has changed and that the process is about to be suspended. If not, the app calls
        /// ``AuthSession/resume()``, ``AuthSession/networkChanged()`` and ``AuthSession/suspendAll()``. Has no meaning but
        /// on Apple platforms.
        public var followsAppLifecycle = true

        /// The header, such as `X-Device-Id`, that tells the token endpoints a random name of this installation, for
        /// servers that bind a session to a device. None: they are not told. Not with a ``CustomAuthority``.
        public var deviceIDHeader: String?

        /// How many bytes the body of an answer that is handed over whole may have, decompressed. None: 32 MiB.
        public var maximumBodySize: Int?

        /// How many connections the requests to one host may take at once; the rest queue. None: 64.
        public var maximumConnectionsPerHost: Int?

        /// What refusals of the app's API mean. None: as RFC 6750 says.
        public var answerRules: AnswerRules?

        /// How often a request is repeated after a failure that passes. None: three times within 20 seconds.
        public var retryPolicy: RetryPolicy?

        /// The keys that hosts may have.
        public var pinnedKeys: [PinnedKeys] = []

        /// A configuration. What has no parameter here is set as a property.
        public init(
            baseURL: URL,
            account: String = "default",
            namespace: String = "auth-session",
            endpoints: TokenEndpoints? = nil,
            store: Store = .standard,
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

extension AuthSession.Configuration {
    func bindings() throws -> SessionOptions {
        SessionOptions(
            baseUrl: baseURL.absoluteString,
            account: account,
            namespace: namespace,
            endpoints: try endpoints?.bindings(),
            // Where the system is not listened to, nobody knows what it would say.
            store: store.bindings(
                isProtectedDataAvailable: followsAppLifecycle ? SystemLifecycle.isProtectedDataAvailable : nil),
            allowLoopback: allowsLoopback,
            allowedOrigins: allowedOrigins.map(\.absoluteString),
            developmentOrigins: developmentOrigins.map(\.absoluteString),
            developmentAnchors: developmentAnchors,
            requestTimeoutMs: try milliseconds(requestTimeout, of: "requestTimeout"),
            idleTimeoutMs: try milliseconds(idleTimeout, of: "idleTimeout"),
            absoluteLifetimeMs: try milliseconds(absoluteLifetime, of: "absoluteLifetime"),
            refreshGraceMs: try milliseconds(refreshGrace, of: "refreshGrace"),
            accessTokenInMemoryOnly: keepsAccessTokenInMemoryOnly,
            readOnly: isReadOnly,
            // Without the lifecycle nobody would tell the session that the time is over.
            activity: (backgroundActivity ?? (followsAppLifecycle ? SystemLifecycle.backgroundActivity : nil))
                .map(ActivityAdapter.init),
            deviceIdHeader: deviceIDHeader,
            maxBodyBytes: try count(maximumBodySize, of: "maximumBodySize"),
            maxConnectionsPerHost: try count(maximumConnectionsPerHost, of: "maximumConnectionsPerHost"),
            answerRules: answerRules?.bindings,
            retry: try retryPolicy?.bindings(),
            pins: try pinnedKeys.map { try $0.bindings() }
        )
    }
}
