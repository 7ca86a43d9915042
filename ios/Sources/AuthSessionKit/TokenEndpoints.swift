import Foundation
internal import AuthSessionBindings

extension AuthSession {
    /// The authorization server's endpoints and the dialect it speaks.
    public struct TokenEndpoints: Sendable {
        enum Kind: Sendable {
            case json(JSONEndpoints)
            case oauth2(OAuth2Endpoints)
            case custom(any CustomAuthority)
        }

        let kind: Kind

        /// A backend with JSON in and out, with all its particulars.
        public static func json(_ endpoints: JSONEndpoints) -> TokenEndpoints {
            TokenEndpoints(kind: .json(endpoints))
        }

        /// A backend with JSON in and out. Each is a path under the base URL or an absolute URL.
        public static func json(login: String, refresh: String, logout: String) -> TokenEndpoints {
            .json(JSONEndpoints(login: login, refresh: refresh, logout: logout))
        }

        /// OAuth 2.0 (RFC 6749) for a public client, with all its particulars.
        public static func oauth2(_ endpoints: OAuth2Endpoints) -> TokenEndpoints {
            TokenEndpoints(kind: .oauth2(endpoints))
        }

        /// OAuth 2.0 (RFC 6749) for a public client, with revocation (RFC 7009) where there is an endpoint for it.
        public static func oauth2(
            tokenEndpoint: URL, clientID: String, revocationEndpoint: URL? = nil
        ) -> TokenEndpoints {
            .oauth2(
                OAuth2Endpoints(
                    tokenEndpoint: tokenEndpoint, clientID: clientID, revocationEndpoint: revocationEndpoint))
        }

        /// A server that only the app knows how to speak to.
        public static func custom(_ authority: any CustomAuthority) -> TokenEndpoints {
            TokenEndpoints(kind: .custom(authority))
        }
    }

    /// A backend with JSON bodies. What is nil or empty is as the library has it.
    public struct JSONEndpoints: Sendable {
        /// Where credentials are posted to: a path under the base URL or an absolute URL.
        public var login: String

        /// Where the refresh token is posted to.
        public var refresh: String

        /// Where a sign-out is told. None: the backend has no logout, and a sign-out stays on the device.
        public var logout: String?

        /// The method of the logout. None: POST.
        public var logoutMethod: String?

        /// Where the access token is in an answer, as paths such as `data.tokens.access`; the first that is there
        /// counts.
        public var accessTokenPaths: [String] = []

        /// Where the refresh token is in an answer.
        public var refreshTokenPaths: [String] = []

        /// Where the access token's lifetime is in an answer.
        public var expiresInPaths: [String] = []

        /// Where an error's code is in an answer.
        public var errorCodePaths: [String] = []

        /// The name of the refresh token in the body of a refresh.
        public var refreshRequestField: String?

        /// The name of the refresh token in the body of a logout.
        public var logoutRequestField: String?

        /// The name of the cookie that carries the refresh token, where the backend sets one.
        public var refreshTokenCookie: String?

        /// What the backend wants with a login beside the credentials.
        public var loginAdditions: CallAdditions?

        /// What the backend wants with a refresh beside the refresh token.
        public var refreshAdditions: CallAdditions?

        /// What the backend wants with a logout beside the refresh token.
        public var logoutAdditions: CallAdditions?

        /// Which statuses of a refresh's answer end the session. None: 401. Without a JSON body the answer may come
        /// from something in between, and is believed only when it comes twice.
        public var terminalStatuses: [Int]?

        /// Which error codes of a refresh end the session, whatever the status.
        public var terminalCodes: [String] = []

        /// A backend whose particulars are set as properties.
        public init(
            login: String = "/auth/login", refresh: String = "/auth/refresh", logout: String? = "/auth/logout"
        ) {
            self.login = login
            self.refresh = refresh
            self.logout = logout
        }
    }

    /// What a backend wants with a call beside what the library sends.
    public struct CallAdditions: Sendable {
        /// Members of the body.
        public var fields: [String: any Encodable & Sendable]

        /// Headers of the call.
        public var headers: [String: String]

        /// Additions to a call.
        public init(fields: [String: any Encodable & Sendable] = [:], headers: [String: String] = [:]) {
            self.fields = fields
            self.headers = headers
        }
    }

    /// An OAuth 2.0 server. What is nil or empty is as the library has it.
    public struct OAuth2Endpoints: Sendable {
        /// Where tokens are issued and refreshed.
        public var tokenEndpoint: URL

        /// The app's name with the server.
        public var clientID: String

        /// Where tokens are revoked (RFC 7009). None: a sign-out stays on the device.
        public var revocationEndpoint: URL?

        /// Further parameters of the token requests, such as `scope` or `resource`.
        public var parameters: [String: String] = [:]

        /// Further statuses of a refresh that end the session.
        public var terminalStatuses: [Int] = []

        /// Further error codes of a refresh that end the session, beside `invalid_grant`.
        public var terminalCodes: [String] = []

        /// A server whose particulars are set as properties.
        public init(tokenEndpoint: URL, clientID: String, revocationEndpoint: URL? = nil) {
            self.tokenEndpoint = tokenEndpoint
            self.clientID = clientID
            self.revocationEndpoint = revocationEndpoint
        }
    }
}

extension AuthSession.TokenEndpoints {
    func bindings() throws -> AuthSessionBindings.TokenEndpoints {
        switch kind {
        case .json(let endpoints): .json(options: try endpoints.bindings())
        case .oauth2(let endpoints): .oAuth2(options: try endpoints.bindings())
        case .custom(let authority): .custom(authority: AuthorityAdapter(authority))
        }
    }
}

extension AuthSession.JSONEndpoints {
    fileprivate func bindings() throws -> JsonEndpoints {
        JsonEndpoints(
            loginUrl: login,
            refreshUrl: refresh,
            logoutUrl: logout,
            logoutMethod: logoutMethod,
            accessTokenAt: accessTokenPaths,
            refreshTokenAt: refreshTokenPaths,
            expiresInAt: expiresInPaths,
            errorCodeAt: errorCodePaths,
            refreshRequestField: refreshRequestField,
            logoutRequestField: logoutRequestField,
            refreshTokenCookie: refreshTokenCookie,
            login: try loginAdditions?.bindings("loginAdditions"),
            refresh: try refreshAdditions?.bindings("refreshAdditions"),
            logout: try logoutAdditions?.bindings("logoutAdditions"),
            terminalStatuses: try terminalStatuses?.map(status),
            terminalCodes: terminalCodes
        )
    }
}

extension AuthSession.OAuth2Endpoints {
    fileprivate func bindings() throws -> AuthSessionBindings.OAuth2Endpoints {
        AuthSessionBindings.OAuth2Endpoints(
            tokenEndpoint: tokenEndpoint.absoluteString,
            clientId: clientID,
            revocationEndpoint: revocationEndpoint?.absoluteString,
            parameters: headerFields(parameters),
            terminalStatuses: try terminalStatuses.map(status),
            terminalCodes: terminalCodes
        )
    }
}

extension AuthSession.CallAdditions {
    fileprivate func bindings(_ setting: String) throws -> AuthSessionBindings.CallAdditions {
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            let json = try encoder.encode(fields.mapValues(AnyEncodable.init))
            return AuthSessionBindings.CallAdditions(
                fieldsJson: fields.isEmpty ? nil : String(decoding: json, as: UTF8.self),
                headers: headerFields(headers))
        } catch {
            // The encoder's own error quotes the value, and the value may be an API key.
            throw AuthSessionError(.invalidConfiguration, "\(setting): the fields cannot be encoded as JSON")
        }
    }
}

private struct AnyEncodable: Encodable {
    let value: any Encodable

    func encode(to encoder: any Encoder) throws {
        try value.encode(to: encoder)
    }
}

private func status(_ status: Int) throws -> UInt16 {
    guard let status = UInt16(exactly: status) else {
        throw AuthSessionError(.invalidConfiguration, "terminalStatuses: HTTP statuses are expected")
    }
    return status
}

/// Sorted, so that equal settings are equal to the library, which tells an account that is opened twice by them.
func headerFields(_ fields: [String: String]) -> [Header] {
    fields.sorted { $0.key < $1.key }.map { Header(name: $0.key, value: $0.value) }
}
