import Foundation
internal import AuthSessionBindings

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

extension AuthSession {
    /// What can be said about one request beside its `URLRequest`.
    public struct RequestOptions: Sendable {
        /// Whether a request carries the access token.
        public enum AuthorizationMode: Sendable, CaseIterable {
            /// It does; without a session it is not sent.
            case required

            /// If somebody is signed in.
            case ifSignedIn

            /// It does not.
            case never
        }

        /// Whether the request carries the access token.
        public var authorization: AuthorizationMode

        /// Says that sending the request twice is the same as sending it once, so that it may be repeated after a
        /// failure; sent as `Idempotency-Key`.
        public var idempotencyKey: String?

        /// The longest, in seconds, that the request may take, the wait for a refresh included. None: the request's
        /// `timeoutInterval`, and if that is the 60 of every new `URLRequest`, as in the ``Configuration``.
        public var timeout: TimeInterval?

        /// How many seconds a body that is read in pieces may be silent. None: 60.
        public var idleTimeout: TimeInterval?

        /// The largest body of an answer, in bytes, that is held in memory. None: as in the ``Configuration``.
        public var maximumBodySize: Int?

        /// How many redirects are followed at most. None: 10, and never more. One more is the answer, with
        /// ``Disposition/redirectRefused``: with 0 any redirect is.
        public var maximumRedirects: Int?

        /// Is told how far the request's body has come: one call at a time, on threads of the library, and of the
        /// newest state only, where it is slow; of the last one before the request has ended, unless it blocks. A request
        /// that is sent again begins at zero.
        public var uploadProgress: (@Sendable (TransferProgress) -> Void)?

        /// Is told how far the answer's body has come, in the same way.
        public var downloadProgress: (@Sendable (TransferProgress) -> Void)?

        /// Options, each of which has a default.
        public init(
            authorization: AuthorizationMode = .required,
            idempotencyKey: String? = nil,
            timeout: TimeInterval? = nil,
            idleTimeout: TimeInterval? = nil,
            maximumBodySize: Int? = nil,
            maximumRedirects: Int? = nil,
            uploadProgress: (@Sendable (TransferProgress) -> Void)? = nil,
            downloadProgress: (@Sendable (TransferProgress) -> Void)? = nil
        ) {
            self.authorization = authorization
            self.idempotencyKey = idempotencyKey
            self.timeout = timeout
            self.idleTimeout = idleTimeout
            self.maximumBodySize = maximumBodySize
            self.maximumRedirects = maximumRedirects
            self.uploadProgress = uploadProgress
            self.downloadProgress = downloadProgress
        }
    }
}

/// How far a body has come.
public struct TransferProgress: Sendable, Equatable {
    /// So many bytes so far.
    public let bytes: Int64

    /// How many it will be, where that is known.
    public let totalBytes: Int64?

    /// From 0 to 1, where the total is known.
    public var fractionCompleted: Double? {
        totalBytes.map { $0 == 0 ? 1 : Double(bytes) / Double($0) }
    }
}

/// The text of a URL that is one of the web, or without a scheme, and then relative to the base URL.
///
/// - Throws: ``AuthSessionError`` for one of another scheme, which would be taken for a path.
func webAddress(_ url: URL, orOf others: [String] = []) throws -> String {
    if let scheme = url.scheme?.lowercased(), !(["https", "http"] + others).contains(scheme) {
        throw AuthSessionError(
            .invalidRequest, "the URL's scheme is \(scheme): https is expected, or a path under the base URL")
    }
    return url.absoluteString
}

/// What a new `URLRequest` has, which says nothing about the caller's wish.
private let untouchedTimeout: TimeInterval = 60

extension OutgoingRequest {
    /// - Parameters:
    ///   - content: The body. None: that of the request.
    ///   - delivery: How the answer comes. None: whole.
    convenience init(
        _ request: URLRequest, _ options: AuthSession.RequestOptions, content: RequestContent? = nil,
        delivery: Delivery? = nil
    ) throws {
        guard let url = request.url else {
            throw AuthSessionError(.invalidRequest, "the request has no URL")
        }
        guard request.httpBodyStream == nil else {
            throw AuthSessionError(
                .invalidRequest,
                "an InputStream cannot be sent again after a refresh: set httpBody, or use upload(for:fromFile:) "
                    + "or upload(for:from:) with pieces")
        }
        guard content == nil || request.httpBody == nil else {
            throw AuthSessionError(.invalidRequest, "an upload's request must not have a body of its own")
        }
        let ofRequest = request.timeoutInterval == untouchedTimeout ? nil : request.timeoutInterval
        self.init(
            AuthSessionBindings.RequestOptions(
                method: request.httpMethod ?? "GET",
                url: try webAddress(url),
                headers: headerFields(request.allHTTPHeaderFields ?? [:]),
                auth: options.authorization.bindings,
                idempotencyKey: options.idempotencyKey,
                timeoutMs: try milliseconds(options.timeout, of: "timeout", code: .invalidRequest)
                    ?? milliseconds(ofRequest, of: "timeoutInterval", code: .invalidRequest),
                idleTimeoutMs: try milliseconds(options.idleTimeout, of: "idleTimeout", code: .invalidRequest),
                maxBodyBytes: try count(options.maximumBodySize, of: "maximumBodySize", code: .invalidRequest),
                maxRedirects: try count(options.maximumRedirects, of: "maximumRedirects", code: .invalidRequest),
                uploadProgress: options.uploadProgress.map(ProgressAdapter.init),
                downloadProgress: options.downloadProgress.map(ProgressAdapter.init),
                delivery: delivery,
                content: content ?? request.httpBody.map { .bytes(bytes: $0) }
            ))
    }
}

extension AuthSession.RequestOptions.AuthorizationMode {
    fileprivate var bindings: RequestAuth {
        switch self {
        case .required: .required
        case .ifSignedIn: .optional
        case .never: .never
        }
    }
}

private final class ProgressAdapter: ProgressListener {
    private let handler: @Sendable (TransferProgress) -> Void

    init(_ handler: @escaping @Sendable (TransferProgress) -> Void) {
        self.handler = handler
    }

    func onProgress(bytes: UInt64, total: UInt64?) {
        handler(TransferProgress(bytes: Int64(clamping: bytes), totalBytes: total.map(Int64.init(clamping:))))
    }
}
