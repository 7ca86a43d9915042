// swift-tools-version: 6.0
import PackageDescription

// The Rust library as `scripts/build-host.sh` leaves it. A release will bring it as an XCFramework.
let libraryDirectory = Context.environment["AUTHSESSION_LIBRARY_DIR"] ?? "\(Context.packageDirectory)/target/debug"

let package = Package(
    name: "AuthSession",
    platforms: [.iOS(.v15), .macOS(.v12)],
    products: [
        .library(name: "AuthSessionKit", targets: ["AuthSessionKit"])
    ],
    targets: [
        .target(
            name: "AuthSessionKit",
            dependencies: ["AuthSessionBindings"],
            path: "ios/Sources/AuthSessionKit",
            exclude: ["Generated"]
        ),
        // What UniFFI generates declares everything public. In a module of its own, which is not a product and which
        // AuthSessionKit imports internally, it stays out of what users see.
        .target(
            name: "AuthSessionBindings",
            dependencies: ["AuthSessionFFI"],
            path: "ios/Sources/AuthSessionKit/Generated",
            // UniFFI 0.32 generates code for Swift 5: https://github.com/mozilla/uniffi-rs/issues/2929
            swiftSettings: [.swiftLanguageMode(.v5)],
            linkerSettings: [
                .unsafeFlags(["-L\(libraryDirectory)", "-Xlinker", "-rpath", "-Xlinker", libraryDirectory]),
                .linkedLibrary("auth_session_ffi"),
            ]
        ),
        .systemLibrary(name: "AuthSessionFFI", path: "ios/Sources/AuthSessionFFI"),
        .testTarget(
            name: "AuthSessionKitTests",
            dependencies: ["AuthSessionKit", "AuthSessionBindings"],
            path: "ios/Tests/AuthSessionKitTests"
        ),
    ],
    swiftLanguageModes: [.v6]
)
