import Foundation
internal import AuthSessionBindings

extension AuthSession {
    /// Where tokens rest between runs of the app.
    public struct Store: Sendable {
        enum Kind: Sendable {
            case memory
            case file(URL)
            case keychain(KeychainOptions)
            case app(name: String, store: any CustomStore, sharedDirectory: URL?)
        }

        let kind: Kind

        /// The store of a ``Configuration`` that names none: ``keychain`` on Apple platforms, ``memory`` elsewhere.
        public static var standard: Store {
            #if canImport(Darwin)
            .keychain
            #else
            .memory
            #endif
        }

        /// Nothing is kept: the user signs in at every start.
        public static let memory = Store(kind: .memory)

        /// Files of a directory, which only the app's user may read: no stronger than the file system's permissions.
        public static func file(_ directory: URL) -> Store {
            Store(kind: .file(directory))
        }

        /// The Keychain of the app: on this device only, readable after the first unlock. Opening a session fails with
        /// `invalid_configuration` where there is none, which is everywhere but on Apple platforms.
        public static let keychain = Store.keychain(KeychainOptions())

        /// The Keychain, with options.
        public static func keychain(_ options: KeychainOptions) -> Store {
            Store(kind: .keychain(options))
        }

        /// A place of the app's own.
        ///
        /// - Parameters:
        ///   - store: The place.
        ///   - name: What tells it from others: two of the same name are the same place.
        ///   - sharedDirectory: Where the processes that share the place keep their locks. None: only this process uses
        ///     it.
        public static func app(_ store: any CustomStore, name: String, sharedDirectory: URL? = nil) -> Store {
            Store(kind: .app(name: name, store: store, sharedDirectory: sharedDirectory))
        }
    }

    /// How the Keychain is used. `docs/keychain.md` has the details.
    public struct KeychainOptions: Sendable {
        /// What a user is asked for each time the record is read or written, which is at every start and every refresh.
        public enum Gate: Sendable {
            /// Biometry or the passcode.
            case userPresence

            /// Biometry, also what is enrolled later.
            case biometry
        }

        /// The group that the app shares with its extensions, with the team's prefix, as in the entitlement
        /// `keychain-access-groups`. None: the app's own.
        public var accessGroup: String?

        /// Where the processes that share the access group keep their locks: in the container of an app group. None:
        /// only one process at a time uses the group.
        public var sharedDirectory: URL?

        /// What the user is asked for. None: nothing, which is right for most apps.
        public var gate: Gate?

        /// Deletes what an installation before this one left behind: a directory that goes with the app, such as
        /// Application Support. Needs ``isProtectedDataAvailable``. None: a session survives a reinstallation, as the
        /// Keychain does.
        public var purgeAfterReinstall: URL?

        /// What `UIApplication.isProtectedDataAvailable` said last; called on threads of the library, must not block.
        /// None: on iOS the library follows it by itself, unless ``Configuration/followsAppLifecycle`` is false.
        public var isProtectedDataAvailable: (@Sendable () -> Bool)?

        /// Options; what has no parameter here is set as a property.
        public init(accessGroup: String? = nil, sharedDirectory: URL? = nil) {
            self.accessGroup = accessGroup
            self.sharedDirectory = sharedDirectory
        }
    }
}

extension AuthSession.Store {
    /// - Parameter isProtectedDataAvailable: What tells it for a Keychain whose options do not.
    func bindings(isProtectedDataAvailable: (@Sendable () -> Bool)? = nil) -> StoreKind {
        switch kind {
        case .memory: .memory
        case .file(let url): .file(path: url.path)
        case .keychain(let options): .keychain(options: options.bindings(isProtectedDataAvailable))
        case .app(let name, let store, let sharedDirectory):
            .app(name: name, store: StoreAdapter(store), sharedDirectory: sharedDirectory?.path)
        }
    }
}

extension AuthSession.KeychainOptions {
    fileprivate func bindings(
        _ systemsAnswer: (@Sendable () -> Bool)?
    ) -> AuthSessionBindings.KeychainOptions {
        AuthSessionBindings.KeychainOptions(
            accessGroup: accessGroup,
            sharedDirectory: sharedDirectory?.path,
            gate: gate.map { $0 == .userPresence ? UserGate.userPresence : .biometry },
            purgeAfterReinstall: purgeAfterReinstall?.path,
            protectedData: (isProtectedDataAvailable ?? systemsAnswer).map(ProtectedDataAdapter.init)
        )
    }
}

private final class ProtectedDataAdapter: ProtectedDataCallbacks {
    private let answer: @Sendable () -> Bool

    init(_ answer: @escaping @Sendable () -> Bool) {
        self.answer = answer
    }

    func isAvailable() -> Bool { answer() }
}
