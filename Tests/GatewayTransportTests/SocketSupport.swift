import CLinux
import GatewayProtocol
import Testing

@testable import GatewayTransport

/// A listening socket on the loopback with a thread that deals with what connects, blocking and one after another.
final class TinyServer: @unchecked Sendable {
    let port: UInt16
    private let listener: Int32
    private var thread: EngineThread?
    private let accepted = Monitor(0)

    /// `serve` gets each connection's descriptor, which is closed afterwards.
    init(_ serve: @escaping @Sendable (Int32) -> Void = { _ in }) throws {
        let made = try Self.listen(backlog: 16)
        (listener, port) = made
        let (listener, accepted) = (made.0, accepted)
        thread = try EngineThread(name: "test-server") {
            while true {
                let fd = accept(listener, nil, nil)
                guard fd >= 0 else { return }
                accepted.update { $0 += 1 }
                serve(fd)
                close(fd)
            }
        }
    }

    deinit {
        // Ends `accept`.
        CLinux.shutdown(listener, Int32(SHUT_RDWR))
        thread?.join()
        close(listener)
    }

    func waitAccepted(_ count: Int) -> Bool {
        accepted.wait(until: patience()) { $0 >= count ? true : nil } ?? false
    }

    static func listen(backlog: Int32) throws -> (Int32, UInt16) {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(fd, $0, length) == 0 && CLinux.listen(fd, backlog) == 0 && getsockname(fd, $0, &length) == 0
            }
        }
        try #require(bound)
        return (fd, UInt16(bigEndian: address.sin_port))
    }

    /// A port of the loopback on which nothing listens.
    static func refusedPort() throws -> UInt16 {
        let (fd, port) = try listen(backlog: 1)
        close(fd)
        return port
    }
}

/// Reads a request's head, blocking; empty when the peer left.
func readHead(_ fd: Int32) -> String {
    var text: [UInt8] = []
    var byte: UInt8 = 0
    while !text.suffix(4).elementsEqual([13, 10, 13, 10]) {
        guard read(fd, &byte, 1) == 1 else { return "" }
        text.append(byte)
    }
    return String(decoding: text, as: UTF8.self)
}

/// Writes all of a text, blocking.
func writeAll(_ fd: Int32, _ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
        let count = bytes.withUnsafeBytes { send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        guard count > 0 else { return }
        bytes = bytes.dropFirst(count)
    }
}

/// Waits until the peer closes.
func waitForEnd(_ fd: Int32) {
    var byte: UInt8 = 0
    while read(fd, &byte, 1) > 0 {}
}
