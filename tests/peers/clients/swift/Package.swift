// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "Peers",
    // What the package of the library asks for is less: atomics of the standard library want these.
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "AuthSession", path: "../../../..")
    ],
    targets: [
        .executableTarget(
            name: "client",
            dependencies: [.product(name: "AuthSessionKit", package: "AuthSession")]
        )
    ],
    swiftLanguageModes: [.v6]
)
