import Dispatch
import Synchronization

/// Requests by callers that each send one after the other.
struct Load: Decodable, Sendable {
    let path: String
    let concurrency: Int
    let requests: Int
    let warmup: Int

    struct Figures: Encodable, Sendable {
        let requests: Int
        let failed: Int
        let seconds: Double
        let p50: Double
        let p99: Double
        let max: Double

        enum CodingKeys: String, CodingKey {
            case requests, failed, seconds
            case p50 = "p50_us"
            case p99 = "p99_us"
            case max = "max_us"
        }
    }

    func put(to client: some Client) async -> Figures {
        _ = await times(of: warmup, client)
        let clock = Stopwatch()
        let times = await times(of: requests, client).sorted()
        return Figures(
            requests: requests, failed: requests - times.count, seconds: clock.microseconds / 1_000_000,
            p50: quantile(0.5, of: times), p99: quantile(0.99, of: times), max: times.last ?? 0)
    }

    /// The microseconds that each request took that was answered with success.
    private func times(of requests: Int, _ client: some Client) async -> [Double] {
        let request = Request(path: path)
        let begun = Counter()
        return await withTaskGroup(of: [Double].self) { callers in
            for _ in 0..<concurrency {
                callers.addTask {
                    var times: [Double] = []
                    while begun.next() < requests {
                        let clock = Stopwatch()
                        if let status = try? await client.status(of: request), (200..<300).contains(status) {
                            times.append(clock.microseconds)
                        }
                    }
                    return times
                }
            }
            return await callers.reduce(into: []) { $0 += $1 }
        }
    }
}

/// How long it is since it was made, by a clock that nobody sets.
struct Stopwatch {
    private let start = DispatchTime.now().uptimeNanoseconds

    var microseconds: Double {
        Double(DispatchTime.now().uptimeNanoseconds - start) / 1000
    }
}

/// The smallest value that so large a part of the values does not exceed; 0 if there is none.
func quantile(_ part: Double, of sorted: [Double]) -> Double {
    guard !sorted.isEmpty else { return 0 }
    let rank = (part * Double(sorted.count)).rounded(.up)
    return sorted[min(max(Int(rank), 1), sorted.count) - 1]
}

private final class Counter: Sendable {
    private let count = Atomic(0)

    /// 0 for the first call, one more for each that follows.
    func next() -> Int {
        count.wrappingAdd(1, ordering: .relaxed).oldValue
    }
}
