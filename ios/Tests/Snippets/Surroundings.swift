// What the pieces of Swift on the pages take for granted.
import AuthSessionKit
import Foundation
import UIKit

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

#if !canImport(Darwin)
// https://developer.apple.com/documentation/uikit/uiapplication: what apps may use and extensions may not, so that it is
// not in the stub that AuthSessionKit itself is checked against.
extension UIApplication {
    @MainActor static var shared: UIApplication { fatalError("a stub") }

    nonisolated func beginBackgroundTask(
        withName name: String?, expirationHandler: (@MainActor @Sendable () -> Void)? = nil
    ) -> UIBackgroundTaskIdentifier { .invalid }

    nonisolated func endBackgroundTask(_ identifier: UIBackgroundTaskIdentifier) {}
}

struct UIBackgroundTaskIdentifier: Hashable, Sendable {
    static let invalid = Self()
}

extension FileManager {
    /// Of Apple's Foundation only.
    func containerURL(forSecurityApplicationGroupIdentifier identifier: String) -> URL? { nil }
}
#endif
