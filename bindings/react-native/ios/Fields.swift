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
        let number: NSNumber? = try value(name, "a boolean")
        guard number?.isBoolean != false else { throw refusal(name, "a boolean") }
        return number?.boolValue
    }

    func number(_ name: String) throws -> Double? {
        let number: NSNumber? = try value(name, "a number")
        guard let number else { return nil }
        let value = number.doubleValue
        guard !number.isBoolean, value.isFinite, value >= 0 else { throw refusal(name, "a number from 0 on") }
        return value
    }

    /// JavaScript knows no integers: a number without a fraction.
    func integer(_ name: String, most: Int = .max) throws -> Int? {
        try number(name).map { value in
            guard value.rounded() == value else { throw refusal(name, "a whole number") }
            return Int(exactly: value).map { min($0, most) } ?? most
        }
    }

    /// Milliseconds, in the seconds of Swift.
    func interval(_ name: String) throws -> TimeInterval? {
        try number(name).map { $0 / 1_000 }
    }

    func strings(_ name: String) throws -> [String]? {
        try value(name, "a list of strings")
    }

    func statuses(_ name: String) throws -> [Int]? {
        let list: [NSNumber]? = try value(name, "a list of statuses")
        return try list?.map { number in
            guard let status = Int(exactly: number.doubleValue), (0...999).contains(status) else {
                throw refusal(name, "a list of statuses")
            }
            return status
        }
    }

    func fields(_ name: String) throws -> Fields? {
        let values: [String: Any]? = try value(name, "an object")
        return values.map { below(name, $0) }
    }

    func list(_ name: String) throws -> [Fields]? {
        let list: [[String: Any]]? = try value(name, "a list of objects")
        return list?.map { below(name, $0) }
    }

    /// The members of an object, all of which are texts.
    func texts(_ name: String) throws -> [String: String]? {
        guard let members = try fields(name) else { return nil }
        var texts: [String: String] = [:]
        for name in members.values.keys {
            texts[name] = try members.requiredString(name)
        }
        return texts
    }

    func url(_ name: String) throws -> URL? {
        try string(name).map { string in
            guard let url = URL(string: string) else { throw refusal(name, "a URL") }
            return url
        }
    }

    func urls(_ name: String) throws -> [URL]? {
        try strings(name)?.map { string in
            guard let url = URL(string: string) else { throw refusal(name, "URLs") }
            return url
        }
    }

    /// A file by its `file:` URI.
    func file(_ name: String) throws -> URL? {
        guard let url = try? url(name) else {
            if try string(name) == nil { return nil }
            throw refusal(name, "a file: URI")
        }
        // Foundation takes a broken escape for characters of the name.
        guard try string(name)?.removingPercentEncoding != nil, url.isFileURL, url.host?.isEmpty != false || url.host == "localhost", url.path.hasPrefix("/") else {
            throw refusal(name, "a file: URI")
        }
        return url
    }

    func requiredString(_ name: String) throws -> String {
        guard let string = try string(name) else { throw refusal(name, "a string") }
        return string
    }

    func requiredURL(_ name: String) throws -> URL {
        guard let url = try url(name) else { throw refusal(name, "a URL") }
        return url
    }

    /// Whether it is set to false, and not only unset.
    func isFalse(_ name: String) -> Bool {
        guard let number = values[name] as? NSNumber, number.isBoolean else { return false }
        return !number.boolValue
    }

    func refusal(_ name: String, _ expected: String) -> Refusal {
        Refusal(code: code, message: "\(path)\(name) must be \(expected)")
    }

    private func below(_ name: String, _ values: [String: Any]) -> Fields {
        Fields(values, code: code, path: "\(path)\(name).")
    }

    private func value<Value>(_ name: String, _ expected: String) throws -> Value? {
        guard let value = values[name], !(value is NSNull) else { return nil }
        guard let value = value as? Value else { throw refusal(name, expected) }
        return value
    }
}

extension NSNumber {
    /// JavaScript's booleans arrive as numbers, too, and any number can be cast to a boolean.
    fileprivate var isBoolean: Bool {
        // The types by which a boolean is encoded: `char`, and on some systems `bool`.
        ["c", "B"].contains(String(cString: objCType))
    }
}
