import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A plain HTTP server that reads bodies of any size and answers how large they were; the test authority takes 2 MB.
final class Sink: @unchecked Sendable {
    let url: URL
    private let listener: Int32
    private let received = Box(0)

    /// Bytes of bodies that have come so far.
    var bytes: Int { received.value }

    init() throws {
        #if canImport(Glibc)
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
        let socket = Darwin.socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout.size(ofValue: address))
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(socket, address, length) == 0 && listen(socket, 16) == 0
                    && getsockname(socket, address, &length) == 0
            }
        }
        guard bound else { throw HTTP.Failure(description: "no port to listen on") }
        url = URL(string: "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))")!
        listener = socket
        let received = received
        Thread.detachNewThread {
            while case let connection = accept(socket, nil, nil), connection >= 0 {
                Thread.detachNewThread { Self.serve(connection, received) }
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    /// One request a connection.
    private static func serve(_ connection: Int32, _ received: Box<Int>) {
        defer { close(connection) }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var head = Data()
        let end = Data("\r\n\r\n".utf8)
        while head.range(of: end) == nil {
            let count = read(connection, &buffer, buffer.count)
            guard count > 0 else { return }
            head.append(contentsOf: buffer[..<count])
        }
        let body = head[head.range(of: end)!.upperBound...]
        let fields = String(decoding: head[..<body.startIndex], as: UTF8.self).lowercased()
        let length = fields.components(separatedBy: "content-length: ").dropFirst().first.flatMap {
            Int($0.prefix(while: \.isNumber))
        }
        // A body without a length is chunked; its last bytes are the empty chunk. Framing counts as body here.
        var (count, tail) = (body.count, body.suffix(5))
        received.update { $0 += body.count }
        while length.map({ count < $0 }) ?? (tail != Data("0\r\n\r\n".utf8)) {
            let more = read(connection, &buffer, buffer.count)
            guard more > 0 else { return }
            count += more
            received.update { $0 += more }
            tail = (tail + buffer[..<more].suffix(5)).suffix(5)
        }
        let answer = #"{"bytes":\#(count)}"#
        let response = "HTTP/1.1 200 OK\r\nContent-Length: \(answer.utf8.count)\r\nConnection: close\r\n\r\n\(answer)"
        _ = response.withCString { write(connection, $0, strlen($0)) }
    }
}
