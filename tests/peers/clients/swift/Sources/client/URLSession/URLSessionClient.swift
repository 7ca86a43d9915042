import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// `URLSession` with the usual actor.
struct URLSessionClient: Client {
    private let apiURL: URL
    private let authManager: AuthManager
    private let networking: Networking

    init(_ arguments: Arguments) throws {
        // On Linux URLSession trusts what libcurl was built to trust, and nobody can add to it.
        guard arguments.rootCertificate == nil else {
            throw NotAble(reason: "URLSession cannot be given a root certificate here")
        }
        let session = URLSession(configuration: .forAPI, delegate: NoCredentials(), delegateQueue: nil)
        apiURL = arguments.apiURL
        authManager = AuthManager(
            server: AuthServer(
                session: session, loginURL: arguments.loginURL, refreshURL: arguments.refreshURL,
                logoutURL: arguments.logoutURL))
        networking = Networking(session: session, authManager: authManager)
    }

    static var versions: [String: String] {
        var versions = Versions.swift
        #if canImport(FoundationNetworking)
        // Foundation outside Apple's systems comes with the toolchain and has its version.
        versions["swift-corelibs-foundation"] = versions["swift"]
        #endif
        versions["libcurl"] = Versions.libcurl
        return versions
    }

    func signIn(email: String, password: String) async throws {
        try await authManager.signIn(email: email, password: password)
    }

    func status(of request: Request) async throws -> Int {
        do {
            return try await networking.data(for: request.urlRequest(relativeTo: apiURL)).1.statusCode
        } catch AuthError.invalidToken(let status) {
            return status
        }
    }

    func signOut() async {
        await authManager.signOut()
    }

    func networkChanged() {}

    var isSignedIn: Bool {
        get async { await authManager.isSignedIn }
    }

    static func text(for error: any Error) -> String {
        switch error {
        case AuthError.missingToken: "nobody is signed in"
        case AuthError.invalidToken(let status): "invalid token (\(status))"
        case AuthError.refused(let status): "the token endpoint answered \(status)"
        case let error as URLError: "URLError \(error.code.rawValue)"
        default: "\(type(of: error))"
        }
    }
}

/// Has no credentials for a 401 that asks for a password.
///
/// Apple's systems hand such an answer to the caller; Foundation on Linux, before 6.3, never ends the request unless it is
/// told so, and then with an error: https://github.com/swiftlang/swift-corelibs-foundation/issues/5456
private final class NoCredentials: NSObject, URLSessionTaskDelegate {
    func urlSession(
        _ session: URLSession, task: URLSessionTask, didReceive challenge: URLAuthenticationChallenge,
        completionHandler: @escaping @Sendable (URLSession.AuthChallengeDisposition, URLCredential?) -> Void
    ) {
        #if canImport(FoundationNetworking)
        completionHandler(.rejectProtectionSpace, nil)
        #else
        completionHandler(.performDefaultHandling, nil)
        #endif
    }
}
