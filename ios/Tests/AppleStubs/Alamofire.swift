// https://alamofire.github.io/Alamofire: what the guide for it uses
@_exported import Foundation

#if canImport(FoundationNetworking)
@_exported import FoundationNetworking
#endif

public protocol RequestAdapter: Sendable {
    func adapt(
        _ urlRequest: URLRequest, using state: RequestAdapterState,
        completion: @escaping @Sendable (Result<URLRequest, any Error>) -> Void)
}

public protocol RequestRetrier: Sendable {
    func retry(
        _ request: Request, for session: Session, dueTo error: any Error,
        completion: @escaping @Sendable (RetryResult) -> Void)
}

public protocol RequestInterceptor: RequestAdapter, RequestRetrier {}

public protocol EventMonitor: Sendable {
    func requestDidFinish(_ request: Request)
}

public struct RequestAdapterState: Sendable {
    public let requestID: UUID
    public let session: Session

    public init(requestID: UUID, session: Session) {
        (self.requestID, self.session) = (requestID, session)
    }
}

public protocol RedirectHandler: Sendable {}

public struct Redirector: RedirectHandler {
    public enum Behavior: Sendable {
        case follow
        case doNotFollow
        case modify(@Sendable (_ task: URLSessionTask, _ request: URLRequest, _ response: HTTPURLResponse) -> URLRequest?)
    }

    public init(behavior: Behavior) {}
}

public enum RetryResult: Sendable {
    case retry
    case retryWithDelay(TimeInterval)
    case doNotRetry
    case doNotRetryWithError(any Error)
}

public class Request: @unchecked Sendable {
    public let id = UUID()
    public var response: HTTPURLResponse?
}

public class DataRequest: Request, @unchecked Sendable {
    public var data: Data? { nil }

    public func validate() -> Self { self }

    public func serializingDecodable<Value: Decodable & Sendable>(_ type: Value.Type) -> DataTask<Value> { DataTask() }
}

public struct DataTask<Value: Sendable>: Sendable {
    public var value: Value {
        get async throws { throw CancellationError() }
    }
}

public final class Session: Sendable {
    public init(
        interceptor: (any RequestInterceptor)? = nil, redirectHandler: (any RedirectHandler)? = nil,
        eventMonitors: [any EventMonitor] = []
    ) {}

    public func request(_ url: URL) -> DataRequest { DataRequest() }
}
