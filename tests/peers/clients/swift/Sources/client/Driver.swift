import Foundation
import Synchronization

/// Obeys each command at once, whatever else is under way.
struct Driver<Tested: Client>: Sendable {
    private let client: Tested
    private let arguments: Arguments
    private let underWay = UnderWay()

    init(_ client: Tested, _ arguments: Arguments) {
        self.client = client
        self.arguments = arguments
    }

    func obey(_ line: String) {
        let line = Data(line.utf8)
        let command: Command
        do {
            command = try JSONDecoder().decode(Command.self, from: line)
        } catch {
            return complain("a line is no command: \(error)")
        }
        switch command.name {
        case "sign_in":
            answer(command) {
                let details = try JSONDecoder().decode(Details.SignIn.self, from: line)
                try await client.signIn(email: details.email, password: details.password)
                return Answer.Done()
            }
        case "requests":
            do {
                send(try JSONDecoder().decode(Details.Requests.self, from: line), for: command)
            } catch {
                Output.answer(command.id, Answer.Failed(error: "\(error)"))
            }
        case "cancel":
            answer(command) {
                underWay.cancel(try JSONDecoder().decode(Details.Cancel.self, from: line).of)
                return Answer.Done()
            }
        case "sign_out":
            answer(command) {
                try await client.signOut()
                return Answer.Done()
            }
        case "network_changed":
            client.networkChanged()
            Output.answer(command.id, Answer.Done())
        case "state":
            answer(command) { Answer.State(signedIn: await client.isSignedIn) }
        case "load":
            answer(command) { try await JSONDecoder().decode(Load.self, from: line).put(to: client) }
        case "crossings":
            guard let client = client as? AuthSessionClient else { fallthrough }
            answer(command) {
                let crossings = try JSONDecoder().decode(Crossings.self, from: line)
                return try await crossings.measure(client, at: arguments.apiURL)
            }
        default:
            Output.answer(command.id, Answer.Failed(error: "unknown command"))
        }
    }

    @discardableResult
    private func answer(
        _ command: Command, _ work: @escaping @Sendable () async throws -> some Encodable
    ) -> Task<Void, Never> {
        Task {
            do {
                Output.answer(command.id, try await work())
            } catch {
                Output.answer(command.id, Answer.Failed(error: Tested.text(for: error)))
            }
        }
    }

    /// Starts all requests without awaiting any.
    private func send(_ requests: Details.Requests, for command: Command) {
        let request = requests.request
        let tasks = (0..<requests.count).map { _ in
            answer(command) { Answer.Status(status: try await client.status(of: request)) }
        }
        underWay.began(command.id, tasks)
    }
}

/// The tasks of requests, by the command that began them.
private final class UnderWay: Sendable {
    private let tasks = Mutex<[Identifier: [Task<Void, Never>]]>([:])

    func began(_ command: Identifier, _ tasks: [Task<Void, Never>]) {
        self.tasks.withLock { $0[command] = tasks }
    }

    func cancel(_ command: Identifier) {
        tasks.withLock { $0.removeValue(forKey: command) }?.forEach { $0.cancel() }
    }
}
