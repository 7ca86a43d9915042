import Foundation

/// The test authority: one process for all tests. It ends with this one, when its standard input closes.
enum Authority {
    static let controlURL: URL = {
        do {
            return try start()
        } catch {
            fatalError("the test authority does not start (\(Checkout.authority.path)): \(error)")
        }
    }()

    /// Kept for the life of the tests: closing it would end the authority.
    private static let standardInput = Pipe()

    private struct Announcement: Decodable {
        let control_url: URL
    }

    private static func start() throws -> URL {
        let output = Pipe()
        let process = Process()
        process.executableURL = Checkout.authority
        process.standardInput = standardInput
        process.standardOutput = output
        try process.run()

        var line = Data()
        while line.last != UInt8(ascii: "\n"), case let piece = output.fileHandleForReading.availableData,
            !piece.isEmpty
        {
            line.append(piece)
        }
        return try JSONDecoder().decode(Announcement.self, from: line).control_url
    }
}
