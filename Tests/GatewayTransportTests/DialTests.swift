import CLinux
import Foundation
import GatewayProtocol
import Testing

@testable import GatewayTransport

@Suite struct ResolverTests {
    private func ask(_ host: String, port: UInt16 = 443) -> Resolver.Answer? {
        let answer = Monitor<Resolver.Answer?>(nil)
        Resolver().resolve(host: host, port: port) { found in answer.update { $0 = found } }
        return answer.wait(until: patience()) { $0 }
    }

    @Test func answersAddressesAtOnce() throws {
        let resolver = Resolver()
        for (host, isIPv6) in [("127.0.0.1", false), ("::1", true), ("2001:db8::7", true)] {
            // On this thread: no waiting.
            let answer = Monitor<Resolver.Answer?>(nil)
            resolver.resolve(host: host, port: 443) { found in answer.update { $0 = found } }
            let addresses = try #require(try answer.withLock { $0 }?.get())
            #expect(addresses.map(\.isIPv6) == [isIPv6], "\(host)")
        }
    }

    @Test func keepsThePort() throws {
        let addresses = try #require(try ask("127.0.0.1", port: 0x1234)?.get())
        let port = addresses.first?.withPointer { pointer, _ in
            pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { UInt16(bigEndian: $0.pointee.sin_port) }
        }
        #expect(port == 0x1234)
    }

    @Test func knowsLocalhost() throws {
        let addresses = try #require(try ask("localhost")?.get())
        #expect(!addresses.isEmpty)
    }

    @Test(arguments: ["no-such-host.invalid", "", "a b", "exa\u{E9}mple..invalid"])
    func saysWhichNameCannotBeResolved(host: String) throws {
        let answer = try #require(ask(host))
        let error = #expect(throws: GatewayError.self) { try answer.get() }
        #expect(error?.status == .network)
        #expect(error?.message.contains("host name \(host) could not be resolved") == true)
    }

    @Test func answersEveryoneOnce() throws {
        // Many askers and few names: all are answered, whoever they share a look-up with.
        let resolver = Resolver()
        let counts = Monitor([Int](repeating: 0, count: 400))
        for index in 0..<400 {
            resolver.resolve(host: "host-\(index % 9).invalid", port: UInt16(index % 2)) { _ in
                counts.update { $0[index] += 1 }
            }
        }
        #expect(counts.wait(until: patience()) { $0.allSatisfy { $0 > 0 } ? true : nil } == true)
        #expect(counts.withLock { $0.allSatisfy { $0 == 1 } })
        // And a resolver that has become idle starts again.
        let again = Monitor(false)
        resolver.resolve(host: "again.invalid", port: 1) { _ in again.update { $0 = true } }
        #expect(again.wait(until: patience()) { $0 ? true : nil } == true)
    }

    @Test func alternatesTheFamilies() throws {
        func address(_ host: String) throws -> SocketAddress {
            try #require(try ask(host)?.get().first)
        }
        let v4 = try (1...4).map { try address("192.0.2.\($0)") }
        let v6 = try (1...2).map { try address("2001:db8::\($0)") }
        func last(_ address: SocketAddress) -> String {
            address.withPointer { pointer, length in
                var name = [CChar](repeating: 0, count: 64)
                getnameinfo(pointer, length, &name, 64, nil, 0, NI_NUMERICHOST)
                return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            }
        }
        func order(_ addresses: [SocketAddress]) -> [String] { Resolver.interleaved(addresses).map(last) }
        #expect(
            order(v6 + v4) == [
                "2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "192.0.2.3", "192.0.2.4",
            ])
        // The system's first choice goes first, whatever its family.
        #expect(order([v4[0], v6[0], v6[1], v4[1]]) == ["192.0.2.1", "2001:db8::1", "192.0.2.2", "2001:db8::2"])
        #expect(order(v4) == ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"])
        #expect(order([]) == [])
    }
}

@Suite struct DialerTests {
    private struct Outcome: Sendable {
        var fd: Int32?
        var error: GatewayError?
    }

    private final class Kept: @unchecked Sendable {
        var dialer: Dialer?
    }

    private func dial(_ host: String, _ port: UInt16, on running: RunningLoop) throws -> Outcome {
        let outcome = Monitor<Outcome?>(nil)
        let kept = Kept()
        running.loop.post { [loop = running.loop] in
            let dialer = Dialer(loop: loop, host: host, port: port) { result in
                switch result {
                case .success(let fd): outcome.update { $0 = Outcome(fd: fd) }
                case .failure(let error): outcome.update { $0 = Outcome(error: error) }
                }
            }
            kept.dialer = dialer
            dialer.start(resolver: Resolver())
        }
        let result = try #require(outcome.wait(until: patience()) { $0 })
        // The dialer is the loop's own and goes away on it.
        _ = running.run { _ in kept.dialer = nil }
        return result
    }

    @Test func connects() throws {
        let running = try RunningLoop()
        let server = try TinyServer { fd in
            writeAll(fd, "hello")
            waitForEnd(fd)
        }
        let outcome = try dial("127.0.0.1", server.port, on: running)
        let fd = try #require(outcome.fd)
        defer { close(fd) }
        #expect(server.waitAccepted(1))
        let info = try String(contentsOfFile: "/proc/self/fdinfo/\(fd)", encoding: .utf8)
        let line = try #require(info.split(separator: "\n").first { $0.hasPrefix("flags:") })
        let flags = try #require(Int32(line.dropFirst(6).trimmingCharacters(in: .whitespaces), radix: 8))
        #expect(flags & O_NONBLOCK != 0 && flags & O_CLOEXEC != 0)
        var nodelay: Int32 = 0
        var length = socklen_t(4)
        #expect(getsockopt(fd, Int32(IPPROTO_TCP), TCP_NODELAY, &nodelay, &length) == 0 && nodelay != 0)
        // It is the connection to that server.
        var text: [UInt8] = []
        let end = patience()
        while text.count < 5, Clock.now() < end {
            var byte: UInt8 = 0
            if recv(fd, &byte, 1, 0) == 1 { text.append(byte) } else { sched_yield() }
        }
        #expect(text == Array("hello".utf8))
    }

    @Test func connectsByName() throws {
        // The name may have an IPv6 address first, on which nobody listens: the next one is tried.
        let running = try RunningLoop()
        let server = try TinyServer { waitForEnd($0) }
        let outcome = try dial("localhost", server.port, on: running)
        let fd = try #require(outcome.fd, "\(outcome)")
        #expect(server.waitAccepted(1))
        close(fd)
    }

    @Test func saysThatItIsRefused() throws {
        let running = try RunningLoop()
        let port = try TinyServer.refusedPort()
        let error = try #require(try dial("127.0.0.1", port, on: running).error)
        #expect(error.status == .network)
        #expect(error.message.contains("127.0.0.1 port \(port)") && error.message.contains("refused"))
    }

    @Test func saysThatANameIsUnknown() throws {
        let running = try RunningLoop()
        let error = try #require(try dial("no-such-host.invalid", 443, on: running).error)
        #expect(error.status == .network && error.message.contains("no-such-host.invalid"))
    }

    @Test func callsNobodyOnceCancelled() throws {
        let running = try RunningLoop()
        let server = try TinyServer { waitForEnd($0) }
        let calls = Monitor(0)
        let kept = Kept()
        _ = running.run { loop in
            let dialer = Dialer(loop: loop, host: "127.0.0.1", port: server.port) { result in
                calls.update { $0 += 1 }
                if case .success(let fd) = result { close(fd) }
            }
            kept.dialer = dialer
            dialer.start(resolver: Resolver())
            dialer.cancel()
        }
        // The answer of the resolver was posted before this.
        _ = running.run { _ in true }
        // Another connection gets through, so the first would have come by now.
        let second = try dial("127.0.0.1", server.port, on: running)
        if let fd = second.fd { close(fd) }
        #expect(calls.withLock { $0 } == 0)
        _ = running.run { _ in kept.dialer = nil }
    }

    @Test func leavesNoDescriptorBehind() throws {
        let running = try RunningLoop()
        let port = try TinyServer.refusedPort()
        func open() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
        _ = try dial("127.0.0.1", port, on: running)
        let before = try open()
        for _ in 0..<50 { _ = try dial("127.0.0.1", port, on: running) }
        // Other tests run meanwhile and have theirs; fifty would show.
        #expect(try open() < before + 40)
    }
}
