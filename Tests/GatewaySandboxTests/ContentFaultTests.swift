import NIOCore
import NIOWebSocket
import Testing

@testable import GatewaySandbox

/// Faults of content and framing, and the limits of both sides.
@Suite("Sandbox faults of content")
struct ContentFaultTests {
    static let zlib = "?v=10&encoding=json&compress=zlib-stream"
    static let queries =
        ["?v=10&encoding=json", zlib] + (ZstdLibrary.shared == nil ? [] : ["?v=10&encoding=json&compress=zstd-stream"])

    @Test("payloads split over several messages inflate to the same")
    func split() async throws {
        let sandbox = try await ConnectionFaultTests.start()
        let (client, _) = try await TestClient.started(sandbox, query: Self.zlib)
        let before = client.received
        await sandbox.inject(.split(bytes: 7))
        await sandbox.emit(name: "TEST", json: "{\"text\":\"some text that is long enough to be split\"}")
        #expect(try await client.payload()["d"]?["text"]?.string?.hasSuffix("split") == true)
        #expect(client.received.messages > before.messages + 3)
        await sandbox.stop()
    }

    @Test("messages in fragments, with pings between them")
    func fragment() async throws {
        let sandbox = try await ConnectionFaultTests.start()
        let (client, _) = try await TestClient.started(sandbox)
        let before = client.received
        await sandbox.inject(.fragment(bytes: 30))
        await sandbox.emit(name: "TEST", json: "\"0123456789\"")
        #expect(await client.next() == .control(9, Array("between".utf8)))
        #expect(try await client.payload()["d"] == "0123456789")
        #expect(client.received.messages == before.messages + 1)
        #expect(client.received.frames == before.frames + 2)
        await sandbox.stop()
    }

    @Test("few bytes at a time, and everything later, keep the order")
    func drip() async throws {
        let sandbox = try await ConnectionFaultTests.start()
        let (client, _) = try await TestClient.started(sandbox)
        await sandbox.inject(.drip(bytes: 5, every: .milliseconds(1)))
        for index in 0..<3 { await sandbox.emit(name: "TEST", json: "\(index)") }
        await sandbox.clearFaults()
        await sandbox.inject(.delay(.milliseconds(50)))
        for index in 3..<6 { await sandbox.emit(name: "TEST", json: "\(index)") }
        await sandbox.clearFaults()
        for index in 6..<9 { await sandbox.emit(name: "TEST", json: "\(index)") }
        #expect(try await client.payloads { $0["d"] == 8 }.map { $0["d"] } == (0..<9).map { .integer($0) })
        await sandbox.stop()
    }

    @Test("corrupt messages cannot be decoded", arguments: queries)
    func corrupt(query: String) async throws {
        let sandbox = try await ConnectionFaultTests.start()
        let (client, _) = try await TestClient.started(sandbox, query: query)
        await sandbox.inject(.corruptJSON)
        guard case .undecodable = await client.next() else { throw ClientFailure(description: "JSON was decoded") }
        await sandbox.inject(.corruptCompression)
        guard case .undecodable = await client.next() else { throw ClientFailure(description: "bytes were inflated") }
        await sandbox.stop()
    }

    @Test("odd dispatches arrive as ordered, and count in the sequence")
    func odd() async throws {
        let sandbox = try await ConnectionFaultTests.start()
        let (client, _) = try await TestClient.started(sandbox)
        await sandbox.inject(.unknownOpcode)
        #expect(try await client.payload()["op"] == 99)
        await sandbox.inject(.unknownEvent)
        #expect(try await client.payload() == ["t": "SANDBOX_UNKNOWN_EVENT", "s": 3, "op": 0, "d": ["sandbox": true]])
        await sandbox.inject(.duplicateDispatch)
        #expect(try await client.payload()["s"] == 3)
        await sandbox.inject(.oddDispatches)
        let odd = try await client.payloads { $0["t"] == "SANDBOX_NO_SEQUENCE" }
        #expect(odd.map { $0["s"] } == [4, 5, 6, 7, nil])
        #expect(odd.map { $0["d"] } == [[1, ["op": 7], []], .null, "}]{[ \" \" ", -1500.0, [:]])
        await sandbox.inject(.reorderedDispatch)
        let reordered = try await client.payload()
        #expect(reordered["op"] == 0)
        #expect(reordered["s"] == 8)
        #expect(reordered["t"] == "SANDBOX_REORDERED")
        await sandbox.inject(.hugeDispatch(bytes: 3_000_000))
        let huge = try await client.payload()
        #expect(huge["d"]?["padding"]?.string?.utf8.count == 3_000_000)
        await sandbox.inject(.sequenceGap(5))
        await sandbox.emit(name: "TEST", json: "{}")
        #expect(try await client.payload()["s"] == 15)
        await sandbox.stop()
    }

    @Test("huge READY and a bomb", arguments: queries)
    func large(query: String) async throws {
        let sandbox = try await ConnectionFaultTests.start()
        await sandbox.inject(.hugeReady(bytes: 2_000_000))
        let client = try await TestClient.connect(sandbox.gatewayURL, caFile: nil, query: query)
        _ = try await client.payload()
        try await client.identify(sandbox)
        let ready = try await client.payload()
        #expect((ready["d"]?["_padding"]?.string?.utf8.count ?? 0) > 1_990_000)
        _ = try await client.payload()
        await sandbox.inject(.bomb(megabytes: 3))
        #expect(try await client.payload()["d"]?.string?.utf8.count == 3 << 20)
        await sandbox.stop()
    }

    @Test("frames are written as asked, valid or not")
    func frames() {
        func bytes(_ frame: RawFrame) -> [UInt8] {
            var buffer = ByteBuffer()
            FrameWriter.write(frame, into: &buffer)
            return Array(buffer.readableBytesView)
        }
        #expect(bytes(RawFrame(opcode: 1, payload: [0x7B, 0x7D])) == [0x81, 2, 0x7B, 0x7D])
        #expect(bytes(RawFrame(opcode: 9, isFinal: false)) == [0x09, 0])
        #expect(bytes(RawFrame(opcode: 2, reserved: 4)) == [0xC2, 0])
        #expect(bytes(RawFrame(opcode: 1, isMasked: true, payload: [0])) == [0x81, 0x81, 0x12, 0x34, 0x56, 0x78, 0x12])
        #expect(bytes(RawFrame(opcode: 2, claimedLength: 1 << 62)) == [0x82, 127, 0x40, 0, 0, 0, 0, 0, 0, 0])
        #expect(bytes(RawFrame(opcode: 2, payload: Array(repeating: 1, count: 126))).prefix(4) == [0x82, 126, 0, 126])
        #expect(
            bytes(RawFrame(opcode: 2, payload: Array(repeating: 1, count: 65_536))).prefix(10)
                == [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0])
        #expect(FrameWriter.closeBody(code: 4000, reason: "x") == [0x0F, 0xA0, 0x78])
        #expect(FrameWriter.closeBody(code: nil, reason: "x").isEmpty)
    }

    @Test("raw bytes go through as they are")
    func raw() async throws {
        let sandbox = try await ConnectionFaultTests.start()
        let (client, _) = try await TestClient.started(sandbox)
        await sandbox.inject(.raw([0x89, 1, 0x41]))
        #expect(await client.next() == .control(9, [0x41]))
        await sandbox.inject(.ping)
        #expect(await client.next() == .control(9, Array("sandbox".utf8)))
        await sandbox.stop()
    }

    @Test("a client that breaks RFC 6455 is told so", arguments: ["unmasked", "continuation", "interleaved"])
    func violations(kind: String) async throws {
        let sandbox = try await ConnectionFaultTests.start()
        let (client, _) = try await TestClient.started(sandbox)
        switch kind {
        case "unmasked": try await client.send("{\"op\":1,\"d\":null}", mask: false)
        case "continuation": try await client.send("x", opcode: .continuation)
        default:
            try await client.send("{\"op\":1,", fin: false)
            try await client.send("{\"op\":1,\"d\":null}")
        }
        #expect(await client.close()?.code == 1002)
        #expect(await sandbox.journal.count { if case .violation = $0 { true } else { false } } == 1)
        await sandbox.stop()
    }

    @Test("a client's fragmented message is one message")
    func clientFragments() async throws {
        let sandbox = try await ConnectionFaultTests.start()
        let (client, _) = try await TestClient.started(sandbox)
        try await client.send("{\"op\":1,", fin: false)
        try await client.send("", opcode: .ping)
        try await client.send("\"d\":2}", opcode: .continuation)
        #expect(await client.next() == .control(10, []))
        #expect(try await client.payload()["op"] == 11)
        #expect(await sandbox.journal.heartbeats.map(\.sequence) == [2])
        await sandbox.stop()
    }

    @Test("a client that does not read stops the stream, and misses nothing once it reads")
    func backPressure() async throws {
        let sandbox = try await ConnectionFaultTests.start {
            $0.mix = .messages
            // This client sends no heartbeats, and its reading takes long where a sanitizer watches.
            $0.heartbeatTolerance = 0
        }
        let (client, _) = try await TestClient.started(sandbox)
        try await client.channel.setOption(.autoRead, value: false).get()
        let count = 12_000
        await sandbox.emitBurst(count: count)
        // Were it not for the client, each of these would see 512 more of them made.
        for _ in 0..<200 { _ = await sandbox.sessions }
        let stalled = try #require(await sandbox.session(shard: 0))
        #expect(stalled.pending > 0)
        #expect(stalled.lastSequence - (stalled.lastSent ?? 0) <= 1)
        try await client.channel.setOption(.autoRead, value: true).get()
        client.channel.read()
        for number in 1...count {
            let message = try await client.payload()
            guard message["d"]?["content"]?.string?.split(separator: " ").first == "#\(number)" else {
                throw ClientFailure(description: "expected message \(number): \(message)")
            }
        }
        #expect(await sandbox.session(shard: 0)?.pending == 0)
        await sandbox.stop()
    }

    @Test("chaos: whatever happens, a client that resumes gets every message once and in order")
    func chaos() async throws {
        let sandbox = try await ConnectionFaultTests.start {
            $0.mix = .messages
            $0.eventsPerSecond = 300
            $0.chaos = .milliseconds(20)
            // This client sends no heartbeats, so it would not notice silence, nor garbage that reads like the header of a
            // long frame, as it may without TLS.
            $0.chaosFaults.removeAll { $0 == .halfOpen || $0.name == "raw-tcp" }
            $0.seed = 7
        }
        var (client, session) = try await TestClient.started(sandbox)
        var sequence: Int64 = 2
        var number = 0
        var connections = 1
        while connections < 20 {
            let event = await client.next()
            if case .payload(let json) = event, json["op"] == 0, json["d"] != nil, let next = json["s"]?.integer {
                #expect(next == sequence + 1)
                sequence = next
                guard json["t"] == "MESSAGE_CREATE" else { continue }
                number += 1
                #expect(json["d"]?["content"]?.string?.split(separator: " ").first == "#\(number)")
                continue
            }
            if case .control = event { continue }
            try? await client.drop()
            client = try await TestClient.connect(sandbox.resumeURL, caFile: nil)
            _ = try await client.payload()
            try await client.resume(sandbox, session: session, seq: sequence)
            connections += 1
        }
        #expect(number > 10)
        await sandbox.stop()
    }

    @Test("the stream keeps its rate, and goes on in the buffer while nobody is connected")
    func rate() async throws {
        let sandbox = try await ConnectionFaultTests.start {
            $0.mix = .messages
            $0.eventsPerSecond = 500
        }
        let (client, session) = try await TestClient.started(sandbox)
        let first = try await client.payloads { $0["s"] == 50 }
        try await client.drop()
        #expect(await sandbox.wait { $0.count { $0 == .disconnected } == 1 })
        let heard = try #require(first.last?["s"]?.integer)
        var made: UInt64 = 0
        while made < 200 { made = await sandbox.session(shard: 0)?.lastSequence ?? 0 }
        let second = try await TestClient.connect(sandbox.resumeURL, caFile: nil)
        _ = try await second.payload()
        try await second.resume(sandbox, session: session, seq: heard)
        let replayed = try await second.payloads { $0["t"] == "RESUMED" }
        #expect(replayed.count > 150)
        #expect(replayed.map { $0["s"] } == (51..<51 + Int64(replayed.count)).map { .integer($0) })
        await sandbox.stop()
    }
}
