import Foundation

/// What the clients run on.
enum Versions {
    /// The toolchain's, whose Foundation it is. Nothing in a program tells it, but what starts it does.
    static var swift: [String: String] {
        ProcessInfo.processInfo.environment["SWIFT_VERSION"].map { ["swift": $0] } ?? [:]
    }

    /// Of the library that `URLSession` sends with on Linux; nil where it is not loaded.
    static var libcurl: String? {
        typealias Version = @convention(c) () -> UnsafePointer<CChar>
        guard let symbol = dlsym(dlopen(nil, RTLD_NOW), "curl_version") else { return nil }
        let version = String(cString: unsafeBitCast(symbol, to: Version.self)())
        // "libcurl/8.14.1 OpenSSL/3.5.1 …"
        return version.split(separator: " ").first?.split(separator: "/").last.map(String.init)
    }
}
