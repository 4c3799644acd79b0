import Testing

@testable import GatewayTransport

/// What connections have received and not used up, in the buffer they share.
@Suite struct InputBufferTests {
    private struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
    }

    /// A shared buffer that is freed with the test.
    private final class Shared {
        let window: UnsafeMutablePointer<ByteWindow>
        init(capacity: Int) {
            window = .allocate(capacity: 1)
            window.initialize(to: ByteWindow(capacity: capacity))
        }
        deinit {
            window.pointee.deallocate()
            window.deallocate()
        }
    }

    /// One turn of a connection: takes bytes in and uses some up, as the model does. Returns what it broke.
    private func turn(
        _ input: inout InputBuffer, _ model: inout [UInt8], _ next: inout UInt8, _ random: inout Generator,
        limit: Int
    ) -> String? {
        input.begin()
        defer { input.end() }
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            guard Array(input.bytes) == model else { return "loses bytes" }
            let needed = model.count + Int.random(in: 1...limit, using: &random)
            let space = input.space(needed: needed)
            guard space.count > 0 else { return "has no space for \(needed) bytes with \(model.count)" }
            let count = Int.random(in: 0...min(space.count, 9_000), using: &random)
            let fresh = (0..<count).map { next &+ UInt8(truncatingIfNeeded: $0) }
            space.copyBytes(from: fresh)
            model += fresh
            next &+= UInt8(truncatingIfNeeded: count)
            input.produced(count)
            guard Array(input.bytes) == model else { return "garbles bytes" }
            let used =
                Bool.random(using: &random) ? model.count : Int.random(in: 0...model.count, using: &random)
            input.consume(used)
            model.removeFirst(used)
        }
        return Array(input.bytes) == model ? nil : "loses bytes at the end of a turn"
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>) func keepsEveryConnectionsBytesApart(seed: UInt64) {
        var random = Generator(state: seed)
        let shared = Shared(capacity: 16_384)
        do {
            var first = InputBuffer(shared: shared.window)
            var second = InputBuffer(shared: shared.window)
            var models: [[UInt8]] = [[], []]
            var next: UInt8 = 0
            for _ in 0..<300 {
                let failure =
                    Bool.random(using: &random)
                    ? turn(&first, &models[0], &next, &random, limit: 5_000)
                    : turn(&second, &models[1], &next, &random, limit: 40_000)
                #expect(failure == nil)
                if failure != nil { return }
                let empty = [first.isEmpty, second.isEmpty]
                #expect(empty == models.map(\.isEmpty))
            }
        }
    }

    @Test func collectsAMessageLargerThanTheSharedBuffer() {
        let shared = Shared(capacity: 8_192)
        do {
            var input = InputBuffer(shared: shared.window)
            var taken = 0
            while taken < 100_000 {
                input.begin()
                let space = input.space(needed: 100_000)
                let count = min(space.count, 3_000)
                for index in 0..<count { space[index] = UInt8(truncatingIfNeeded: taken + index) }
                input.produced(count)
                taken += count
                input.end()
            }
            input.begin()
            let collected = Array(input.bytes)
            #expect(collected == (0..<taken).map { UInt8(truncatingIfNeeded: $0) })
            input.consume(taken)
            input.end()
            let isEmpty = input.isEmpty
            #expect(isEmpty)
        }
    }

    @Test func takesNoMemoryForWhatAHeaderClaims() {
        let shared = Shared(capacity: 8_192)
        do {
            var input = InputBuffer(shared: shared.window)
            input.begin()
            // A gigabyte is announced and nothing of it has come.
            let space = input.space(needed: 1 << 30).count
            #expect(space > 0 && space <= 4 * 8_192)
            input.end()
            let isEmpty = input.isEmpty
            #expect(isEmpty)
        }
    }
}
