import CLinux
import GatewayProtocol
import GatewayTransport
import Synchronization
import Testing

@testable import SwiftGateway

/// The ring when the handler does not keep up.
@Suite struct DeliveryPressureTests {
    private let mark = DeliveryQueue.minimumCapacity / 4 * 3

    @Test func asksToStopAboveTheMarkAndTellsWhenThereIsRoom() throws {
        let rig = try DeliveryRig(permits: 0)
        var pushed: UInt64 = 0
        while rig.queue.hasRoom {
            #expect(rig.queue.depth < mark)
            pushed += 1
            rig.push(pushed, pattern(500, pushed))
        }
        #expect(rig.queue.depth >= mark && rig.queue.depth < mark + 1_024)
        // What is told beside the dispatches still finds room.
        for _ in 0..<20 { rig.push(0, bytes("state"), kind: .state) }
        #expect(rig.queue.dropped.load(ordering: .relaxed) == 0)
        #expect(rig.rooms.withLock { $0 } == 0)
        rig.allow(nil)
        rig.queue.flush()
        #expect(rig.rooms.wait(until: patience()) { $0 > 0 ? true : nil } == true)
        let seen = rig.waitSeen(Int(pushed) + 20)
        #expect(seen.filter { $0.kind == .dispatch }.map(\.sequence) == Array(1...pushed))
        #expect(seen.filter { $0.kind == .state }.count == 20)
        #expect(rig.queue.hasRoom)
        #expect(rig.rooms.withLock { $0 } == 1)
    }

    @Test func doesNotTellBeforeHalfOfItIsFree() throws {
        let rig = try DeliveryRig(permits: 0)
        // The consumer is busy with the first one when the others come.
        rig.push(1, pattern(500, 1))
        #expect(rig.waitEntered(1))
        var pushed = 1
        while rig.queue.hasRoom {
            pushed += 1
            rig.push(UInt64(pushed), pattern(500, 1))
        }
        // One event less is below the mark; going on at once would stop again at once.
        rig.allow(1)
        #expect(rig.waitEntered(2))
        let round = Monitor(false)
        rig.loop.post { round.update { $0 = true } }
        #expect(round.wait(until: patience()) { $0 ? true : nil } == true)
        #expect(rig.rooms.withLock { $0 } == 0)
        let size = rig.queue.depth / (pushed - 1)
        let upToHalf = (rig.queue.depth - DeliveryQueue.minimumCapacity / 2) / size
        rig.allow(upToHalf + 2)
        #expect(rig.rooms.wait(until: patience()) { $0 > 0 ? true : nil } == true)
    }

    @Test(arguments: [1_000, 5_000, 30_000, 200_000]) func holdsNoMoreThanItMayWhateverTheSize(size: Int) throws {
        let rig = try DeliveryRig(permits: 0)
        var pushed: UInt64 = 0
        while rig.queue.hasRoom, pushed < 1_000 {
            #expect(rig.queue.depth < mark)
            pushed += 1
            rig.push(pushed, pattern(size, pushed))
        }
        // What was asked for, not what the queue says of itself: at most one event more than the mark lets in.
        #expect(!rig.queue.hasRoom && Int(pushed) * size < mark + size)
        rig.allow(nil)
        #expect(rig.waitSeen(Int(pushed)).map(\.sequence) == Array(1...pushed))
        #expect(rig.queue.dropped.load(ordering: .relaxed) == 0)
        #expect(rig.rooms.wait(until: patience()) { $0 == 1 ? true : nil } == true)
    }

    @Test func neverLosesADispatchToItsPayload() throws {
        let header = try DeliveryRig.recordSize()
        let capacity = DeliveryQueue.minimumCapacity
        // The payload of the last message that fits: from using up its chunk to leaving some, in the last chunk there is,
        // and in memory of its own.
        for rest in Array(stride(from: -80, through: 4 * header, by: 16)) + [-20_000] {
            let rig = try DeliveryRig(permits: 0)
            let half = rig.queue.chunks.size / 2
            // From the middle of a chunk on, so that as many as can be are in use.
            for number in 1...2 as ClosedRange<UInt64> { rig.push(number, pattern(half - header, number)) }
            rig.allow(1)
            #expect(rig.waitEntered(2))
            for number in 3...12 as ClosedRange<UInt64> { rig.push(number, pattern(half - header, number)) }
            rig.push(13, pattern(half - header - 16, 13))
            #expect(rig.queue.depth == capacity / 4 * 3 - 16 && rig.queue.hasRoom)
            let size = half + 16 - header - rest
            rig.push(0, pattern(size, 2), kind: .payload)
            rig.push(14, pattern(size - 30, 14))
            rig.allow(nil)
            let seen = rig.waitSeen(15)
            #expect(rig.queue.dropped.load(ordering: .relaxed) == 0, "rest \(rest)")
            #expect(seen.map(\.sequence) == Array(1...13) + [0, 14], "rest \(rest)")
            #expect(seen.suffix(2).map(\.data) == [pattern(size, 2), pattern(size - 30, 14)])
        }
    }

    @Test(arguments: [false, true]) func takesADispatchOfAnySizeWheneverItHasRoom(withPayload: Bool) throws {
        var random = SeededGenerator(seed: 8)
        for _ in 0..<300 {
            let rig = try DeliveryRig(permits: 0)
            var pushed: UInt64 = 0
            var calls = 0
            var passed = 0
            func push(_ size: Int) {
                pushed += 1
                if withPayload { rig.push(0, pattern(size + 40, pushed), kind: .payload) }
                rig.push(pushed, pattern(size, pushed))
                calls += withPayload ? 2 : 1
            }
            for _ in 0..<60 where rig.queue.hasRoom {
                // Around what has a chunk to itself as often as any other size.
                let around = rig.queue.chunks.size / 2
                push(
                    Bool.random(using: &random)
                        ? Int.random(in: around - 300...around, using: &random)
                        : Int.random(in: 0...9_000, using: &random))
                if Bool.random(using: &random), passed < calls - 1 {
                    passed += 1
                    rig.allow(1)
                    #expect(rig.waitEntered(passed + 1))
                }
            }
            // The last one it takes may be larger than what is left.
            if rig.queue.hasRoom { push(40_000) }
            rig.allow(nil)
            let seen = rig.waitSeen(calls)
            let dispatches = seen.filter { $0.kind == .dispatch }
            #expect(seen.count == calls && dispatches.map(\.sequence) == Array(1...pushed))
            #expect(dispatches.allSatisfy { $0.data == pattern($0.data.count, $0.sequence) })
            #expect(rig.queue.dropped.load(ordering: .relaxed) == 0)
        }
    }

    @Test func throwsAwayOnlyWhatIsToldBesideTheDispatches() throws {
        let rig = try DeliveryRig(permits: 0)
        rig.push(1, pattern(100, 1))
        for _ in 0..<2_000 { rig.push(0, pattern(50, 2), kind: .state) }
        let dropped = Int(rig.queue.dropped.load(ordering: .relaxed))
        #expect(dropped > 0 && dropped < 2_000)
        rig.allow(nil)
        #expect(rig.waitSeen(2_001 - dropped).count == 2_001 - dropped)
        // And goes on afterwards.
        rig.push(2)
        #expect(rig.waitSeen(2_002 - dropped).last?.sequence == 2)
    }

    @Test func alwaysTellsThatThereIsRoom() throws {
        // Fills and empties the ring again and again, with two that ask: one word that got lost would hang it.
        let rig = try DeliveryRig(keeping: false)
        var random = SeededGenerator(seed: 4)
        for round in 0..<4_000 as Range<UInt64> {
            let payload = [UInt8](repeating: 7, count: Int.random(in: 4_000...30_000, using: &random))
            let before = rig.rooms.withLock { $0 }
            var waits = false
            for _ in 0..<40 {
                guard rig.queue.hasRoom else {
                    // Another shard of the loop asks as well, and may find room by now.
                    _ = rig.queue.hasRoom
                    waits = true
                    break
                }
                rig.push(round, payload)
            }
            rig.queue.flush()
            guard waits else { continue }
            let told = rig.rooms.wait(until: patience()) { $0 > before ? true : nil } ?? false
            #expect(told, "round \(round)")
            guard told else { return }
        }
        #expect(rig.rooms.withLock { $0 } > 100)
    }

    @Test(arguments: [1, 2, 3] as [UInt64], [false, true]) func staysWholeUnderLoad(seed: UInt64, batches: Bool) throws
    {
        struct Verdict: Sendable {
            var failure: String?
            var counts: [UInt32: UInt64] = [3: 0, 5: 0]
        }
        let verdict = Monitor(Verdict())
        let rig = try DeliveryRig(keeping: false, batches: batches) { event in
            let seen = SeenEvent(event)
            verdict.withLock { verdict in
                let next = (verdict.counts[seen.shard] ?? 0) + 1
                if seen.sequence != next { verdict.failure = "\(seen.sequence) came for \(next)" }
                if seen.data != pattern(seen.data.count, seen.sequence) { verdict.failure = "\(seen.sequence) is torn" }
                if !seen.nameEndsWithNUL { verdict.failure = "\(seen.sequence) has no end to its name" }
                verdict.counts[seen.shard] = next
            }
        }
        var random = SeededGenerator(seed: seed)
        var next: [UInt64] = [0, 0]
        for _ in 0..<6_000 {
            guard rig.waitForRoom() else {
                Issue.record("there never was room")
                return
            }
            let which = Int.random(in: 0...1, using: &random)
            next[which] += 1
            // Mostly small, now and then larger than the ring.
            let size =
                switch Int.random(in: 0..<1_000, using: &random) {
                case 0: Int.random(in: 60_000...150_000, using: &random)
                case 1..<20: Int.random(in: 4_000...20_000, using: &random)
                default: Int.random(in: 0...400, using: &random)
                }
            rig.push(
                next[which], pattern(size, next[which]),
                name: Bool.random(using: &random) ? bytes("SOME_UNKNOWN_NAME") : nil,
                from: which == 0 ? rig.cell : rig.other)
            if Int.random(in: 0..<16, using: &random) == 0 { rig.queue.flush() }
        }
        #expect(rig.queue.drain(until: nil))
        verdict.withLock { verdict in
            #expect(verdict.failure == nil)
            #expect(verdict.counts == [3: next[0], 5: next[1]])
        }
        #expect(rig.queue.dropped.load(ordering: .relaxed) == 0)
        #expect(rig.delivered.sequence == next[0])
    }
}
