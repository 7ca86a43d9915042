import Foundation

/// Where the servers are.
struct Arguments: Decodable, Sendable {
    let apiURL: URL
    let loginURL: URL
    let refreshURL: URL
    let logoutURL: URL

    /// The PEM file with the certificate that the servers' own descend from, for HTTPS.
    let rootCertificate: String?

    enum CodingKeys: String, CodingKey {
        case apiURL = "api_url"
        case loginURL = "login_url"
        case refreshURL = "refresh_url"
        case logoutURL = "logout_url"
        case rootCertificate = "root_certificate"
    }
}

/// A client cannot do what its arguments ask for; the process ends with a status of its own.
struct NotAble: Error {
    static let exitStatus: Int32 = 3

    let reason: String
}
