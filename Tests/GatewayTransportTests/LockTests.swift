import GatewayProtocol
import Testing

@testable import GatewayTransport

@Suite struct LockTests {
    /// Reading and writing in two steps loses counts wherever two threads are inside at once.
    @Test func admitsOneThreadAtATime() throws {
        final class Counter: Sendable { let count = Lock(0) }
        let counter = Counter()
        let threads = try (0..<4).map { number in
            try EngineThread(name: "test-lock-\(number)") {
                for _ in 0..<20_000 {
                    counter.count.withLock { count in
                        let before = count
                        count = before + 1
                    }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(counter.count.withLock { $0 } == 80_000)
    }

    @Test func opensAgainAfterAnError() {
        let lock = Lock(1)
        #expect(throws: GatewayError.self) {
            try lock.withLock { value throws(GatewayError) in
                value = 2
                throw GatewayError(.timeout, "no")
            }
        }
        #expect(lock.withLock { $0 } == 2)
    }

    @Test func letsGoOfItsValueAtItsEnd() {
        final class Held: Sendable {
            let gone: Monitor<Bool>
            init(gone: Monitor<Bool>) { self.gone = gone }
            deinit { gone.update { $0 = true } }
        }
        let gone = Monitor(false)
        do {
            let lock = Lock(Held(gone: gone))
            #expect(lock.withLock { !$0.gone.withLock { $0 } })
        }
        #expect(gone.withLock { $0 })
    }
}
