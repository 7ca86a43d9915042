import Foundation
internal import AuthSessionBindings

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

extension RequestSender {
    /// Sends a request and returns when the head of the answer is there, like `URLSession.bytes(for:)`.
    ///
    /// The body is read while it is iterated, and no faster; cancelling the task that iterates ends the transfer, and
    /// so does letting go of the bytes. The timeout ends with the head of the answer; from there on the body may be
    /// silent for as long as ``AuthSession/RequestOptions/idleTimeout`` says.
    public func bytes(
        for request: URLRequest, options: AuthSession.RequestOptions = .init()
    ) async throws -> (ResponseBytes, HTTPURLResponse) {
        let answer = try await prepare(OutgoingRequest(request, options, delivery: .arriving)).answer()
        guard let body = answer.arriving else {
            throw AuthSessionError(.internal, "the answer has no body that arrives")
        }
        return (ResponseBytes(body, Disposition(answer.disposition)), try httpResponse(answer))
    }
}

/// The body of an answer while it arrives, byte by byte; ``chunks`` has it in the pieces in which it comes, which is
/// faster. For one reader.
///
/// On Apple platforms Foundation's `lines` works on it.
public struct ResponseBytes: AsyncSequence, Sendable {
    /// What a body is read from.
    fileprivate final class Source: Sendable {
        let incoming: IncomingBody

        init(_ incoming: IncomingBody) {
            self.incoming = incoming
        }

        /// UniFFI's futures know nothing of Swift's cancellation: the transfer is told, and the read then ends at once.
        func next() async throws -> Data? {
            try await withTaskCancellationHandler {
                try await translatingFailures { try await incoming.next() }
            } onCancel: {
                incoming.cancel()
            }
        }
    }

    private let source: Source

    /// What the session made of the answer.
    public let disposition: Disposition

    init(_ incoming: IncomingBody, _ disposition: Disposition) {
        source = Source(incoming)
        self.disposition = disposition
    }

    /// The body in pieces of a size that the network determines.
    public var chunks: Chunks { Chunks(source: source) }

    /// Iterates over the bytes.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(chunks: chunks.makeAsyncIterator())
    }

    /// The body of an answer in pieces.
    public struct Chunks: AsyncSequence, Sendable {
        fileprivate let source: Source

        /// Iterates over the pieces.
        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(source: source) }

        /// Iterates over the pieces.
        public struct AsyncIterator: AsyncIteratorProtocol {
            fileprivate let source: Source

            /// The next piece; nil at the end of the body.
            public mutating func next() async throws -> Data? {
                try await source.next()
            }
        }
    }

    /// Iterates over the bytes.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var chunks: Chunks.AsyncIterator
        private var chunk: [UInt8] = []
        private var position = 0

        fileprivate init(chunks: Chunks.AsyncIterator) {
            self.chunks = chunks
        }

        /// The next byte; nil at the end of the body.
        public mutating func next() async throws -> UInt8? {
            while position == chunk.count {
                guard let next = try await chunks.next() else {
                    return nil
                }
                chunk = [UInt8](next)
                position = 0
            }
            defer { position += 1 }
            return chunk[position]
        }
    }
}
