// What the pieces of Swift on the pages take for granted.
import AuthSessionKit
import Foundation

#if canImport(FoundationNetworking)
@_exported import FoundationNetworking
#endif

let (email, password) = ("ada@example.com", "correct horse")
let url = URL(string: "https://api.example.com/notes")!
let note = Note(id: "1", title: "Milk")

struct Note: Codable, Sendable {
    let id: String
    let title: String
}

struct User: Decodable, Sendable {
    let id: String
}

func openedSession() async throws -> AuthSession {
    try await AuthSession.open(.init(baseURL: url))
}

func showSignIn() {}
func takeAssertion() -> Bool { true }
func releaseAssertion() {}

#if !canImport(Darwin)
extension FileManager {
    /// Of Apple's Foundation only.
    func containerURL(forSecurityApplicationGroupIdentifier identifier: String) -> URL? { nil }
}
#endif
