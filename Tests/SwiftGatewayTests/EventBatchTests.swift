import GatewayProtocol
import GatewayTransport
import Testing

@testable import SwiftGateway

@Suite("Event batches")
struct EventBatchTests {
    /// The handler is held in its first call, so that everything else waits together.
    private func held() throws -> DeliveryRig {
        let rig = try DeliveryRig(capacity: 1 << 19, permits: 0, batches: true)
        rig.push(1)
        #expect(rig.waitEntered(1))
        return rig
    }

    @Test func handsOverWhatWaitsInOrderAndInBatches() throws {
        let rig = try held()
        for sequence in 2...600 as ClosedRange<UInt64> { rig.push(sequence, pattern(20, sequence)) }
        rig.allow(nil)
        let seen = rig.waitSeen(600)
        #expect(seen.map(\.sequence) == Array(1...600))
        #expect(seen.allSatisfy { $0.sequence == 1 || $0.data == pattern(20, $0.sequence) })
        let batches = rig.recorder.withLock { $0.batches }
        #expect(batches.first == 1)
        #expect(batches.count < 100)
        #expect(batches.allSatisfy { (1...EventBatch.limit).contains($0) })
    }

    @Test func isNeverLargerThanItsLimit() throws {
        let rig = try held()
        for sequence in 2...700 as ClosedRange<UInt64> { rig.push(sequence) }
        rig.allow(nil)
        #expect(rig.waitSeen(700).count == 700)
        #expect(rig.recorder.withLock { $0.batches } == [1, 256, 256, 187])
    }

    @Test func holdsLargeAndUnknownEventsToo() throws {
        let rig = try held()
        rig.push(2, pattern(1_000_000, 2))
        rig.push(3, pattern(10, 3), name: bytes("UNKNOWN"))
        rig.push(4, pattern(90_000, 4), name: bytes("UNKNOWN_AND_LARGE"))
        rig.allow(nil)
        let seen = rig.waitSeen(4)
        #expect(seen.map(\.data.count) == [0, 1_000_000, 10, 90_000])
        #expect(seen.dropFirst().allSatisfy { $0.data == pattern($0.data.count, $0.sequence) && $0.nameEndsWithNUL })
        #expect(seen.map(\.name).suffix(2) == [bytes("UNKNOWN"), bytes("UNKNOWN_AND_LARGE")])
    }

    @Test func countsAsDeliveredWhenTheHandlerReturned() throws {
        let rig = try held()
        rig.push(2)
        rig.push(3)
        #expect(rig.queue.pushPosition(DeliveredPosition(epoch: 1, sequence: 9), cell: rig.cell))
        #expect(rig.delivered == .none)
        rig.allow(1)
        #expect(rig.waitEntered(2))
        #expect(rig.delivered.sequence == 1)
        rig.allow(nil)
        #expect(rig.queue.drain(until: nil))
        #expect(rig.delivered.sequence == 9)
        #expect(rig.cell.eventsDelivered.load(ordering: .relaxed) == 3)
    }

    @Test func countsNothingThatWasNotDeliveredInTime() throws {
        let rig = try held()
        rig.push(2, pattern(1_000_000, 2))
        #expect(try rig.drainTooLate() == false)
        #expect(rig.delivered.sequence == 1)
    }

    @Test func endsWithTheFirstEventThatWasNotHandled() throws {
        let rig = try DeliveryRig(capacity: 1 << 19, permits: 0, batches: true, handles: 2)
        rig.push(1)
        #expect(rig.waitEntered(1))
        #expect(rig.queue.pushPosition(DeliveredPosition(epoch: 1, sequence: 2), cell: rig.cell))
        rig.push(3)
        rig.push(4, pattern(1_000_000, 4))
        rig.push(5)
        #expect(rig.queue.pushPosition(DeliveredPosition(epoch: 1, sequence: 6), cell: rig.cell))
        rig.allow(nil)
        // The first call handled its only event; the second was handed three, and took two.
        #expect(rig.waitSeen(4).map(\.sequence) == [1, 3, 4, 5])
        rig.push(7)
        #expect(rig.queue.drain(until: nil))
        #expect(rig.recorder.withLock { $0.seen.map(\.sequence) } == [1, 3, 4, 5])
        #expect(rig.delivered.sequence == 4)
        #expect(rig.cell.eventsDelivered.load(ordering: .relaxed) == 3)
    }

    @Test(arguments: [-1, 0]) func notesNothingOfABatchThatWasNotHandled(handles: Int) throws {
        let rig = try DeliveryRig(permits: 0, batches: true, handles: handles)
        rig.push(1)
        rig.allow(nil)
        #expect(rig.queue.drain(until: nil))
        #expect(rig.delivered == .none)
    }

    @Test func needsQueuedDelivery() throws {
        var configuration = try Configuration(token: "token", intents: [])
        configuration.batchHandler = { $0.count }
        try configuration.setDelivery(.inline, queueBytes: 0)
        #expect(throws: GatewayError.self) { try Cluster(configuration) }
        // The handler that was set last counts.
        configuration.eventHandler = { _ in }
        #expect(configuration.batchHandler == nil)
        _ = try Cluster(configuration)
    }
}
