import Foundation

/// What this process uses.
enum Memory {
    /// Bytes of its memory that are resident.
    static func resident() throws -> Int {
        #if canImport(Darwin)
        var info = mach_task_basic_info()
        var count = mach_msg_type_number_t(MemoryLayout.size(ofValue: info) / MemoryLayout<natural_t>.size)
        let status = withUnsafeMutablePointer(to: &info) { pointer in
            pointer.withMemoryRebound(to: integer_t.self, capacity: Int(count)) {
                task_info(mach_task_self_, task_flavor_t(MACH_TASK_BASIC_INFO), $0, &count)
            }
        }
        guard status == KERN_SUCCESS else { throw HTTP.Failure(description: "task_info answered \(status)") }
        return Int(info.resident_size)
        #else
        // proc(5): sizes in pages; the second is the resident set.
        let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return (Int(pages[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
        #endif
    }

    /// The highest of several looks, over the first.
    final class Peak: @unchecked Sendable {
        private let start: Int
        private let highest: Box<Int>

        init() throws {
            start = try Memory.resident()
            highest = Box(start)
        }

        func look() {
            guard let now = try? Memory.resident() else { return }
            highest.update { $0 = max($0, now) }
        }

        var growth: Int { highest.value - start }
    }
}
