import Foundation
import GatewaySandbox
import SwiftGateway
import Testing

extension Integration {
    /// How bytes travel, and bytes that mean nothing.
    @Suite("On the wire")
    struct WireTests {
        struct Way: CustomTestStringConvertible {
            let fault: Fault
            let compression: Compression
            var testDescription: String { "\(fault.name), \(compression)" }
        }

        static let ways: [Way] = Compression.allCases.flatMap { compression in
            [
                Fault.delay(.milliseconds(60)), .split(bytes: 7), .fragment(bytes: 11),
                .drip(bytes: 97, every: .microseconds(200)),
            ].map { Way(fault: $0, compression: compression) }
        }

        @Test("payloads arrive whole however they travel", arguments: ways)
        func arrives(_ way: Way) async throws {
            try await withRig(
                client: { try $0.setCompression(way.compression) },
                faults: [FaultOrder(way.fault, at: .accept)]
            ) { rig in
                try await rig.untilActive()
                try await rig.exchange(15)
                #expect(rig.record.errors.isEmpty)
                #expect(rig.record.closes.isEmpty)
                #expect(rig.record.dispatches("MESSAGE_CREATE").allSatisfy { $0.data.last == UInt8(ascii: "}") })
            }
        }

        /// Something that breaks a rule, and the close code that answers it.
        struct Offence: CustomTestStringConvertible {
            let name: String
            let fault: Fault
            let code: Int?
            var compression = Compression.zlib
            var testDescription: String { "\(name), \(compression)" }
        }

        /// A dispatch in a text frame whose content has one byte replaced by one that is ASCII or never in UTF-8.
        private static func text(_ content: String, spoiling index: Int, event: String = "TYPING_START") -> Fault {
            let padding = String(repeating: "x", count: 60)
            let before = Array(#"{"t":"\#(event)","s":99,"op":0,"d":{"a":"\#(padding)","c":""#.utf8)
            var spoiled = Array(content.utf8)
            spoiled[index] = index == spoiled.count - 1 ? UInt8(ascii: "b") : 0xFF
            return .frame(RawFrame(opcode: 1, payload: before + spoiled + Array(#"","b":"\#(padding)"}}"#.utf8)))
        }

        static let offences = [
            Offence(name: "reserved bits", fault: .reservedBits, code: 1002),
            Offence(name: "reserved opcode", fault: .reservedOpcode, code: 1002),
            Offence(name: "masked frame", fault: .maskedFrame, code: 1002),
            Offence(name: "oversize control frame", fault: .oversizeControl, code: 1002),
            Offence(name: "fragmented control frame", fault: .fragmentedControl, code: 1002),
            Offence(name: "continuation of nothing", fault: .orphanContinuation, code: 1002),
            Offence(name: "close frame of one byte", fault: .shortClose, code: 1002),
            Offence(name: "invalid UTF-8", fault: .invalidUTF8, code: 1007),
            Offence(name: "bad byte in a dispatch", fault: text("a\u{e9}", spoiling: 1), code: 1007),
            Offence(
                name: "bad byte in a dispatch", fault: text("a\u{e9}", spoiling: 1), code: 1007, compression: .none),
            Offence(name: "cut character in a dispatch", fault: text("a\u{e9}", spoiling: 2), code: 1007),
            Offence(
                name: "bad byte far into a dispatch",
                fault: text(String(repeating: "\u{e9}", count: 300), spoiling: 599),
                code: 1007),
            Offence(
                name: "bad byte in an event of no known name", fault: text("\u{e9}", spoiling: 0, event: "SANDBOX_X"),
                code: 1007),
            Offence(name: "header of 2^62 bytes", fault: .oversizeFrame(), code: 1009),
            Offence(name: "header of 2 MB", fault: .oversizeFrame(length: 2 << 20), code: 1009),
            Offence(name: "corrupt compression", fault: .corruptCompression, code: 4000),
            Offence(name: "corrupt compression", fault: .corruptCompression, code: 4000, compression: .zstd),
            Offence(name: "corrupt JSON", fault: .corruptJSON, code: 4000),
            Offence(name: "corrupt JSON", fault: .corruptJSON, code: 4000, compression: .none),
            Offence(name: "corrupt JSON", fault: .corruptJSON, code: 4000, compression: .zstd),
            Offence(name: "bytes that are no frame", fault: .raw([0xF7, 0xFF, 0xFF, 0xFF]), code: 1002),
        ]

        @Test("is answered with its close code, told, and the session resumed", arguments: offences)
        func offence(_ offence: Offence) async throws {
            try await withRig(client: {
                try $0.setCompression(offence.compression)
                try $0.setMaxMessageSize(1 << 20)
            }) { rig in
                try await rig.untilActive()
                try await rig.exchange()
                await rig.sandbox.inject(offence.fault)
                await rig.sandbox.emitBurst(count: 10)
                try await rig.until("resumed, nothing lost") { $0.trace().resumes == 1 && $0.trace().message == 15 }
                #expect(rig.record.errors.map(\.status) == [.protocolViolation])
                #expect(rig.record.closes.map(\.code) == [1006])
                let journal = await rig.journal
                #expect(journal.clientCloseCodes == [offence.code])
                #expect(journal.identifies.count == 1)
            }
        }

        @Test("bytes below TLS break the connection, and the session is resumed")
        func belowTLS() async throws {
            try await withRig { rig in
                try await rig.untilActive()
                await rig.sandbox.inject(.rawTCP(Array(repeating: 0x55, count: 64)))
                try await rig.until("resumed") { $0.trace().resumes == 1 && $0.isActive() }
                try await rig.exchange()
                #expect(rig.record.closes.map(\.code) == [1006])
                #expect(rig.record.closes.first?.text.contains("TLS") == true)
            }
        }

        @Test("binary noise on a compressed connection is found by the next payload at the latest")
        func noise() async throws {
            try await withRig { rig in
                try await rig.untilActive()
                await rig.sandbox.inject(.unsolicitedBinary)
                await rig.sandbox.emitBurst(count: 5)
                try await rig.until("resumed") { $0.trace().resumes == 1 && $0.trace().message == 5 }
                #expect(rig.record.errors(.protocolViolation).count == 1)
            }
        }

        @Test("text on a compressed connection, pings and pongs are fine")
        func harmless() async throws {
            try await withRig { rig in
                try await rig.untilActive()
                await rig.sandbox.inject(.plainText)
                await rig.sandbox.inject(.unsolicitedPong)
                await rig.sandbox.inject(.ping)
                try await rig.untilServer("the pong") { $0.count { $0 == .pong } == 1 }
                try await rig.exchange()
                #expect(rig.record.closes.isEmpty && rig.record.errors.isEmpty)
            }
        }

        @Test("a decompression bomb is an error within bounded memory", arguments: [Compression.zlib, .zstd])
        func bomb(compression: Compression) async throws {
            try await withRig(client: {
                try $0.setCompression(compression)
                try $0.setMaxMessageSize(4 << 20)
            }) { rig in
                try await rig.untilActive()
                try await rig.exchange()
                let before = try Self.memory("VmRSS:")
                // Sets the peak back to the present use.
                try Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/self/clear_refs"))
                await rig.sandbox.inject(.bomb(megabytes: 300))
                try await rig.until("resumed") { $0.trace().resumes == 1 && $0.isActive() }
                try await rig.exchange()
                #expect(try Self.memory("VmHWM:") < before + 100 * 1024)
                #expect(rig.record.errors.map(\.status) == [.protocolViolation])
                #expect(await rig.journal.identifies.count == 1)
            }
        }

        /// A line of the process's memory use, in KiB.
        private static func memory(_ line: String) throws -> Int {
            let text = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
            let found = try #require(text.split(separator: "\n").first { $0.hasPrefix(line) })
            return try #require(found.split(separator: " ").compactMap { Int($0) }.first)
        }
    }
}
