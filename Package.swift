// swift-tools-version: 6.0
import Foundation
import PackageDescription

/// Where the native library comes from once it is released: the URL of `AuthSessionFFI.xcframework.zip` and its
/// checksum, which `scripts/build-ios.sh` prints. Until then it is built on the machine.
let release: (url: String, checksum: String)? = nil

/// What `scripts/build-ios.sh` leaves, on a Mac. It goes before a release, for work on the library itself.
let localFramework = "target/apple/AuthSessionFFI.xcframework"

/// A folder with a shared library, as `scripts/build-host.sh` leaves it: on Linux, and where it is named.
let libraryDirectory: String? = {
    let named = Context.environment["AUTHSESSION_LIBRARY_DIR"]
    #if os(Linux)
    return named ?? "\(Context.packageDirectory)/target/debug"
    #else
    return named
    #endif
}()

let native: Target
var nativeSettings: [LinkerSetting] = [
    // What the static library uses of the system: the Keychain and the verification of certificates.
    .linkedFramework("Security", .when(platforms: [.iOS, .macOS])),
    .linkedFramework("CoreFoundation", .when(platforms: [.iOS, .macOS])),
]
if let libraryDirectory {
    native = .systemLibrary(name: "AuthSessionFFI", path: "ios/Sources/AuthSessionFFI")
    // A package with unsafe flags is nobody's Git dependency; one that takes the XCFramework has none.
    nativeSettings += [
        .unsafeFlags(["-L\(libraryDirectory)", "-Xlinker", "-rpath", "-Xlinker", libraryDirectory]),
        .linkedLibrary("auth_session_ffi"),
    ]
} else if let release, !FileManager.default.fileExists(atPath: "\(Context.packageDirectory)/\(localFramework)") {
    native = .binaryTarget(name: "AuthSessionFFI", url: release.url, checksum: release.checksum)
} else {
    // If it is not there, SwiftPM names the path: run scripts/build-ios.sh.
    native = .binaryTarget(name: "AuthSessionFFI", path: localFramework)
}

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
            exclude: ["Generated"],
            resources: [.copy("PrivacyInfo.xcprivacy")]
        ),
        // What UniFFI generates declares everything public. In a module of its own, which is not a product and which
        // AuthSessionKit imports internally, it stays out of what users see.
        .target(
            name: "AuthSessionBindings",
            dependencies: ["AuthSessionFFI"],
            path: "ios/Sources/AuthSessionKit/Generated",
            // UniFFI 0.32 generates code for Swift 5: https://github.com/mozilla/uniffi-rs/issues/2929
            swiftSettings: [.swiftLanguageMode(.v5)],
            linkerSettings: nativeSettings
        ),
        native,
        .testTarget(
            name: "AuthSessionKitTests",
            dependencies: ["AuthSessionKit", "AuthSessionBindings"],
            path: "ios/Tests/AuthSessionKitTests"
        ),
    ],
    swiftLanguageModes: [.v6]
)
