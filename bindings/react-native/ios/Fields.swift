import AuthSessionKit
import Foundation

/// What JavaScript passed cannot be used. The message names the field, never its value.
struct Refusal: Error {
    let code: AuthSessionError.Code
    let message: String
}

/// The fields of an object from JavaScript. One that is null or absent is not set; one of another type than asked for
/// is refused with `code`.
struct Fields {
    private let values: [String: Any]
    private let code: AuthSessionError.Code
    private let path: String

    init(_ values: [String: Any], code: AuthSessionError.Code, path: String = "") {
        self.values = values
        self.code = code
        self.path = path
    }

    func string(_ name: String) throws -> String? {
        try value(name, "a string")
    }

    func boolean(_ name: String) throws -> Bool? {
        try value(name, "a boolean")
    }

    func number(_ name: String) throws -> Double? {
        let number: NSNumber? = try value(name, "a number")
        if let number, number.doubleValue.isNaN { throw refusal(name, "a number") }
        return number?.doubleValue
    }

    func strings(_ name: String) throws -> [String]? {
        try value(name, "a list of strings")
    }

    func fields(_ name: String) throws -> Fields? {
        let values: [String: Any]? = try value(name, "an object")
        return values.map { Fields($0, code: code, path: "\(path)\(name).") }
    }

    func list(_ name: String) throws -> [Fields]? {
        let list: [[String: Any]]? = try value(name, "a list of objects")
        return list?.map { Fields($0, code: code, path: "\(path)\(name).") }
    }

    func requiredString(_ name: String) throws -> String {
        guard let string = try string(name) else { throw refusal(name, "a string") }
        return string
    }

    func refusal(_ name: String, _ expected: String) -> Refusal {
        Refusal(code: code, message: "\(path)\(name) must be \(expected)")
    }

    private func value<Value>(_ name: String, _ expected: String) throws -> Value? {
        guard let value = values[name], !(value is NSNull) else { return nil }
        guard let value = value as? Value else { throw refusal(name, expected) }
        return value
    }
}
