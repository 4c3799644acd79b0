import CLinux
import GatewayProtocol
import GatewayTransport
import Synchronization
import Testing

@testable import SwiftGateway

/// What goes through the ring between a loop and its delivery thread.
@Suite struct DeliveryQueueTests {
    @Test func handsOverEverythingInOrder() throws {
        let rig = try DeliveryRig()
        for number in 1...200 as ClosedRange<UInt64> { rig.push(number, pattern(Int(number), number)) }
        let seen = rig.waitSeen(200)
        #expect(seen.map(\.sequence) == Array(1...200))
        for event in seen {
            #expect(event.data == pattern(Int(event.sequence), event.sequence))
            #expect(event.type == .messageCreate && event.name == bytes("MESSAGE_CREATE") && event.nameEndsWithNUL)
            #expect(event.kind == .dispatch && event.shard == 3)
        }
    }

    @Test func handsOverEveryField() throws {
        let hasName = Monitor(true)
        let rig = try DeliveryRig { event in hasName.update { $0 = event.name.baseAddress != nil } }
        var event = EventView(kind: .closed, shardID: 3)
        event.state = .backoff
        event.code = 4_000
        event.status = .tls
        event.value = 1 << 60
        event.received = 77
        bytes("going away").withUnsafeBytes {
            event.data = $0
            rig.queue.push(event, position: .none, cell: rig.cell)
        }
        let seen = try #require(rig.waitSeen(1).first)
        #expect(seen.kind == .closed && seen.state == .backoff && seen.code == 4_000 && seen.status == .tls)
        #expect(seen.value == 1 << 60 && seen.received == 77 && seen.data == bytes("going away"))
        #expect(seen.name == [] && seen.type == nil && seen.sequence == 0)
        // A NULL in C.
        #expect(hasName.withLock { !$0 })
        #expect(rig.delivered == .none)
    }

    @Test func copiesNamesItDoesNotKnow() throws {
        let rig = try DeliveryRig(permits: 0)
        let lengths = [1, 15, 16, 17, 200]
        for (number, length) in lengths.enumerated() {
            // The memory of the name is gone before the handler sees it.
            rig.push(UInt64(number), pattern(number, 9), name: pattern(length, 5).map { $0 | 1 })
        }
        rig.push(9, [], name: bytes("EMPTY_BODY"))
        rig.allow(nil)
        let seen = rig.waitSeen(6)
        #expect(seen.count == 6)
        for (event, (number, length)) in zip(seen, lengths.enumerated()) {
            #expect(event.name == pattern(length, 5).map { $0 | 1 } && event.nameEndsWithNUL)
            #expect(event.data == pattern(number, 9) && event.type == nil)
        }
        #expect(seen.last?.name == bytes("EMPTY_BODY") && seen.last?.nameEndsWithNUL == true)
    }

    @Test func goesOnInAnotherChunkWithAnyRestAtTheEnd() throws {
        let header = try DeliveryRig.recordSize()
        // From nothing left at the end, over less than a header, to several records.
        for rest in stride(from: 0, through: 3 * header, by: 16) {
            let rig = try DeliveryRig()
            let half = rig.queue.chunks.size / 2
            let sizes = [half - header, half - rest - header, rest + 100]
            var pushed: UInt64 = 0
            // The first two leave the rest, and the third begins a chunk. Three times through all of the memory.
            for _ in 0..<3 * rig.queue.capacity / rig.queue.chunks.size {
                for size in sizes {
                    guard rig.waitForRoom() else {
                        Issue.record("there never was room")
                        return
                    }
                    pushed += 1
                    rig.push(pushed, pattern(size, pushed), name: size == rest + 100 ? bytes("UNKNOWN") : nil)
                }
            }
            let seen = rig.waitSeen(Int(pushed))
            #expect(seen.map(\.sequence) == Array(1...pushed), "rest \(rest)")
            #expect(seen.allSatisfy { $0.data == pattern($0.data.count, $0.sequence) }, "rest \(rest)")
            #expect(rig.queue.dropped.load(ordering: .relaxed) == 0)
        }
    }

    @Test func livesInAFewChunksAsLongAsItKeepsUp() throws {
        let places = Monitor<Set<UInt>>([])
        let rig = try DeliveryRig(capacity: DeliveryQueue.defaultCapacity, keeping: false) { event in
            places.update { places in
                _ = event.data.baseAddress.map { places.insert(UInt(bitPattern: $0) / 4096) }
            }
        }
        // Four times what it holds, a twentieth of it at once.
        let size = 4_000
        for batch in 1...80 {
            for number in 0..<100 as Range<UInt64> { rig.push(number, pattern(size, number)) }
            #expect(rig.waitEntered(100 * batch))
        }
        let pages = places.withLock { $0.count }
        #expect(pages > 50 && pages * 4096 < 6 * rig.queue.chunks.size, "\(pages) pages")
    }

    @Test func givesALargeEventMemoryOfItsOwn() throws {
        let rig = try DeliveryRig(permits: 0)
        let sizes = [100, 65_536, 10, 1_000_000, 65_300, 0]
        for (number, size) in sizes.enumerated() { rig.push(UInt64(number), pattern(size, UInt64(number))) }
        rig.push(6, pattern(500_000, 6), name: bytes("LARGE_AND_UNKNOWN"))
        // It counts all the same.
        #expect(rig.queue.depth > sizes.reduce(500_000, +) && !rig.queue.hasRoom)
        rig.allow(nil)
        let seen = rig.waitSeen(7)
        #expect(seen.map(\.sequence) == Array(0...6))
        #expect(seen.map(\.data.count) == sizes + [500_000])
        #expect(seen.allSatisfy { $0.data == pattern($0.data.count, $0.sequence) })
        #expect(seen.last?.name == bytes("LARGE_AND_UNKNOWN") && seen.last?.nameEndsWithNUL == true)
        #expect(rig.waitForRoom())
        #expect(rig.queue.drain(until: patience()) && rig.queue.depth == 0)
    }

    @Test func knowsItsThread() throws {
        let answers = Monitor<[Bool]>([])
        let holder = Monitor<DeliveryQueue?>(nil)
        let rig = try DeliveryRig { _ in
            let queue = holder.withLock { $0 }
            answers.update { $0.append(queue?.isCurrent ?? false) }
        }
        holder.withLock { $0 = rig.queue }
        defer { holder.withLock { $0 = nil } }
        rig.push(1)
        _ = rig.waitSeen(1)
        #expect(answers.withLock { $0 } == [true])
        #expect(!rig.queue.isCurrent)
    }

    // MARK: Positions

    @Test func countsAnEventOnceTheHandlerReturned() throws {
        let rig = try DeliveryRig(permits: 0)
        rig.push(7)
        #expect(rig.waitEntered(1))
        #expect(rig.delivered == .none)
        rig.push(8)
        rig.allow(1)
        #expect(rig.waitEntered(2))
        #expect(rig.delivered == DeliveredPosition(epoch: 1, sequence: 7))
        #expect(rig.cell.eventsDelivered.load(ordering: .relaxed) == 1)
    }

    @Test func countsFilteredEventsOnceEverythingBeforeThemIsDelivered() throws {
        let rig = try DeliveryRig(permits: 0)
        rig.push(7)
        #expect(rig.queue.pushPosition(DeliveredPosition(epoch: 2, sequence: 30), cell: rig.cell))
        rig.push(1, from: rig.other)
        #expect(rig.waitEntered(1))
        #expect(rig.delivered == .none)
        rig.allow(1)
        #expect(rig.waitEntered(2))
        #expect(rig.delivered == DeliveredPosition(epoch: 2, sequence: 30))
        // No event, and only the one shard's business.
        #expect(rig.cell.eventsDelivered.load(ordering: .relaxed) == 1)
        #expect(rig.other.delivered.load(ordering: .relaxed) == 0)
    }

    @Test func saysWhenThereIsNoRoomForAPosition() throws {
        let rig = try DeliveryRig(permits: 0)
        rig.push(1)
        #expect(rig.waitEntered(1))
        var taken = 0
        while rig.queue.pushPosition(DeliveredPosition(epoch: 1, sequence: 99), cell: rig.cell), taken < 10_000 {
            taken += 1
        }
        #expect(taken > 100 && taken < 10_000)
        rig.allow(nil)
        #expect(rig.queue.drain(until: nil))
        #expect(rig.delivered == DeliveredPosition(epoch: 1, sequence: 99))
        #expect(rig.queue.dropped.load(ordering: .relaxed) == 0)
    }

    // MARK: The end

    @Test func drainsEverythingWithoutADeadline() throws {
        let rig = try DeliveryRig(permits: 0)
        for number in 1...50 as ClosedRange<UInt64> { rig.push(number, pattern(300, number)) }
        #expect(rig.waitEntered(1))
        rig.allow(nil)
        #expect(rig.queue.drain(until: nil))
        #expect(rig.recorder.withLock { $0.seen.map(\.sequence) } == Array(1...50))
        #expect(rig.delivered == DeliveredPosition(epoch: 1, sequence: 50))
        // Once more there is nothing to do.
        #expect(rig.queue.drain(until: nil))
    }

    @Test func drainsEverythingBeforeItsDeadline() throws {
        let rig = try DeliveryRig()
        for number in 1...50 as ClosedRange<UInt64> { rig.push(number) }
        #expect(rig.queue.drain(until: patience()))
        #expect(rig.recorder.withLock { $0.seen.count } == 50)
    }

    @Test func givesUpAtTheDeadlineAndCountsNothingThatWasNotDelivered() throws {
        let rig = try DeliveryRig(permits: 2)
        for number in 1...50 as ClosedRange<UInt64> { rig.push(number) }
        #expect(rig.queue.pushPosition(DeliveredPosition(epoch: 1, sequence: 60), cell: rig.cell))
        #expect(rig.waitEntered(3))
        #expect(try rig.drainTooLate() == false)
        // The call that was under way counts, as it returned; nothing after it.
        #expect(rig.recorder.withLock { $0.seen.map(\.sequence) } == [1, 2, 3])
        #expect(rig.delivered == DeliveredPosition(epoch: 1, sequence: 3))
        #expect(rig.cell.eventsDelivered.load(ordering: .relaxed) == 3)
    }

    @Test func freesLargeEventsThatNobodyTook() throws {
        // The leak sanitizer judges this one as well.
        let rig = try DeliveryRig(permits: 0)
        for number in 0..<4 as Range<UInt64> { rig.push(number, pattern(100_000, number)) }
        #expect(rig.waitEntered(1))
        #expect(try rig.drainTooLate() == false)
        #expect(rig.recorder.withLock { $0.seen.count } == 1)
    }
}

@Suite struct DeliveredPositionTests {
    @Test func keepsBothParts() {
        for epoch in [0, 1, 2, 0x7FFF, .max] as [UInt16] {
            for sequence in [0, 1, 1 << 32, 1 << 48 - 1] as [UInt64] {
                let position = DeliveredPosition(epoch: epoch, sequence: sequence)
                #expect(position.epoch == epoch && position.sequence == sequence)
                #expect(DeliveredPosition(raw: position.raw) == position)
                #expect((position == .none) == (epoch == 0 && sequence == 0))
            }
        }
    }

    @Test func cutsWhatDoesNotFit() {
        let position = DeliveredPosition(epoch: 3, sequence: .max)
        #expect(position.epoch == 3 && position.sequence == 1 << 48 - 1)
    }
}
