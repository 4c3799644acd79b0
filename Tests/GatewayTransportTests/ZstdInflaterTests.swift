import CZstd
import Testing

@testable import GatewayTransport

@Suite(.enabled(if: ZstdBackend.system != nil, "libzstd is not installed"))
struct ZstdInflaterTests {
    private let scratch = InflateScratch()

    private func inflater(limit: Int = 1 << 20) throws -> Inflater { try Inflater.make(.zstdStream, limit: limit) }

    @Test func payloadsOfOneFrame() throws {
        let server = try #require(ZstdServer())
        let inflater = try inflater()
        for number in 0..<200 {
            let payload = sampleText(1 + number * 37, seed: UInt64(number))
            #expect(try inflater.payload(of: server.compress(payload), into: scratch) == payload, "payload \(number)")
        }
    }

    @Test func fiveMegabytes() throws {
        let payload = sampleText(5_000_000)
        let server = try #require(ZstdServer())
        let inflater = try inflater(limit: 64 << 20)
        #expect(try inflater.payload(of: server.compress(payload), into: scratch) == payload)
        #expect(try inflater.payload(of: server.compress([1, 2]), into: scratch) == [1, 2])
    }

    @Test func anEndedFrameMayBeFollowedByAnother() throws {
        let server = try #require(ZstdServer())
        let inflater = try inflater()
        for number in 1...3 {
            let payload = sampleText(number * 1000)
            let message = server.compress(payload, directive: CZSTD_E_END)
            #expect(try inflater.payload(of: message, into: scratch) == payload)
        }
    }

    @Test func limitIsExact() throws {
        for size in [1, 1000, 65535, 65536, 65537, 131_072, 200_000] {
            let payload = sampleText(size)
            let whole = try #require(ZstdServer()).compress(payload)
            #expect(try inflater(limit: size).payload(of: whole, into: scratch) == payload)
            let tight = try inflater(limit: size - 1)
            #expect(throws: InflateError(kind: .tooLarge, reason: "payload exceeds the limit")) {
                try tight.payload(of: whole, into: scratch)
            }
        }
    }

    @Test func bombsDoNotAllocateBeyondTheLimit() throws {
        let limit = 300_000
        let bomb = try #require(ZstdServer()).compress([UInt8](repeating: 0, count: 50_000_000))
        let scratch = InflateScratch()
        let inflater = try inflater(limit: limit)
        let error = #expect(throws: InflateError.self) { try inflater.payload(of: bomb, into: scratch) }
        #expect(error?.kind == .tooLarge)
        #expect(scratch.capacity <= limit)
    }

    /// A peer cannot make us reserve more than 8 MiB for its window.
    @Test func windowIsBounded() throws {
        let payload = sampleText(1000)
        let allowed = try #require(ZstdServer(windowLog: 23)).compress(payload)
        #expect(try inflater().payload(of: allowed, into: scratch) == payload)
        let larger = try #require(ZstdServer(windowLog: 24)).compress(payload)
        let refusing = try inflater()
        #expect(throws: InflateError(kind: .corrupt, reason: "compressed payload is corrupt")) {
            try refusing.payload(of: larger, into: scratch)
        }
    }

    @Test func damageAtEveryPosition() throws {
        let server = try #require(ZstdServer())
        let messages = [server.compress(sampleText(800)), server.compress(sampleText(400, seed: 2))]
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
                let inflater = try inflater(limit: limit)
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

    @Test func missingLibraryIsNotFound() {
        #expect(ZstdBackend.load("libdoes-not-exist.so.1") == nil)
        // A library that is not zstd.
        #expect(ZstdBackend.load("libz.so.1") == nil)
    }
}
