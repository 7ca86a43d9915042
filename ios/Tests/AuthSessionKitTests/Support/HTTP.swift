import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Plain HTTP without a session: for the test authority's controls, and for what another client would do.
enum HTTP {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    static func get<Answer: Decodable>(_ url: URL, as type: Answer.Type) async throws -> Answer {
        try await answer(to: URLRequest(url: url), as: type)
    }

    static func post<Answer: Decodable>(_ url: URL, _ body: JSON, as type: Answer.Type) async throws -> Answer {
        var request = URLRequest(url: url)
        request.httpMethod = "POST"
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.httpBody = try JSONEncoder().encode(body)
        return try await answer(to: request, as: type)
    }

    private static func answer<Answer: Decodable>(to request: URLRequest, as type: Answer.Type) async throws -> Answer {
        let (data, response) = try await URLSession.shared.data(for: request)
        let status = (response as? HTTPURLResponse)?.statusCode ?? 0
        guard (200..<300).contains(status) else {
            throw Failure(
                description: "\(request.url?.path ?? "") answered \(status): \(String(decoding: data, as: UTF8.self))")
        }
        return try JSONDecoder().decode(type, from: data)
    }
}
