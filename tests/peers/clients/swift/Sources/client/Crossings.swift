import AuthSessionKit
import Dispatch
import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// What it costs to cross the boundary between Swift and the library, and what a request through it costs beside the same
/// one through a bare `URLSession`: medians, in microseconds.
struct Crossings: Decodable, Sendable {
    let iterations: Int
    let getPath: String
    let echoPath: String

    enum CodingKeys: String, CodingKey {
        case iterations
        case getPath = "get_path"
        case echoPath = "echo_path"
    }

    struct Figures: Encodable, Sendable {
        var syncCall = 0.0
        var asyncCall = 0.0
        var callback = 0.0
        var get = Pair()
        var echo1K = Pair()
        var echo1M = Pair()

        /// A request through the library, and the same through `URLSession`.
        struct Pair {
            var library = 0.0
            var urlSession = 0.0
        }

        enum CodingKeys: String, CodingKey {
            case syncCall = "sync_call_us"
            case asyncCall = "async_call_us"
            case callback = "callback_us"
            case get = "get_us"
            case urlSessionGet = "urlsession_get_us"
            case echo1K = "echo_1k_us"
            case urlSessionEcho1K = "urlsession_echo_1k_us"
            case echo1M = "echo_1m_us"
            case urlSessionEcho1M = "urlsession_echo_1m_us"
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(syncCall, forKey: .syncCall)
            try container.encode(asyncCall, forKey: .asyncCall)
            try container.encode(callback, forKey: .callback)
            try container.encode(get.library, forKey: .get)
            try container.encode(get.urlSession, forKey: .urlSessionGet)
            try container.encode(echo1K.library, forKey: .echo1K)
            try container.encode(echo1K.urlSession, forKey: .urlSessionEcho1K)
            try container.encode(echo1M.library, forKey: .echo1M)
            try container.encode(echo1M.urlSession, forKey: .urlSessionEcho1M)
        }
    }

    /// A large body takes so many times longer than a small request.
    private static let fewerWithLargeBodies = 10

    func measure(_ client: AuthSessionClient, at apiURL: URL) async throws -> Figures {
        let bare = try await BareURLSession(apiURL, client.session)
        let get = Request(path: getPath)
        var figures = Figures()
        figures.syncCall = syncCall(client.session)
        figures.asyncCall = try await asyncCall(client.session, apiURL)
        figures.callback = try await Callbacks.median(of: iterations)
        figures.get = try await pair(iterations, get, client, bare)
        figures.echo1K = try await pair(iterations, echo(1 << 10), client, bare)
        figures.echo1M = try await pair(
            max(iterations / Self.fewerWithLargeBodies, 1), echo(1 << 20), client, bare)
        return figures
    }

    private func echo(_ bytes: Int) -> Request {
        Request(method: "POST", path: echoPath, body: Data(repeating: UInt8(ascii: "a"), count: bytes))
    }

    /// One that answers with next to nothing. Many at a time: reading the clock takes as long as a call.
    private func syncCall(_ session: AuthSession) -> Double {
        let calls = 100
        let times = (0..<iterations).map { _ in
            let clock = Stopwatch()
            for _ in 0..<calls {
                _ = session.lockCause
            }
            return clock.microseconds / Double(calls)
        }
        return quantile(0.5, of: times.sorted())
    }

    /// One that has its answer at once: the token is valid.
    private func asyncCall(_ session: AuthSession, _ url: URL) async throws -> Double {
        var times: [Double] = []
        for _ in 0..<iterations {
            let clock = Stopwatch()
            _ = try await session.authorization(for: url)
            times.append(clock.microseconds)
        }
        return quantile(0.5, of: times.sorted())
    }

    /// In turns, so that what else the machine does falls upon both.
    private func pair(
        _ iterations: Int, _ request: Request, _ client: AuthSessionClient, _ bare: BareURLSession
    ) async throws -> Figures.Pair {
        var library: [Double] = []
        var urlSession: [Double] = []
        for _ in 0..<iterations {
            var clock = Stopwatch()
            try requireSuccess(try await client.status(of: request))
            library.append(clock.microseconds)
            clock = Stopwatch()
            try requireSuccess(try await bare.status(of: request))
            urlSession.append(clock.microseconds)
        }
        return Figures.Pair(
            library: quantile(0.5, of: library.sorted()), urlSession: quantile(0.5, of: urlSession.sorted()))
    }

    private func requireSuccess(_ status: Int) throws {
        guard (200..<300).contains(status) else {
            throw URLError(.badServerResponse)
        }
    }
}

/// A `URLSession` that sends a token and does nothing else with it.
private struct BareURLSession {
    private let session = URLSession(configuration: .forAPI)
    private let apiURL: URL
    private let authorization: String

    init(_ apiURL: URL, _ session: AuthSession) async throws {
        self.apiURL = apiURL
        authorization = try await session.authorization(for: apiURL).expose()
    }

    func status(of request: Request) async throws -> Int {
        var outgoing = try request.urlRequest(relativeTo: apiURL)
        outgoing.setValue(authorization, forHTTPHeaderField: "Authorization")
        let (_, response) = try await session.data(for: outgoing)
        return (response as? HTTPURLResponse)?.statusCode ?? 0
    }
}

/// What a callback costs: the time from one line of the library's log to the next, when many lines wait.
///
/// The handler stops at the first line until the others have been written; then they come one after the other, and
/// nothing else is measured than the calls.
private enum Callbacks {
    /// Fewer than the library lets wait, which is 1,024.
    private static let signIns = 200

    static func median(of iterations: Int) async throws -> Double {
        defer { try? AuthSession.setLogHandler(nil) }
        var times: [Double] = []
        repeat {
            times += try await burst()
        } while times.count < iterations
        return quantile(0.5, of: times.sorted())
    }

    /// The microseconds from each line to the next.
    private static func burst() async throws -> [Double] {
        // One that nobody is signed in to and that sends nothing: what it logs is what its state becomes.
        guard let nowhere = URL(string: "http://127.0.0.1:9") else { return [] }
        let session = try await AuthSession.open(
            AuthSession.Configuration(
                baseURL: nowhere,
                endpoints: .json(AuthSession.JSONEndpoints(logout: nil)), store: .memory, allowsLoopback: true))
        let (arrivals, arrival) = AsyncStream<UInt64>.makeStream()
        let written = DispatchSemaphore(value: 0)
        let first = Once()
        try AuthSession.setLogHandler(upTo: .debug) { line in
            if first.isNow() {
                written.wait()
            }
            arrival.yield(DispatchTime.now().uptimeNanoseconds)
            if line.message.contains("signed_out") {
                arrival.finish()
            }
        }
        for _ in 0..<signIns {
            try await session.adopt(Tokens(accessToken: "a", refreshToken: "r", expiresIn: 3600))
        }
        try await session.signOut()
        written.signal()
        let times = await arrivals.reduce(into: []) { $0.append($1) }
        return zip(times, times.dropFirst()).map { Double($1 - $0) / 1000 }
    }
}

/// True for the first who asks.
private final class Once: @unchecked Sendable {
    private let lock = NSLock()
    private var isOver = false

    func isNow() -> Bool {
        lock.withLock {
            defer { isOver = true }
            return !isOver
        }
    }
}
