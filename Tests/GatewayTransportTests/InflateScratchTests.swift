import Testing

@testable import GatewayTransport

@Suite struct InflateScratchTests {
    @Test func growsForALargePayloadAndShrinksBack() throws {
        let scratch = InflateScratch()
        #expect(scratch.capacity == 0)
        let server = ZlibServer()
        let inflater = try Inflater.make(.zlibStream)
        func feed(_ size: Int) throws {
            let payload = sampleText(size)
            #expect(try inflater.payload(of: server.compress(payload), into: scratch) == payload)
        }
        try feed(10)
        #expect(scratch.capacity == InflateScratch.initialCapacity)
        try feed(1_000_000)
        #expect(scratch.capacity == 1 << 20)
        // A large one in between starts the count again.
        for _ in 0..<InflateScratch.patience - 1 { try feed(100) }
        try feed(600_000)
        for _ in 0..<InflateScratch.patience { try feed(100) }
        #expect(scratch.capacity == 1 << 20)
        try feed(100)
        #expect(scratch.capacity == InflateScratch.initialCapacity)
    }

    @Test func trimGivesMemoryBackAtOnce() throws {
        let scratch = InflateScratch()
        let inflater = try Inflater.make(.zlibStream)
        _ = try inflater.payload(of: ZlibServer().compress(sampleText(500_000)), into: scratch)
        #expect(scratch.capacity > InflateScratch.initialCapacity)
        scratch.trim()
        #expect(scratch.capacity == 0)
    }

    @Test func uncompressedMessagesPassThrough() throws {
        let scratch = InflateScratch()
        let inflater = try Inflater.make(.none, limit: 10)
        try [UInt8](1...10).withUnsafeBytes { message in
            let payload = try inflater.decompress(message, into: scratch)
            #expect(payload?.baseAddress == message.baseAddress)
            #expect(payload?.count == 10)
        }
        #expect(throws: InflateError(kind: .tooLarge, reason: "payload exceeds the limit")) {
            try inflater.payload(of: [UInt8](1...11), into: scratch)
        }
        #expect(scratch.capacity == 0)
    }
}
