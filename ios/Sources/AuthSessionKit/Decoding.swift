import Foundation

/// Decodes JSON. A failure says where in the document it is, but not what stands there: that may be a secret.
func decodeJSON<Value: Decodable>(_ type: Value.Type, from data: Data, using decoder: JSONDecoder) throws -> Value {
    do {
        return try decoder.decode(type, from: data)
    } catch {
        throw AuthSessionError(.undecodable, "the body is not a \(type)\(place(of: error))")
    }
}

private func place(of error: any Error) -> String {
    let path: [any CodingKey] =
        switch error {
        case DecodingError.keyNotFound(let key, let context): context.codingPath + [key]
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.dataCorrupted(let context):
            context.codingPath
        default: []
        }
    return path.isEmpty ? "" : ": see \(path.map(\.stringValue).joined(separator: "."))"
}
