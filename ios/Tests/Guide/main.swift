// Runs the guide's interceptor for Alamofire as Alamofire calls it, with requests that are cancelled while it waits.
import Alamofire
import AuthSessionKit

/// What the interceptor remembers of requests.
func remembered(_ interceptor: AuthSessionInterceptor) -> Int {
    let maps = Mirror(reflecting: interceptor).children.compactMap { $0.value as? any Collection }
    precondition(!maps.isEmpty, "the interceptor remembers nothing at all")
    return maps.reduce(0) { $0 + $1.count }
}

func adapted(_ interceptor: AuthSessionInterceptor, _ request: DataRequest, _ meanwhile: () async -> Void) async {
    let results = AsyncStream<Void>.makeStream()
    interceptor.adapt(
        URLRequest(url: URL(string: "https://api.example.com/")!),
        using: RequestAdapterState(requestID: request.id, session: Session())
    ) { _ in results.continuation.finish() }
    await meanwhile()
    for await _ in results.stream {}
}

func retried(_ interceptor: AuthSessionInterceptor, _ request: DataRequest, _ meanwhile: () async -> Void) async {
    let results = AsyncStream<Void>.makeStream()
    interceptor.retry(request, for: Session(), dueTo: URLError(.userAuthenticationRequired)) { _ in
        results.continuation.finish()
    }
    await meanwhile()
    for await _ in results.stream {}
}

func refusedRequest() -> DataRequest {
    let url = URL(string: "https://api.example.com/")!
    let request = Session().request(url)
    request.response = HTTPURLResponse(url: url, statusCode: 401, httpVersion: "HTTP/1.1", headerFields: nil)
    return request
}

let session = AuthSession()
let interceptor = AuthSessionInterceptor(session)

// Cancelled while it waits for its first token.
let first = refusedRequest()
await adapted(interceptor, first) {
    interceptor.requestDidFinish(first)
    await session.answer()
}
precondition(remembered(interceptor) == 0, "a request that was cancelled before it was sent is remembered")

// Cancelled while it waits for a refresh.
let second = refusedRequest()
await adapted(interceptor, second) { await session.answer() }
precondition(remembered(interceptor) > 0, "a request that is under way is not remembered")
await retried(interceptor, second) {
    interceptor.requestDidFinish(second)
    await session.answer()
}
precondition(remembered(interceptor) == 0, "a request that was cancelled during a refresh is remembered")

// Sent once more, with what the refusal brought: nobody is asked again.
let third = refusedRequest()
await adapted(interceptor, third) { await session.answer() }
await retried(interceptor, third) { await session.answer() }
await adapted(interceptor, third) {}
interceptor.requestDidFinish(third)
precondition(remembered(interceptor) == 0, "a request that is over is remembered")
