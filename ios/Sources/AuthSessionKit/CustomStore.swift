import Foundation
internal import AuthSessionBindings

/// A place for secrets that the app implements, for ``AuthSession/Store/app(_:name:sharedDirectory:)``.
///
/// Its functions may block; they are called on threads of the library, one at a time, and may look at the session. Other
/// processes that share the place wait with their writes meanwhile. What they throw never signs anybody out: the session
/// is locked, or goes on in memory, and the store is tried again. Throw ``StoreFailure`` to say what is the matter; of
/// any other error no more than the type is reported, since its text may quote what was stored.
public protocol CustomStore: Sendable {
    /// What was written last for this account; nil if nothing ever was. Changes nothing.
    func load(namespace: String, account: String) throws -> StoredContent?

    /// Replaces what is stored for this account: durable and whole when it returns, unchanged where it throws.
    func replace(namespace: String, account: String, with content: StoredContent) throws
}

/// What is stored for an account: bytes that hold tokens. No description shows what is in it.
public struct StoredContent: Sendable, Equatable {
    /// The bytes to keep. Whoever reads them keeps them out of logs and errors.
    public let data: Data

    /// What the app has read from its place.
    public init(_ data: Data) {
        self.data = data
    }
}

/// Why a ``CustomStore`` could not do what it was asked.
public enum StoreFailure: Error, Sendable, Equatable {
    /// The device or the key is locked; it is tried again after the unlock.
    case locked

    /// The key that protects what was stored is provably gone for ever: the session ends with
    /// ``SignOutReason/secretsLost``.
    case unrecoverable

    /// Something that may pass. The reason goes into errors and logs: it must hold no secret.
    case failed(reason: String)
}

extension StoredContent: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The size alone.
    public var description: String { "StoredContent(\(data.count) bytes)" }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// A mirror that shows the size alone.
    public var customMirror: Mirror { Mirror(self, children: ["bytes": data.count]) }
}

/// The app's store as the native library calls it.
final class StoreAdapter: StoreCallbacks {
    private let store: any CustomStore

    init(_ store: any CustomStore) {
        self.store = store
    }

    func load(namespace: String, account: String) throws -> AuthSessionBindings.StoredContent? {
        try reporting {
            try store.load(namespace: namespace, account: account)
                .map { AuthSessionBindings.StoredContent(bytes: $0.data) }
        }
    }

    func replace(namespace: String, account: String, content: AuthSessionBindings.StoredContent) throws {
        try reporting {
            try store.replace(namespace: namespace, account: account, with: StoredContent(content.bytes()))
        }
    }

    private func reporting<Value>(_ work: () throws -> Value) throws -> Value {
        do {
            return try work()
        } catch {
            switch error as? StoreFailure {
            case .locked: throw AppFailure.Locked
            case .unrecoverable: throw AppFailure.Unrecoverable
            case .failed(let reason): throw AppFailure.Failed(reason: reason)
            case nil: throw AppFailure.Failed(reason: "the app's store threw a \(type(of: error))")
            }
        }
    }
}
