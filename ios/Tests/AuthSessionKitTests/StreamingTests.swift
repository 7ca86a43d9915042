import AuthSessionKit
import XCTest

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

final class StreamingTests: XCTestCase {
    private static let large = 100 << 20
    /// A few pieces and what allocators keep; a hundredth of it would be a body.
    private static let allowedGrowth = 40 << 20

    func testABodyIsReadByteByByteOrInChunks() async throws {
        let session = try await Realm.new().signedInSession()

        let (bytes, response) = try await session.bytes(for: request("/me"))
        var body = Data()
        for try await byte in bytes {
            body.append(byte)
        }
        let (again, _) = try await session.bytes(for: request("/me"))
        let chunked = try await again.chunks.reduce(into: Data()) { $0 += $1 }

        XCTAssertEqual(response.statusCode, 200)
        XCTAssertEqual(bytes.disposition, .answered)
        XCTAssertEqual(try JSONDecoder().decode(User.self, from: body), User(id: "u1", name: "Ada"))
        XCTAssertEqual(chunked, body)
    }

    func testAHundredMegabytesAreReadInBoundedMemory() async throws {
        let (session, request) = try await sessionOfLargeAnswer()
        let memory = try Memory.Peak()

        let (bytes, _) = try await session.bytes(for: request)
        var count = 0
        for try await chunk in bytes.chunks {
            count += chunk.count
            memory.look()
        }

        XCTAssertEqual(count, Self.large)
        XCTAssertLessThan(memory.growth, Self.allowedGrowth)
    }

    func testAHundredMegabytesAreDownloadedInBoundedMemoryAndProgressIsTold() async throws {
        let (session, request) = try await sessionOfLargeAnswer()
        let file = try temporaryDirectory().appendingPathComponent("large")
        let memory = try Memory.Peak()
        let newest = Box<TransferProgress?>(nil)
        var options = AuthSession.RequestOptions()
        options.downloadProgress = { progress in
            newest.update { $0 = progress }
            memory.look()
        }

        let response = try await session.download(for: request, to: file, options: options)

        XCTAssertEqual(response.status, 200)
        XCTAssertTrue(response.data.isEmpty)
        XCTAssertEqual(try size(of: file), Self.large)
        try await eventually("the last progress") { newest.value?.bytes == Int64(Self.large) }
        XCTAssertLessThan(memory.growth, Self.allowedGrowth)
    }

    func testAHundredMegabytesAreUploadedFromAFileInBoundedMemoryAndProgressIsTold() async throws {
        let sink = try Sink()
        let client = try await client(of: sink)
        let file = try temporaryDirectory().appendingPathComponent("large")
        try Data().write(to: file)
        let handle = try FileHandle(forWritingTo: file)
        try handle.truncate(atOffset: UInt64(Self.large))
        try handle.close()
        let memory = try Memory.Peak()
        let newest = Box<TransferProgress?>(nil)
        var options = AuthSession.RequestOptions()
        options.uploadProgress = { progress in
            newest.update { $0 = progress }
            memory.look()
        }

        let (data, response) = try await client.upload(
            for: request("/", method: "PUT"), fromFile: file, options: options)

        XCTAssertEqual(response.statusCode, 200)
        XCTAssertEqual(try JSONDecoder().decode([String: Int].self, from: data), ["bytes": Self.large])
        try await eventually("the last progress") { newest.value?.fractionCompleted == 1 }
        XCTAssertLessThan(memory.growth, Self.allowedGrowth)
    }

    func testAHundredMegabytesAreUploadedInPiecesNoFasterThanTheNetworkTakesThem() async throws {
        let sink = try Sink()
        let client = try await client(of: sink)
        let memory = try Memory.Peak()
        let left = Box(Self.large >> 20)
        let pieces = AsyncStream<Data> {
            memory.look()
            return left.update { left in
                defer { left -= 1 }
                return left > 0 ? Data(count: 1 << 20) : nil
            }
        }

        let (_, response) = try await client.upload(for: request("/", method: "POST"), from: pieces)

        XCTAssertEqual(response.statusCode, 200)
        XCTAssertGreaterThanOrEqual(sink.bytes, Self.large)
        XCTAssertLessThan(memory.growth, Self.allowedGrowth)
    }

    func testWhatASourceOfPiecesThrowsIsThrownAndTheRequestIsBrokenOff() async throws {
        struct Empty: Error {}
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        let first = Box(true)
        let pieces = AsyncThrowingStream<Data, any Error> {
            guard first.update({ first in defer { first = false }; return first }) else { throw Empty() }
            return Data("half a body".utf8)
        }

        do {
            _ = try await session.upload(for: request("/echo", method: "POST"), from: pieces)
            XCTFail("half a body was sent")
        } catch {
            XCTAssertTrue(error is Empty, "\(error)")
        }
        let counters = try await realm.counters()
        XCTAssertEqual(counters["echoed_bytes"], 0)
    }

    func testACancelledReaderEndsTheTransfer() async throws {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        try await realm.command(
            "fault",
            [
                "endpoint": "resource", "when": "before", "status": 200, "body": "half of it",
                "cut": ["at": "mid_body", "by": "silence"],
            ])
        let (bytes, _) = try await session.bytes(for: request("/me"))
        let begun = expectation(description: "the first chunk")
        begun.assertForOverFulfill = false
        let reader = Task {
            for try await _ in bytes.chunks {
                begun.fulfill()
            }
        }
        await fulfillment(of: [begun], timeout: 10)

        reader.cancel()

        // The server is silent for ever, so this ends only because of the cancellation.
        await assertCancelled(reader)
    }

    func testACancelledDownloadLeavesNoFile() async throws {
        let (session, realm) = try await heldSession()
        let directory = try temporaryDirectory()
        let download = Task { [request = request("/slow")] in
            try await session.download(for: request, to: directory.appendingPathComponent("file"))
        }
        try await realm.command("await_held", ["endpoint": "resource", "count": 1])

        download.cancel()

        await assertCancelled(download)
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: directory.path), [])
    }

    func testACancelledUploadEndsWhileItsSourceIsWaitedFor() async throws {
        let session = try await Realm.new().signedInSession()
        let asked = expectation(description: "the source is asked")
        let pieces = AsyncStream<Data> {
            asked.fulfill()
            // A source that has nothing more for a day.
            try? await Task.sleep(nanoseconds: 86_400_000_000_000)
            return nil
        }
        let upload = Task { [request = request("/echo", method: "POST")] in
            try await session.upload(for: request, from: pieces)
        }
        await fulfillment(of: [asked], timeout: 10)

        upload.cancel()

        await assertCancelled(upload)
    }

    func testADownloadWithoutAPlaceGoesToATemporaryFileWhateverTheStatus() async throws {
        let session = try await Realm.new().signedInSession()

        let (file, response) = try await session.download(for: request("/me"))
        let (other, forbidden) = try await session.download(for: request("/forbidden"))

        XCTAssertEqual([response.statusCode, forbidden.statusCode], [200, 403])
        XCTAssertEqual(
            try JSONDecoder().decode(User.self, from: Data(contentsOf: file)), User(id: "u1", name: "Ada"))
        XCTAssertEqual(try Data(contentsOf: other), Data())
        try FileManager.default.removeItem(at: file)
        try FileManager.default.removeItem(at: other)
    }

    func testBytesAndFormsAreUploaded() async throws {
        let session = try await Realm.new().signedInSession()
        let file = try temporaryDirectory().appendingPathComponent("note.txt")
        try Data("from a file".utf8).write(to: file)
        var form = MultipartForm()
        form.add("Ada", name: "author")
        form.add(Data("bytes".utf8), name: "picture", fileName: "a.png", mediaType: "image/png")
        form.add(file: file, name: "note", mediaType: "text/plain")
        form.add(file: file, name: "copy", fileName: "other.txt", mediaType: "text/plain")
        form.add("{}", name: "meta", mediaType: "application/json")

        let (echo, _) = try await session.upload(for: request("/echo", method: "POST"), from: Data("plain".utf8))
        let (formEcho, _) = try await session.upload(for: request("/echo", method: "POST"), from: form)

        XCTAssertEqual(try JSONDecoder().decode([String: String].self, from: echo)["body"], "plain")
        let sent = try XCTUnwrap(try JSONDecoder().decode([String: String].self, from: formEcho)["body"])
        for part in [
            "name=\"author\"", "Ada", "filename=\"a.png\"", "image/png", "bytes", "name=\"note\"", "text/plain",
            "from a file", "filename=\"note.txt\"", "name=\"copy\"; filename=\"other.txt\"",
            "name=\"meta\"\r\nContent-Type: application/json",
        ] {
            XCTAssertTrue(sent.contains(part), "\(part) is not in \(sent)")
        }
    }

    func testABodyAndAFileForTheAnswerGoTogetherAndTheAnswerSaysWhatBecameOfIt() async throws {
        let session = try await Realm.new().signedInSession()
        let file = try temporaryDirectory().appendingPathComponent("answer")

        let response = try await session.response(
            for: request("/echo", method: "POST"), uploading: .data(Data("plain".utf8)), downloadingTo: file)
        let refused = try await session.response(
            for: request("/forbidden"), uploading: .data(Data()), downloadingTo: file)

        XCTAssertEqual([response.disposition, refused.disposition], [.answered, .permissionDenied])
        XCTAssertEqual(response.data, Data())
        let echo = try JSONDecoder().decode([String: String].self, from: Data(contentsOf: file))
        XCTAssertEqual(echo["body"], "plain")
    }

    func testAFileThatIsNotThereIsAnErrorOfTheApp() async throws {
        let session = try await Realm.new().signedInSession()
        let missing = try temporaryDirectory().appendingPathComponent("missing/file")
        let remote = try XCTUnwrap(URL(string: "https://example.com/file"))

        let upload = await authSessionError {
            try await session.upload(for: self.request("/echo", method: "POST"), fromFile: missing)
        }
        let download = await authSessionError {
            try await session.download(for: self.request("/me"), to: missing)
        }
        let elsewhere = await authSessionError { try await session.download(for: self.request("/me"), to: remote) }

        XCTAssertEqual([upload?.code, download?.code, elsewhere?.code], [.file, .file, .invalidRequest])
    }

    private func sessionOfLargeAnswer() async throws -> (AuthSession, URLRequest) {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        try await realm.command(
            "fault",
            [
                "endpoint": "resource", "when": "before", "status": 200,
                "content": ["oversized": .number(Double(Self.large))],
            ])
        return (session, request("/me"))
    }

    private func heldSession() async throws -> (AuthSession, Realm) {
        let realm = try await Realm.new()
        let session = try await realm.signedInSession()
        try await realm.command("hold", ["endpoint": "resource", "path": "/slow", "when": "before"])
        return (session, realm)
    }

    private func client(of sink: Sink) async throws -> APIClient {
        try await Realm.new().signedInSession(allowing: sink.url).client(for: sink.url)
    }

    private func request(_ path: String, method: String = "GET") -> URLRequest {
        var request = URLRequest(url: URL(string: path)!)
        request.httpMethod = method
        return request
    }

    private func size(of file: URL) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: file.path)[.size] as? Int
    }
}
