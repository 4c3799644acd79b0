import CLinux
import GatewayProtocol
import Testing

@testable import GatewayTransport

/// A request and its answer over a real socket.
@Suite struct HTTPExchangeTests {
    private struct Outcome: Sendable {
        var status: Int?
        var body: [UInt8] = []
        var header: String?
        var error: GatewayError?
        var took: UInt64 = 0
    }

    private final class Kept: @unchecked Sendable {
        var exchange: HTTPExchange?
    }

    /// Asks a server that answers each request with `answer`, and then does what `after` says.
    private func ask(
        timeout: UInt64 = 30_000_000_000, port: UInt16? = nil, head: Monitor<String> = Monitor(""),
        _ answer: @escaping @Sendable (Int32) -> Void
    ) throws -> Outcome {
        let running = try RunningLoop()
        let server = try TinyServer { fd in
            let text = readHead(fd)
            head.update { $0 = text }
            answer(fd)
        }
        let outcome = Monitor<[Outcome]>([])
        let kept = Kept()
        let endpoint = Endpoint(host: "127.0.0.1", port: port ?? server.port, tls: nil)
        let started = Clock.now()
        running.loop.post { [loop = running.loop] in
            let exchange = try? HTTPExchange(
                loop: loop, endpoint: endpoint, target: "/api/v10/gateway?x=1",
                headers: [HTTPHeader("User-Agent", "test")], timeout: timeout
            ) { result in
                var seen = Outcome()
                switch result {
                case .success(let response):
                    seen.status = response.head.status
                    seen.body = response.body
                    seen.header = response.head.first("X-Mark")
                case .failure(let error): seen.error = error
                }
                seen.took = Clock.now() - started
                outcome.update { [seen] in $0.append(seen) }
            }
            kept.exchange = exchange
            exchange?.start(resolver: Resolver())
        }
        let first = outcome.wait(until: patience()) { $0.first }
        _ = running.run { _ in
            kept.exchange?.cancel()
            kept.exchange = nil
        }
        #expect(outcome.withLock { $0.count } == 1)
        return try #require(first)
    }

    @Test func sendsItsRequest() throws {
        let head = Monitor("")
        _ = try ask(head: head) { writeAll($0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") }
        let lines = head.withLock { $0 }.split(separator: "\r\n").map(String.init)
        #expect(lines.first == "GET /api/v10/gateway?x=1 HTTP/1.1")
        #expect(lines.contains { $0.hasPrefix("Host: 127.0.0.1:") })
        #expect(lines.contains("User-Agent: test") && lines.contains("Connection: close"))
    }

    @Test func takesABodyOfAGivenLength() throws {
        // The connection stays open: the length alone ends the body.
        let outcome = try ask { fd in
            writeAll(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Mark: here\r\n\r\nhello")
            waitForEnd(fd)
        }
        #expect(outcome.status == 200 && outcome.body == Array("hello".utf8) && outcome.header == "here")
    }

    @Test func takesABodyInChunksHoweverTheyArrive() throws {
        let outcome = try ask { fd in
            for piece in [
                "HTTP/1.1 200 OK\r\nTransfer-Enc", "oding: chunked\r\n\r", "\n5\r\nhel", "lo\r",
                "\n6;x=y\r\n world\r\n0\r\n",
                "\r\n",
            ] {
                writeAll(fd, piece)
                // Each piece has been taken before the next one is sent, or they come as one: both must do.
                sched_yield()
            }
            waitForEnd(fd)
        }
        #expect(outcome.status == 200 && outcome.body == Array("hello world".utf8))
    }

    @Test func takesABodyThatEndsWithTheConnection() throws {
        let outcome = try ask { writeAll($0, "HTTP/1.1 200 OK\r\n\r\nuntil the end") }
        #expect(outcome.status == 200 && outcome.body == Array("until the end".utf8))
    }

    @Test func takesALargeBody() throws {
        let body = String(repeating: "0123456789abcdef", count: 40_000)
        let outcome = try ask { fd in
            writeAll(fd, "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        }
        #expect(outcome.status == 200 && outcome.body == Array(body.utf8))
    }

    @Test func refusesABodyWithoutEnd() throws {
        let piece = String(repeating: "x", count: 1 << 16)
        let outcome = try ask { fd in
            writeAll(fd, "HTTP/1.1 200 OK\r\n\r\n")
            for _ in 0..<64 { writeAll(fd, piece) }
        }
        #expect(outcome.error?.status == .http)
    }

    @Test func handsOnOtherStatuses() throws {
        let outcome = try ask { fd in
            writeAll(fd, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}")
        }
        #expect(outcome.status == 401 && outcome.body == Array("{}".utf8))
    }

    @Test func saysThatItGotNoWholeAnswer() throws {
        for part in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"] {
            let outcome = try ask { writeAll($0, part) }
            #expect(outcome.error?.status == .http, "\(part)")
            #expect(outcome.error?.message.contains("127.0.0.1") == true)
        }
    }

    @Test func saysThatItIsNoHTTP() throws {
        let outcome = try ask { writeAll($0, "SSH-2.0-OpenSSH\r\n\r\n") }
        #expect(outcome.error?.status == .http)
    }

    @Test func saysThatItIsRefused() throws {
        let outcome = try ask(port: TinyServer.refusedPort()) { _ in }
        #expect(outcome.error?.status == .network)
    }

    @Test func waitsOnlySoLong() throws {
        for part in ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"] {
            let outcome = try ask(timeout: 50_000_000) { fd in
                writeAll(fd, part)
                waitForEnd(fd)
            }
            #expect(outcome.error?.status == .timeout)
            #expect(outcome.error?.message.contains("50 ms") == true)
            #expect(outcome.took >= 50_000_000)
        }
    }

    @Test func refusesARequestThatCannotBeMade() throws {
        let loop = try EventLoop()
        let endpoint = Endpoint(host: "127.0.0.1", port: 1, tls: nil)
        for target in ["no-slash", "/a b", "/a\r\nX: y"] {
            let error = #expect(throws: GatewayError.self) {
                _ = try HTTPExchange(
                    loop: loop, endpoint: endpoint, target: target, headers: [], timeout: 1
                ) { _ in }
            }
            #expect(error?.status == .invalidArgument, "\(target)")
        }
    }
}
