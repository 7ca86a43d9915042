import Foundation
internal import AuthSessionBindings

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

extension RequestSender {
    /// Sends a request and writes the body of the answer to a new temporary file, like `URLSession.download(for:)`.
    /// The caller moves the file or deletes it.
    public func download(
        for request: URLRequest, options: AuthSession.RequestOptions = .init()
    ) async throws -> (URL, HTTPURLResponse) {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).download")
        let response = try await download(for: request, to: file, options: options)
        if !response.isSuccess {
            do {
                try response.data.write(to: file)
            } catch {
                throw AuthSessionError(.file, "the answer could not be written to a temporary file")
            }
        }
        return (file, response.http)
    }

    /// Sends a request and writes the body of a successful answer to a file, which appears when it is whole, replacing
    /// one that is there.
    ///
    /// - Returns: The answer; its ``Response/data`` is empty if the status is 2xx, else the body, and then there is no
    ///   file.
    /// - Throws: ``AuthSessionError`` with the code `file` if the file cannot be written.
    public func download(
        for request: URLRequest, to file: URL, options: AuthSession.RequestOptions = .init()
    ) async throws -> Response {
        try Self.mustBeFile(file)
        return try await prepare(OutgoingRequest(request, options, delivery: .toFile(path: file.path))).send()
    }

    /// Sends a request with a body of any kind, writes the body of a successful answer to a file if one is named, and also
    /// says what was made of the answer.
    ///
    /// - Throws: ``AuthSessionError`` with the code `file` if a file cannot be read or written.
    public func response(
        for request: URLRequest, uploading content: UploadContent, downloadingTo file: URL? = nil,
        options: AuthSession.RequestOptions = .init()
    ) async throws -> Response {
        if let file {
            try Self.mustBeFile(file)
        }
        let delivery = file.map { Delivery.toFile(path: $0.path) }
        return try await prepare(
            OutgoingRequest(request, options, content: try Self.content(content), delivery: delivery)
        ).send()
    }

    /// Sends a request with a body, like `URLSession.upload(for:from:)`.
    public func upload(
        for request: URLRequest, from body: Data, options: AuthSession.RequestOptions = .init()
    ) async throws -> (Data, HTTPURLResponse) {
        try await upload(request, .data(body), options)
    }

    /// Sends a request with the content of a file, like `URLSession.upload(for:fromFile:)`. The file is read while it
    /// is sent, and anew if the request is sent again.
    ///
    /// - Throws: ``AuthSessionError`` with the code `file` if the file cannot be read.
    public func upload(
        for request: URLRequest, fromFile file: URL, options: AuthSession.RequestOptions = .init()
    ) async throws -> (Data, HTTPURLResponse) {
        try await upload(request, .file(file), options)
    }

    /// Sends a request with a form (`multipart/form-data`, RFC 7578).
    public func upload(
        for request: URLRequest, from form: MultipartForm, options: AuthSession.RequestOptions = .init()
    ) async throws -> (Data, HTTPURLResponse) {
        try await upload(request, .form(form), options)
    }

    /// Sends a request with a body that is made while it is sent, piece by piece: no faster than the network takes it.
    ///
    /// Such a request is never sent twice: see ``Disposition/notReplayable``.
    ///
    /// - Throws: What `pieces` throws, which breaks the request off: half a body never looks like a whole one.
    public func upload<Pieces: AsyncSequence & Sendable>(
        for request: URLRequest, from pieces: Pieces, options: AuthSession.RequestOptions = .init()
    ) async throws -> (Data, HTTPURLResponse) where Pieces.Element == Data {
        let body = OutgoingBody()
        let prepared = try prepare(OutgoingRequest(request, options, content: .pieces(body: body)))
        let thrown = Thrown()
        let writer = Task {
            do {
                for try await piece in pieces {
                    try await body.write(piece: piece)
                }
                try await body.finish()
            } catch {
                // A failed write says that the request is over, and the request itself says why.
                if !(error is SessionFailure), !Task.isCancelled {
                    thrown.error = error
                }
                body.abandon()
            }
        }
        // The server may answer before it has read the body.
        defer {
            writer.cancel()
            body.abandon()
        }
        do {
            let response = try await prepared.send()
            return (response.data, response.http)
        } catch {
            throw thrown.error ?? error
        }
    }

    private func upload(
        _ request: URLRequest, _ content: UploadContent, _ options: AuthSession.RequestOptions
    ) async throws -> (Data, HTTPURLResponse) {
        let response = try await response(for: request, uploading: content, options: options)
        return (response.data, response.http)
    }

    private static func content(_ content: UploadContent) throws -> RequestContent {
        switch content {
        case .data(let data):
            return .bytes(bytes: data)
        case .file(let file):
            try mustBeFile(file)
            return .file(path: file.path)
        case .form(let form):
            for case .file(_, let path, _, _) in form.parts where path.isEmpty {
                throw AuthSessionError(.invalidRequest, "a part of the form is not a file URL")
            }
            return .form(parts: form.parts)
        }
    }

    private static func mustBeFile(_ url: URL) throws {
        guard url.isFileURL else {
            throw AuthSessionError(.invalidRequest, "the URL is not one of a file")
        }
    }
}

/// What a request carries.
public enum UploadContent: Sendable {
    /// Bytes.
    case data(Data)

    /// The content of a file, which is read while it is sent, and anew if the request is sent again.
    case file(URL)

    /// A form.
    case form(MultipartForm)
}

/// A form to upload (`multipart/form-data`).
public struct MultipartForm: Sendable {
    private(set) var parts: [FormPart] = []

    /// A form without parts.
    public init() {}

    /// Adds a field; with a media type it says what it is, such as `application/json`.
    public mutating func add(_ value: String, name: String, mediaType: String? = nil) {
        parts.append(.text(name: name, value: value, mediaType: mediaType))
    }

    /// Adds bytes as a file.
    public mutating func add(
        _ content: Data, name: String, fileName: String, mediaType: String = "application/octet-stream"
    ) {
        parts.append(.bytes(name: name, fileName: fileName, mediaType: mediaType, content: content))
    }

    /// Adds a file, which is read while the form is sent.
    ///
    /// - Parameter fileName: What it is called in the form. None: its own name.
    public mutating func add(
        file: URL, name: String, fileName: String? = nil, mediaType: String = "application/octet-stream"
    ) {
        parts.append(
            .file(name: name, path: file.isFileURL ? file.path : "", fileName: fileName, mediaType: mediaType))
    }
}

/// What a sequence of pieces has thrown.
private final class Thrown: @unchecked Sendable {
    private let lock = NSLock()
    private var stored: (any Error)?

    var error: (any Error)? {
        get { lock.withLock { stored } }
        set { lock.withLock { stored = newValue } }
    }
}
