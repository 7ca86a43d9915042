import Foundation

/// Obeys each command at once, whatever else is under way.
struct Driver<Tested: Client>: Sendable {
    private let client: Tested
    private let arguments: Arguments

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

    private func answer(_ command: Command, _ work: @escaping @Sendable () async throws -> some Encodable) {
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
        for _ in 0..<requests.count {
            answer(command) { Answer.Status(status: try await client.status(of: request)) }
        }
    }
}
