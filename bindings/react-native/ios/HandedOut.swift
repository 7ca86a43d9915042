import AuthSessionKit
import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// What JavaScript has got of a session, under ids: it cannot hold the objects themselves. It ends with the module:
/// another JavaScript knows none of the ids.
final class HandedOut: @unchecked Sendable {
    /// Hosts of an app. More are made by a mistake, such as a new client for each request.
    private static let mostClients = 64

    /// More than requests of image loaders, sockets and web views are under way at once. The oldest is let go.
    private static let mostAuthorizations = 256

    private let open: OpenSession
    private var session: AuthSession { open.session }
    /// Guards what follows.
    private let lock = NSLock()
    private var clients: [(settings: NSDictionary, client: APIClient)] = []
    private var authorizations: [String: (authorization: Authorization, url: URL)] = [:]
    /// Oldest first.
    private var authorizationIDs: [String] = []
    private var authorizationCount = 0

    init(of open: OpenSession) {
        self.open = open
    }

    /// Whoever sends a request of JavaScript: one of the clients, or the session itself.
    func sender(_ clientID: String?) throws -> any RequestSender {
        guard let clientID else { return session }
        return try lock.withLock {
            guard let index = Int(clientID), clients.indices.contains(index) else {
                throw Refusal(code: .invalidRequest, message: "no client is known under this id")
            }
            return clients[index].client
        }
    }

    /// The id of a client of another host; with the same options it is the same one.
    func client(_ options: [String: Any]) throws -> String {
        let given = options as NSDictionary
        let fields = Fields(options, code: .invalidConfiguration)
        let baseURL = try fields.requiredURL("baseURL")
        let headers = Dictionary(try fields.headers().map { ($0.name, $0.value) }) { $0 + ", " + $1 }
        let timeout = try fields.interval("requestTimeoutMs")
        return try lock.withLock {
            if let known = clients.firstIndex(where: { $0.settings == given }) {
                return String(known)
            }
            guard clients.count < Self.mostClients else {
                throw Refusal(
                    code: .invalidConfiguration, message: "a session has \(Self.mostClients) clients at most")
            }
            clients.append((given, try session.client(for: baseURL, headers: headers, timeout: timeout)))
            return String(clients.count - 1)
        }
    }

    /// What authorises a request to a URL, as JavaScript gets it.
    func authorization(for url: URL) async throws -> [String: Any] {
        keep(try await session.authorization(for: url), for: url)
    }

    /// What to send a request with once more; nil if the answer is final.
    func refused(_ id: String, status: Int, headers: [String: String], body: Data) async throws -> [String: Any]? {
        guard let (authorization, url) = lock.withLock({ authorizations[id] }) else {
            throw Refusal(
                code: .invalidRequest,
                message: "the authorization is too old, or its user has signed out: ask for another one")
        }
        guard let answered = URL(string: url.absoluteString, relativeTo: open.baseURL)?.absoluteURL,
            let response = HTTPURLResponse(
                url: answered, statusCode: status, httpVersion: nil, headerFields: headers)
        else {
            throw Refusal(code: .invalidRequest, message: "status must be one of HTTP")
        }
        return try await session.refused(authorization, response: response, data: body).map { keep($0, for: url) }
    }

    /// Lets go of the tokens of a user who has signed out.
    func forgetAuthorizations() {
        lock.withLock {
            authorizations = [:]
            authorizationIDs = []
        }
    }

    /// Keeps what JavaScript may report a refusal of.
    private func keep(_ authorization: Authorization, for url: URL) -> [String: Any] {
        lock.withLock {
            authorizationCount += 1
            let id = String(authorizationCount)
            authorizations[id] = (authorization, url)
            authorizationIDs.append(id)
            if authorizationIDs.count > Self.mostAuthorizations {
                authorizations[authorizationIDs.removeFirst()] = nil
            }
            return authorization.dictionary(id: id)
        }
    }
}
