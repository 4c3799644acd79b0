import Synchronization
import Testing

@testable import GatewayTransport

@Suite(.timeLimit(.minutes(1)))
struct DoorbellTests {
    @Test func whoWasRungForDoesNotSleep() {
        let bell = Doorbell()
        bell.announce()
        #expect(bell.isAwaited)
        bell.ring()
        #expect(!bell.isAwaited)
        bell.sleep()  // would be for ever
    }

    @Test func ringsForNobodyAreNotKept() {
        let bell = Doorbell()
        bell.ring()
        bell.announce()
        #expect(bell.isAwaited)
        bell.withdraw()
        #expect(!bell.isAwaited)
    }

    /// Each of two threads goes on only when the other one has: a ring that is lost hangs both.
    @Test func nothingIsLostBetweenTwoThreads() throws {
        let rounds = 20_000
        let (bells, turns) = ([Doorbell(), Doorbell()], Turns())
        @Sendable func play(_ me: Int) {
            for round in 0..<rounds {
                let mine = 2 * round + me
                while turns.next.load(ordering: .acquiring) != mine {
                    bells[me].announce()
                    if turns.next.load(ordering: .acquiring) == mine { bells[me].withdraw() } else { bells[me].sleep() }
                }
                turns.next.store(mine + 1, ordering: .releasing)
                atomicMemoryFence(ordering: .sequentiallyConsistent)
                if bells[1 - me].isAwaited { bells[1 - me].ring() }
            }
        }
        let other = try EngineThread(name: "other") { play(1) }
        play(0)
        other.join()
        #expect(turns.next.load(ordering: .acquiring) == 2 * rounds)
    }

    private final class Turns: Sendable {
        let next = Atomic<Int>(0)
    }
}
