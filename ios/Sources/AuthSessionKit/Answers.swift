import Foundation
internal import AuthSessionBindings

/// The requests of the process that are under way, and who waits for them.
///
/// A future of UniFFI's would take more calls, and would know nothing of Swift's cancellation.
final class Answers: AnswerReceiver, @unchecked Sendable {
    static let shared: Result<Answers, any Error> = Result {
        let answers = Answers()
        try setAnswerReceiver(receiver: answers)
        return answers
    }

    private let lock = NSLock()
    private var last: UInt64 = 0
    private var waiting: [UInt64: CheckedContinuation<HttpResponse, any Error>] = [:]

    /// The answer to the request that `begin` sends under a number. Cancelling the task cancels the request.
    func answer(_ begin: (UInt64) throws -> Void) async throws -> HttpResponse {
        let request = lock.withLock {
            last += 1
            return last
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                lock.withLock { waiting[request] = continuation }
                // A cancellation before that found nobody waiting.
                guard !Task.isCancelled else {
                    return end(request, .failure(CancellationError()))
                }
                do {
                    try begin(request)
                } catch {
                    return end(request, .failure(error))
                }
                // A cancellation before that found nothing to cancel.
                if Task.isCancelled {
                    cancelRequest(request: request)
                }
            }
        } onCancel: {
            end(request, .failure(CancellationError()))
            cancelRequest(request: request)
        }
    }

    func answered(request: UInt64, answer: HttpResponse) -> Bool {
        end(request, .success(answer))
        return true
    }

    func failed(request: UInt64, failure: SessionFailure) {
        end(request, .failure(failure))
    }

    private func end(_ request: UInt64, _ result: Result<HttpResponse, any Error>) {
        let continuation = lock.withLock { waiting.removeValue(forKey: request) }
        continuation?.resume(with: result)
    }
}
