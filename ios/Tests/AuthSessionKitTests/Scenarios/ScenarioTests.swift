import XCTest

/// Runs every scenario of `tests/scenarios` and writes what came of each to `scenarios/swift.json` in the target
/// folder.
final class ScenarioTests: XCTestCase {
    func testEveryScenarioPasses() async throws {
        let files = try FileManager.default
            .contentsOfDirectory(at: Checkout.scenarios, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "json" }
            .sorted { $0.path < $1.path }
        XCTAssertFalse(files.isEmpty, "no scenarios in \(Checkout.scenarios.path)")

        var report = Report()
        for file in files {
            let name = file.deletingPathExtension().lastPathComponent
            do {
                try await ScenarioRunner.run(JSONDecoder().decode(Scenario.self, from: Data(contentsOf: file)))
                report.results[name] = "ok"
            } catch {
                report.results[name] = "\(error)"
                XCTFail("\(name): \(error)")
            }
        }
        try report.write()
    }
}

private struct Report: Encodable {
    let language = "swift"
    var results: [String: String] = [:]

    func write() throws {
        let folder = Checkout.target.appendingPathComponent("scenarios")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try encoder.encode(self).write(to: folder.appendingPathComponent("swift.json"), options: .atomic)
    }
}
