import Foundation

/// The lines of standard input until it closes.
///
/// A thread of its own reads them: reading blocks, and the threads that tasks run on are few.
func linesOfStandardInput() -> AsyncStream<String> {
    AsyncStream { continuation in
        Thread.detachNewThread {
            while let line = readLine() {
                continuation.yield(line)
            }
            continuation.finish()
        }
    }
}

/// Standard output, one whole JSON line at a time.
enum Output {
    private static let lock = NSLock()

    static func write(_ value: some Encodable) {
        do {
            var line = try JSONEncoder().encode(value)
            line.append(UInt8(ascii: "\n"))
            try lock.withLock { try FileHandle.standardOutput.write(contentsOf: line) }
        } catch {
            // Whoever reads waits for the line and has to be told that it does not come.
            fatalError("an answer could not be written: \(error)")
        }
    }

    static func answer(_ id: Identifier, _ answer: some Encodable) {
        write(Answered(id: id, answer: answer))
    }

    /// An answer with the name of its command among its members.
    private struct Answered<Content: Encodable>: Encodable {
        let id: Identifier
        let answer: Content

        enum CodingKeys: CodingKey {
            case id
        }

        func encode(to encoder: any Encoder) throws {
            try answer.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(id, forKey: .id)
        }
    }
}

/// Standard error, where what is wrong with the process itself goes.
func complain(_ text: String) {
    FileHandle.standardError.write(Data("\(text)\n".utf8))
}
