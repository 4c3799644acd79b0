import CLinux
import COpenSSL
import Foundation
import GatewayProtocol
import Testing

@testable import GatewayTransport

/// TLS to a real server, judged by requests over it.
@Suite struct TLSTests {
    private struct Outcome: Sendable {
        var status: Int?
        var body: [UInt8] = []
        var error: GatewayError?
    }

    private struct Peer: Sendable {
        var resumed = false
        var serverName: String?
    }

    private final class Kept: @unchecked Sendable {
        var exchange: HTTPExchange?
    }

    /// Starts a request on the loop; its outcome comes to the monitor.
    private func begin(
        _ running: RunningLoop, host: String, port: UInt16, _ tls: TLSContext, kept: Kept
    ) -> Monitor<Outcome?> {
        let outcome = Monitor<Outcome?>(nil)
        running.loop.post { [loop = running.loop] in
            let exchange = try? HTTPExchange(
                loop: loop, endpoint: Endpoint(host: host, port: port, tls: tls), target: "/", headers: [],
                timeout: 30_000_000_000
            ) { result in
                switch result {
                case .success(let response):
                    outcome.update { $0 = Outcome(status: response.head.status, body: response.body) }
                case .failure(let error): outcome.update { $0 = Outcome(error: error) }
                }
            }
            kept.exchange = exchange
            exchange?.start(resolver: Resolver())
        }
        return outcome
    }

    private func ask(
        _ running: RunningLoop, host: String = "localhost", port: UInt16, _ tls: TLSContext
    ) throws -> Outcome {
        let kept = Kept()
        let outcome = begin(running, host: host, port: port, tls, kept: kept)
        defer { _ = running.run { _ in kept.exchange = nil } }
        return try #require(outcome.wait(until: patience()) { $0 })
    }

    /// A server that says hello to whoever gets through its handshake.
    private func server(
        _ context: TLSServerContext, seen: Monitor<[Peer]> = Monitor([])
    ) throws -> TinyServer {
        try TinyServer { fd in
            guard let peer = TLSPeer(fd, context.context) else { return }
            seen.update { $0.append(Peer(resumed: peer.resumed, serverName: peer.serverName)) }
            guard !peer.readHead().isEmpty else { return }
            peer.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        }
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION]) func carriesARequest(version: Int32) throws {
        let certificate = try TestCertificate()
        let seen = Monitor<[Peer]>([])
        let server = try server(TLSServerContext(certificate, newest: version), seen: seen)
        let running = try RunningLoop()
        let tls = try certificate.trusting()
        for host in ["localhost", "127.0.0.1"] {
            let outcome = try ask(running, host: host, port: server.port, tls)
            #expect(outcome.status == 200 && outcome.body == Array("hello".utf8), "\(outcome)")
        }
        // A name is told to the server, an address never is.
        #expect(seen.withLock { $0.map(\.serverName) } == ["localhost", nil])
    }

    @Test func refusesVersionsBefore12() throws {
        let certificate = try TestCertificate()
        let server = try server(TLSServerContext(certificate, newest: TLS1_1_VERSION))
        let outcome = try ask(RunningLoop(), port: server.port, certificate.trusting())
        #expect(outcome.error?.status == .tls)
        #expect(outcome.error?.message.contains("localhost") == true)
    }

    @Test func refusesACertificateItDoesNotTrust() throws {
        let server = try server(TLSServerContext(TestCertificate()))
        let outcome = try ask(RunningLoop(), port: server.port, TestCertificate().trusting())
        #expect(outcome.error?.status == .tls)
        #expect(outcome.error?.message.contains("certificate of localhost is not trusted") == true)
    }

    @Test func refusesTheSystemsStoreForAPrivateCertificate() throws {
        let server = try server(TLSServerContext(TestCertificate()))
        let outcome = try ask(RunningLoop(), port: server.port, TLSContext(caFile: nil))
        #expect(outcome.error?.status == .tls)
        #expect(outcome.error?.message.contains("is not trusted") == true)
    }

    @Test func refusesTheCertificateOfAnotherHost() throws {
        let certificate = try TestCertificate(names: "DNS:other.example,DNS:*.localhost,IP:127.0.0.2")
        let server = try server(TLSServerContext(certificate))
        let running = try RunningLoop()
        for host in ["localhost", "127.0.0.1"] {
            let outcome = try ask(running, host: host, port: server.port, certificate.trusting())
            #expect(outcome.error?.status == .tls)
            #expect(
                outcome.error?.message.contains("certificate of \(host) was made for another host") == true,
                "\(outcome)")
        }
    }

    @Test func refusesACertificateThatHasExpired() throws {
        let certificate = try TestCertificate(expired: true)
        let server = try server(TLSServerContext(certificate))
        let outcome = try ask(RunningLoop(), port: server.port, certificate.trusting())
        #expect(outcome.error?.status == .tls)
        #expect(outcome.error?.message.contains("certificate of localhost has expired") == true)
    }

    @Test func saysThatTheServerSpeaksNoTLS() throws {
        let server = try TinyServer { fd in
            writeAll(fd, "HTTP/1.1 400 Bad Request\r\n\r\n")
            waitForEnd(fd)
        }
        let outcome = try ask(RunningLoop(), host: "127.0.0.1", port: server.port, TestCertificate().trusting())
        #expect(outcome.error?.status == .tls)
        #expect(outcome.error?.message.contains("handshake") == true)
    }

    @Test func saysThatTheServerLeftDuringTheHandshake() throws {
        let server = try TinyServer { fd in
            var hello = [UInt8](repeating: 0, count: 4_096)
            _ = read(fd, &hello, 4_096)
        }
        let outcome = try ask(RunningLoop(), host: "127.0.0.1", port: server.port, TestCertificate().trusting())
        #expect(outcome.error?.status == .network)
        #expect(outcome.error?.message.contains("during the TLS handshake") == true)
    }

    @Test func takesUpASessionAgain() throws {
        let certificate = try TestCertificate()
        let seen = Monitor<[Peer]>([])
        let server = try server(TLSServerContext(certificate), seen: seen)
        let running = try RunningLoop()
        let tls = try certificate.trusting()
        for _ in 0..<3 { #expect(try ask(running, port: server.port, tls).status == 200) }
        #expect(seen.withLock { $0.map(\.resumed) } == [false, true, true])
        // Another context has sessions of its own.
        #expect(try ask(running, port: server.port, certificate.trusting()).status == 200)
        #expect(seen.withLock { $0.last?.resumed } == false)
    }

    /// A trust store that is loaded is used again until its file is another one.
    @Test func loadsAFileOnceUntilItChanges() throws {
        let path = NSTemporaryDirectory() + "trust-\(UUID().uuidString).pem"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try TestCertificate().pem.write(toFile: path, atomically: true, encoding: .utf8)
        let first = try TLSContext(caFile: path)
        #expect(try TLSContext.load(caFile: path, reusing: first) === first)
        #expect(try TLSContext.load(caFile: nil, reusing: first) !== first)
        #expect(try TLSContext.load(caFile: path, reusing: nil) !== first)
        // Written anew, which makes another inode of it.
        try TestCertificate().pem.write(toFile: path, atomically: true, encoding: .utf8)
        #expect(try TLSContext.load(caFile: path, reusing: first) !== first)
        try FileManager.default.removeItem(atPath: path)
        #expect(throws: GatewayError.self) { try TLSContext.load(caFile: path, reusing: first) }
    }

    @Test func saysWhichFileCannotBeLoaded() {
        let error = #expect(throws: GatewayError.self) { _ = try TLSContext(caFile: "/nowhere/ca.pem") }
        #expect(error?.status == .file)
        let reason = "could not be loaded (certificates in PEM form): No such file or directory"
        #expect(error?.message == "the CA file /nowhere/ca.pem \(reason)")
    }
}

/// Both ends of a connection on one thread: libssl keeps one queue of errors for all that a thread does.
@Suite struct TLSErrorQueueTests {
    private final class Pair {
        let client: TLSStream
        /// The stream only borrows them.
        private let buffers = LoopBuffers()
        private let peer: OpaquePointer
        private let server: TLSServerContext
        private let far: Int32

        convenience init(_ certificate: TestCertificate, trusting trusted: TestCertificate) throws {
            try self.init(TLSServerContext(certificate), trusted.trusting())
        }

        init(_ server: TLSServerContext, _ context: TLSContext) throws {
            self.server = server
            var ends: [Int32] = [0, 0]
            let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue)
            try #require(socketpair(AF_UNIX, kind, 0, &ends) == 0)
            peer = try #require(SSL_new(server.context))
            far = ends[1]
            SSL_set_fd(peer, far)
            SSL_set_accept_state(peer)
            client = try TLSStream(
                fd: ends[0], host: "localhost", context: context, buffers: buffers)
        }

        /// Whether the handshake took a session up.
        var isResumed: Bool { SSL_session_reused(peer) == 1 }

        /// Whether bytes come through.
        func carries(_ bytes: [UInt8]) -> Bool {
            let space = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 1)
            defer { space.deallocate() }
            guard SSL_write(peer, bytes, Int32(bytes.count)) == Int32(bytes.count) else { return false }
            client.becameReadable()
            return client.read(into: space) == .bytes(bytes.count) && Array(space.prefix(bytes.count)) == bytes
        }

        deinit {
            SSL_free(peer)
            close(far)
        }

        /// Nil when it succeeds.
        func handshake() -> GatewayError? {
            for _ in 0..<100 {
                client.becameReadable()
                let result = client.handshake()
                if case .failed(let error) = result { return error }
                let accepted = SSL_do_handshake(peer) == 1
                ERR_clear_error()
                if case .done = result, accepted { return nil }
            }
            return GatewayError(.timeout, "it never ends")
        }
    }

    /// A thousand shards that start together are not to make a thousand full handshakes.
    @Test func sharesItsSessionWhileItIsOpen() throws {
        let certificate = try TestCertificate()
        let (server, context) = (try TLSServerContext(certificate), try certificate.trusting())
        let first = try Pair(server, context)
        #expect(first.handshake() == nil)
        let early = try Pair(server, context)
        #expect(early.handshake() == nil)
        #expect(first.carries([1, 2, 3]))
        let late = try Pair(server, context)
        #expect(late.handshake() == nil)
        #expect(late.carries([4]) && first.carries([5]))
        #expect([first, early, late].map(\.isResumed) == [false, false, true])
    }

    @Test func leavesNothingBehindForOthers() throws {
        let pair = try Pair(TestCertificate(), trusting: TestCertificate())
        #expect(pair.handshake()?.status == .tls)
        #expect(ERR_peek_error() == 0)
    }

    @Test func takesNothingThatOthersLeftForItsOwn() throws {
        let certificate = try TestCertificate()
        let pair = try Pair(certificate, trusting: certificate)
        #expect(pair.handshake() == nil)
        let space = UnsafeMutableRawBufferPointer.allocate(byteCount: 1_024, alignment: 1)
        defer { space.deallocate() }
        pair.client.becameReadable()
        #expect(pair.client.read(into: space) == .wouldBlock)
        // As a handler on the loop's thread may leave it.
        _ = BIO_new_file("/nowhere/at/all", "r")
        #expect(ERR_peek_error() != 0)
        pair.client.becameReadable()
        #expect(pair.client.read(into: space) == .wouldBlock)
        ERR_clear_error()
    }
}

@Suite struct DigestTests {
    @Test func isSHA256() {
        func hex(_ bytes: [UInt8]) -> String {
            bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        #expect(
            hex(Digest.sha256([])) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(
            hex(Digest.sha256(Array("abc".utf8)))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
}
