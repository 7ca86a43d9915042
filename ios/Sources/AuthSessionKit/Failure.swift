import Foundation
internal import AuthSessionBindings

/// Runs a call into the generated layer and lets out only errors of this module's own, or `CancellationError`.
func translatingFailures<Value: Sendable>(_ call: () async throws -> Value) async throws -> Value {
    do {
        return try await call()
    } catch {
        throw translated(error)
    }
}

/// The same for a call that does not wait.
func translatingFailures<Value>(_ call: () throws -> Value) throws -> Value {
    do {
        return try call()
    } catch {
        throw translated(error)
    }
}

/// The same for a call that waits for what others wait for as well, and cannot be told to stop: cancelling the calling task
/// ends its wait at once, with `CancellationError`, and the call itself goes on.
func leavingWhenCancelled<Value: Sendable>(_ call: @escaping @Sendable () async throws -> Value) async throws -> Value {
    try Task.checkCancellation()
    let results = AsyncStream<Result<Value, any Error>>.makeStream()
    // A task of its own: UniFFI's futures know nothing of Swift's cancellation and would keep the caller.
    Task {
        do {
            results.continuation.yield(.success(try await translatingFailures(call)))
        } catch {
            results.continuation.yield(.failure(error))
        }
    }
    // A stream ends without a result when the task that reads it is cancelled.
    for await result in results.stream {
        return try result.get()
    }
    throw CancellationError()
}

private func translated(_ error: any Error) -> any Error {
    switch error {
    case is AuthSessionError, is CancellationError:
        return error
    case SessionFailure.Failed(
        let code, let explanation, let retryable, let signInRequired, let retryAfterMs, let status, let answerJson):
        let code = AuthSessionError.Code(code)
        // Nothing but the cancellation of the calling task cancels a request.
        if code == .cancelled {
            return CancellationError()
        }
        return AuthSessionError(
            code,
            explanation,
            isRetryable: retryable,
            requiresSignIn: signInRequired,
            retryAfter: retryAfterMs.map(interval(milliseconds:)),
            status: status.map(Int.init),
            answer: answerJson.map { Data($0.utf8) }
        )
    default:
        // UniFFI's own errors: a panic in the native library, or a bug in the bindings. Their text is not ours to show.
        return AuthSessionError(.internal, "the native library failed unexpectedly")
    }
}
