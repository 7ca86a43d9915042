import AuthSessionKit
import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Runs one scenario against a realm of its own.
struct ScenarioRunner {
    private let realm: Realm
    private let session: AuthSession
    private let events: AsyncStream<SessionEvent>
    private var seen: [String] = []
    private var started: [String: [Task<Outcome, Never>]] = [:]

    static func run(_ scenario: Scenario) async throws {
        var runner = try await ScenarioRunner(scenario)
        for (index, step) in scenario.steps.enumerated() {
            do {
                try await runner.perform(step)
            } catch {
                throw Mismatch(description: "step \(index + 1), \(step): \(error)")
            }
        }
        guard runner.started.isEmpty else {
            throw Mismatch(description: "never finished: \(runner.started.keys.sorted())")
        }
    }

    private init(_ scenario: Scenario) async throws {
        realm = try await Realm.new(scenario.realm)
        session = try await realm.openSession(
            account: scenario.name,
            endpoints: scenario.client.tokenEndpoints == .auth ? realm.endpointsOnAuthURL : nil
        )
        events = session.events
    }

    private mutating func perform(_ step: Scenario.Step) async throws {
        switch step {
        case .signIn:
            let answer = try await session.signIn(Realm.credentials).decode(SignInBody.self)
            try expect(answer.user.id, equals: "u1")
        case .authority(let command, let body):
            try await realm.command(command, body)
        case .start(let calls, let name):
            try start(calls, as: name)
        case .finish(let name, let expectation):
            try await finish(name, expectation)
        case .request(let calls, let expectation):
            try start(calls, as: "request")
            try await finish("request", expectation)
        case .signOut:
            try await session.signOut()
        case .networkChanged:
            session.networkChanged()
        case .expectState(let name, let reason):
            let state = session.state
            try expect(state.name, equals: name)
            if let reason {
                try expect(state.reason?.rawValue, equals: reason)
            }
        case .expectEvents(let names):
            while seen.count < names.count, let event = try await nextEvent(of: events) {
                seen.append(event.nameWithReason)
            }
            try expect(seen, equals: names)
        case .expectCounters(let expected):
            let counters = try await realm.counters()
            try expect(counters.filter { expected.keys.contains($0.key) }, equals: expected)
        }
    }

    private mutating func start(_ calls: Scenario.Calls, as name: String) throws {
        guard started[name] == nil else {
            throw Mismatch(description: "\(name) has been started already")
        }
        started[name] = (0..<calls.count).map { _ in
            Task { [session] in await Outcome(of: calls, on: session) }
        }
    }

    private mutating func finish(_ name: String, _ expectation: Scenario.Expectation) async throws {
        guard let tasks = started.removeValue(forKey: name) else {
            throw Mismatch(description: "\(name) has not been started")
        }
        let outcomes = try await within(seconds: 30, "finishing \(name)") {
            await withTaskCancellationHandler {
                var outcomes: [Outcome] = []
                for task in tasks {
                    outcomes.append(await task.value)
                }
                return outcomes
            } onCancel: {
                tasks.forEach { $0.cancel() }
            }
        }
        for outcome in outcomes where !outcome.matches(expectation) {
            throw Mismatch(description: "\(name) ended with \(outcome)")
        }
    }
}

/// What a scenario expected and did not find.
struct Mismatch: Error, CustomStringConvertible {
    let description: String
}

private func expect<Value: Equatable>(_ actual: Value, equals expected: Value) throws {
    guard actual == expected else {
        throw Mismatch(description: "found \(actual)")
    }
}

/// How a request ended.
private enum Outcome: Sendable {
    case answer(status: Int, Disposition)
    case failure(AuthSessionError)
    case other(any Error)

    init(of calls: Scenario.Calls, on session: AuthSession) async {
        do {
            guard let url = URL(string: calls.path) else {
                throw Mismatch(description: "\(calls.path) is not a URL")
            }
            var request = URLRequest(url: url)
            request.httpMethod = calls.method
            request.httpBody = calls.body.map { Data($0.utf8) }
            let response = try await session.response(for: request)
            self = .answer(status: response.status, response.disposition)
        } catch let error as AuthSessionError {
            self = .failure(error)
        } catch {
            self = .other(error)
        }
    }

    func matches(_ expectation: Scenario.Expectation) -> Bool {
        switch (self, expectation) {
        case (.answer(let status, let disposition), .answer(let expectedStatus, let expectedDisposition)):
            status == expectedStatus && disposition.rawValue == expectedDisposition ?? disposition.rawValue
        case (.failure(let error), .error(let code)):
            error.code.rawValue == code
        default:
            false
        }
    }
}

/// The rest of the test authority's answer to a sign-in.
private struct SignInBody: Decodable {
    let user: User
}

extension Realm {
    /// The JSON dialect on the listener that can go offline alone.
    fileprivate var endpointsOnAuthURL: AuthSession.TokenEndpoints {
        func url(_ path: String) -> String { authURL.appendingPathComponent(path).absoluteString }
        return .json(login: url("auth/login"), refresh: url("auth/refresh"), logout: url("auth/logout"))
    }
}

extension SessionState {
    fileprivate var reason: SignOutReason? {
        if case .signedOut(let reason) = self { reason } else { nil }
    }
}

extension SessionEvent {
    fileprivate var nameWithReason: String {
        if case .signedOut(let reason) = self { "\(name):\(reason.rawValue)" } else { name }
    }
}
