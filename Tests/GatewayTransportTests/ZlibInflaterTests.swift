import CZlib
import Testing

@testable import GatewayTransport

@Suite struct ZlibInflaterTests {
    private static let suffix: [UInt8] = [0x00, 0x00, 0xFF, 0xFF]
    private let scratch = InflateScratch()

    private func inflater(_ zlib: ZlibBackend = .system, limit: Int = 1 << 20) throws -> Inflater {
        try Inflater.make(.zlibStream, limit: limit, zlib: zlib)
    }

    @Test(arguments: ZlibBackend.installed) func payloadsOfOneStream(zlib: ZlibBackend) throws {
        let server = ZlibServer()
        let inflater = try inflater(zlib)
        for number in 0..<200 {
            let payload = sampleText(number * 37, seed: UInt64(number))
            let message = server.compress(payload)
            guard !message.isEmpty else { continue }
            #expect(try inflater.payload(of: message, into: scratch) == payload, "payload \(number)")
        }
    }

    @Test func scratchIsSharedBetweenConnections() throws {
        let servers = (0..<5).map { _ in ZlibServer() }
        let inflaters = try (0..<5).map { _ in try inflater() }
        for round in 0..<20 {
            for (number, server) in servers.enumerated() {
                let payload = sampleText(500 + round * 100, seed: UInt64(number * 100 + round))
                #expect(try inflaters[number].payload(of: server.compress(payload), into: scratch) == payload)
            }
        }
    }

    /// gateway.md §14: a payload may be spread over messages, the suffix too, and the header at the stream's start.
    @Test(arguments: ZlibBackend.installed) func everySplitInTwo(zlib: ZlibBackend) throws {
        let payload = sampleText(300)
        let whole = ZlibServer().compress(payload)
        #expect(Array(whole.suffix(4)) == Self.suffix)
        for cut in 0...whole.count {
            let inflater = try inflater(zlib)
            let first = try inflater.payload(of: Array(whole[..<cut]), into: scratch)
            let second = try inflater.payload(of: Array(whole[cut...]), into: scratch)
            if cut == whole.count {
                #expect(first == payload)
            } else {
                #expect(first == nil)
                #expect(second == payload, "cut at \(cut)")
            }
        }
    }

    @Test(arguments: ZlibBackend.installed) func oneByteAtATime(zlib: ZlibBackend) throws {
        let server = ZlibServer()
        let inflater = try inflater(zlib)
        for number in 1...5 {
            let payload = sampleText(number * 50, seed: UInt64(number))
            let whole = server.compress(payload)
            for (index, byte) in whole.enumerated() {
                let seen = try inflater.payload(of: [byte], into: scratch)
                #expect(seen == (index == whole.count - 1 ? payload : nil))
            }
        }
    }

    @Test func randomSplitsOfManyPayloads() throws {
        var random = SeededGenerator(seed: 3)
        let server = ZlibServer(level: 1)
        let inflater = try inflater()
        for number in 0..<200 {
            let payload = sampleText(Int.random(in: 1...3000, using: &random), seed: UInt64(number))
            var rest = server.compress(payload)[...]
            var seen: [UInt8]?
            while !rest.isEmpty {
                let size = Int.random(in: 1...rest.count, using: &random)
                seen = try inflater.payload(of: Array(rest.prefix(size)), into: scratch)
                rest = rest.dropFirst(size)
                if !rest.isEmpty { #expect(seen == nil) }
            }
            #expect(seen == payload)
        }
    }

    /// The suffix must be looked for in the joined bytes: a last message of one to three bytes completes a payload.
    @Test func shortLastMessageCompletes() throws {
        for tail in 1...3 {
            let payload = sampleText(100)
            let whole = ZlibServer().compress(payload)
            let inflater = try inflater()
            #expect(try inflater.payload(of: Array(whole.dropLast(tail)), into: scratch) == nil)
            #expect(try inflater.payload(of: Array(whole.suffix(tail)), into: scratch) == payload)
        }
    }

    /// Four bytes are enough, whatever they mean to the inflater.
    @Test func aMessageOfOnlyTheSuffixCompletes() throws {
        let inflater = try inflater()
        #expect(try inflater.payload(of: [0x78, 0x9C], into: scratch) == nil)
        #expect(try inflater.payload(of: Self.suffix, into: scratch) == [])
    }

    @Test func emptyMessagesChangeNothing() throws {
        let payload = sampleText(100)
        let whole = ZlibServer().compress(payload)
        let inflater = try inflater()
        #expect(try inflater.payload(of: [], into: scratch) == nil)
        #expect(try inflater.payload(of: Array(whole.prefix(9)), into: scratch) == nil)
        #expect(try inflater.payload(of: [], into: scratch) == nil)
        #expect(try inflater.payload(of: Array(whole.dropFirst(9)), into: scratch) == payload)
    }

    @Test(arguments: ZlibBackend.installed) func fiveMegabytes(zlib: ZlibBackend) throws {
        let payload = sampleText(5_000_000)
        let server = ZlibServer()
        let inflater = try inflater(zlib, limit: 64 << 20)
        #expect(try inflater.payload(of: server.compress(payload), into: scratch) == payload)
        #expect(try inflater.payload(of: server.compress([1, 2]), into: scratch) == [1, 2])
    }

    @Test(arguments: ZlibBackend.installed) func incompressibleData(zlib: ZlibBackend) throws {
        var random = SeededGenerator(seed: 9)
        let payload = (0..<300_000).map { _ in UInt8.random(in: 0...255, using: &random) }
        let whole = ZlibServer().compress(payload)
        #expect(whole.count > payload.count)
        let exact = try inflater(zlib, limit: payload.count)
        #expect(try exact.payload(of: Array(whole.prefix(10)), into: scratch) == nil)
        #expect(try exact.payload(of: Array(whole.dropFirst(10)), into: scratch) == payload)
    }

    // MARK: Limits

    @Test(arguments: ZlibBackend.installed) func limitIsExact(zlib: ZlibBackend) throws {
        for size in [1, 1000, 65535, 65536, 65537, 131_072, 200_000] {
            let payload = sampleText(size)
            let whole = ZlibServer().compress(payload)
            #expect(try inflater(zlib, limit: size).payload(of: whole, into: scratch) == payload)
            let tight = try inflater(zlib, limit: size - 1)
            #expect(throws: InflateError(kind: .tooLarge, reason: "payload exceeds the limit")) {
                try tight.payload(of: whole, into: scratch)
            }
        }
    }

    @Test(arguments: ZlibBackend.installed) func bombsDoNotAllocateBeyondTheLimit(zlib: ZlibBackend) throws {
        let limit = 300_000
        let bomb = ZlibServer(level: 9).compress([UInt8](repeating: 0, count: 50_000_000))
        #expect(bomb.count < 60_000)
        let scratch = InflateScratch()
        let inflater = try inflater(zlib, limit: limit)
        let error = #expect(throws: InflateError.self) { try inflater.payload(of: bomb, into: scratch) }
        #expect(error?.kind == .tooLarge)
        #expect(scratch.capacity <= limit)
        // And not again: the context is lost.
        #expect(throws: InflateError.self) { try inflater.payload(of: ZlibServer().compress([1]), into: scratch) }
    }

    @Test func payloadsThatNeverEndAreGivenUp() throws {
        let inflater = try inflater(limit: 10_000)
        var fed = 0
        var kind: InflateError.Kind?
        do throws(InflateError) {
            while fed < 100_000 {
                let message = (fed == 0 ? [0x78, 0x9C] : []) + [UInt8](repeating: 1, count: 500)
                let payload = try inflater.payload(of: message, into: scratch)
                #expect(payload == nil)
                fed += 500
            }
        } catch {
            kind = error.kind
        }
        #expect(kind == .tooLarge)
        #expect(fed >= 10_000 && fed <= 11_500)
    }

    // MARK: Damage

    @Test func everyHeader() throws {
        let body = Array(ZlibServer().compress(sampleText(50)).dropFirst(2))
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                let isGood =
                    first & 0x0F == 8 && first >> 4 <= 7 && second & 0x20 == 0
                    && (Int(first) * 256 + Int(second)) % 31 == 0
                let inflater = try inflater()
                let seen = try? inflater.payload(of: [first, second] + body, into: scratch)
                if (seen == sampleText(50)) != isGood { Issue.record("header \(first) \(second)") }
            }
        }
    }

    /// A bad header is found out at once, not when the payload is complete.
    @Test func badHeaderFailsEarly() throws {
        let json = try inflater()
        #expect(throws: InflateError(kind: .corrupt, reason: "not a zlib stream")) {
            try json.payload(of: Array("{".utf8), into: scratch)
        }
        let second = try inflater()
        #expect(try second.payload(of: [0x78], into: scratch) == nil)
        #expect(throws: InflateError(kind: .corrupt, reason: "not a zlib stream")) {
            try second.payload(of: [0x9D], into: scratch)
        }
    }

    /// Every byte of a stream replaced by others: an error, or other bytes within the limit, and no more.
    @Test(arguments: ZlibBackend.installed) func damageAtEveryPosition(zlib: ZlibBackend) throws {
        let server = ZlibServer()
        let payload = sampleText(800)
        let messages = [server.compress(payload), server.compress(sampleText(400, seed: 2))]
        let limit = 100_000
        var failures = 0
        for position in 0..<(messages[0].count + messages[1].count) {
            for change: UInt8 in [0x01, 0x10, 0x80, 0xFF] {
                var damaged = messages
                if position < messages[0].count {
                    damaged[0][position] ^= change
                } else {
                    damaged[1][position - messages[0].count] ^= change
                }
                let inflater = try inflater(zlib, limit: limit)
                do {
                    for message in damaged {
                        let seen = try inflater.payload(of: message, into: scratch)
                        #expect((seen?.count ?? 0) <= limit)
                    }
                } catch {
                    failures += 1
                }
            }
        }
        #expect(failures > 100)
    }

    @Test(arguments: ZlibBackend.installed) func corruptIsTold(zlib: ZlibBackend) throws {
        let inflater = try inflater(zlib)
        // A block type that does not exist, then the suffix.
        #expect(throws: InflateError(kind: .corrupt, reason: "compressed payload is corrupt")) {
            try inflater.payload(of: [0x78, 0x9C, 0x07] + Self.suffix, into: scratch)
        }
        #expect(throws: InflateError(kind: .corrupt, reason: "the compressed stream has failed before")) {
            try inflater.payload(of: ZlibServer().compress([1]), into: scratch)
        }
    }

    /// The stream of a connection never ends (gateway.md §14).
    @Test(arguments: ZlibBackend.installed) func endOfStreamIsCorrupt(zlib: ZlibBackend) throws {
        let ended = ZlibServer().compress(sampleText(100), flush: Z_FINISH)
        let inflater = try inflater(zlib)
        #expect(throws: InflateError(kind: .corrupt, reason: "the zlib stream has ended")) {
            try inflater.payload(of: ended + Self.suffix, into: scratch)
        }
    }
}
