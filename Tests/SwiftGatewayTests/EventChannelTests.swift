import CLinux
import GatewayProtocol
import GatewayTransport
import Synchronization
import Testing

@testable import SwiftGateway

/// Rings without delivery threads and the channel that reads them. The test's own thread is producer and consumer.
final class ChannelRig {
    let channel = EventChannel()
    let loop: EventLoop
    private(set) var queues: [DeliveryQueue] = []
    let rooms = Monitor(0)
    let cell = ShardCell(id: 3, total: 8)

    init(capacity: Int = DeliveryQueue.minimumCapacity, rings: Int = 1) throws {
        loop = try EventLoop()
        try loop.start(name: "test-loop")
        for _ in 0..<rings {
            let queue = DeliveryQueue(capacity: capacity, loop: loop, sink: .stream(channel))
            let rooms = rooms
            queue.onRoom = { rooms.update { $0 += 1 } }
            channel.attach(queue, owner: cell)
            queues.append(queue)
        }
        #expect(channel.claim())
    }

    deinit {
        loop.stop()
        // The channel and its rings hold each other until they are drained.
        for queue in queues { _ = channel.drain(queue, until: Clock.now()) }
        channel.release()
        channel.end()
    }

    var queue: DeliveryQueue { queues[0] }
    var delivered: UInt64 { DeliveredPosition(raw: cell.delivered.load(ordering: .acquiring)).sequence }

    func push(_ sequence: UInt64, _ payload: [UInt8] = [], name: [UInt8]? = nil, ring: Int = 0) {
        var event = EventView(kind: .dispatch, shardID: cell.id)
        event.sequence = sequence
        payload.withUnsafeBytes { data in
            event.data = data
            let position = DeliveredPosition(epoch: 1, sequence: sequence)
            if let name {
                (name + [0]).withUnsafeBytes {
                    event.name = UnsafeRawBufferPointer(rebasing: $0[..<name.count])
                    queues[ring].push(event, position: position, cell: cell)
                }
            } else {
                event.type = .messageCreate
                event.name = EventType.messageCreate.wireName
                queues[ring].push(event, position: position, cell: cell)
            }
        }
    }

    /// What the loop's `next` does but for waiting.
    func next() -> Event? {
        channel.reader.finish()
        return channel.reader.next(of: channel)
    }
}

@Suite("Event channel")
struct EventChannelTests {
    private static func payload(_ number: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: Int(number) &* 31 &+ $0) }
    }

    @Test("events of all sizes come out as they went in, through all chunks many times")
    func contents() throws {
        let rig = try ChannelRig()
        var random = SystemRandomNumberGenerator()
        var pushed: [(sequence: UInt64, count: Int, named: Bool)] = []
        var next: UInt64 = 1
        var expected: UInt64 = 1
        var kept: [Event] = []
        while expected < 3_000 {
            while rig.queue.hasRoom, next < expected + 200 {
                // Now and then one larger than the ring.
                let count = Int.random(in: 0..<500, using: &random) == 0 ? 100_000 : Int.random(in: 0..<2000)
                pushed.append((next, count, next % 3 == 0))
                rig.push(next, Self.payload(next, count), name: next % 3 == 0 ? Array("NEW_THING".utf8) : nil)
                next += 1
            }
            for _ in 0..<Int.random(in: 1...100) {
                guard let event = rig.next() else { break }
                let (sequence, count, named) = pushed[Int(expected) - 1]
                #expect(event.sequence == sequence)
                #expect(event.shardID == 3)
                #expect(event.name == (named ? "NEW_THING" : "MESSAGE_CREATE"))
                #expect(event.byteCount == count)
                if event.bytes != Self.payload(sequence, count) { Issue.record("event \(sequence) is damaged") }
                if sequence % 100 == 0 { kept.append(sequence % 200 == 0 ? event : event.detached()) }
                expected += 1
            }
        }
        for event in kept {
            #expect(event.bytes == Self.payload(event.sequence, pushed[Int(event.sequence) - 1].count))
        }
    }

    @Test("what is asked past counts, one by one")
    func positions() throws {
        let rig = try ChannelRig()
        for sequence in UInt64(1)...3 { rig.push(sequence) }
        #expect(rig.queue.pushPosition(DeliveredPosition(epoch: 1, sequence: 5), cell: rig.cell))
        rig.push(6)
        for sequence in UInt64(1)...3 {
            #expect(rig.next()?.sequence == sequence)
            #expect(rig.delivered == sequence - 1)
        }
        #expect(rig.next()?.sequence == 6)
        #expect(rig.delivered == 5)
        #expect(rig.next() == nil)
        #expect(rig.delivered == 6)
        #expect(rig.cell.eventsDelivered.load(ordering: .relaxed) == 4)
    }

    @Test("in steady state one buffer serves for all batches; events that are kept keep theirs")
    func recycling() throws {
        let rig = try ChannelRig()
        var buffers: Set<ObjectIdentifier> = []
        for sequence in UInt64(1)...1000 {
            rig.push(sequence, [1, 2, 3])
            let event = try #require(rig.next())
            buffers.insert(event.bufferIdentity)
        }
        #expect(buffers.count == 1)
        rig.push(1001, [4])
        let kept = try #require(rig.next())
        rig.push(1002, [5])
        let other = try #require(rig.next())
        #expect(kept.bufferIdentity != other.bufferIdentity)
        #expect(kept.bytes == [4])
        #expect(kept.detached().bufferIdentity != kept.bufferIdentity)
    }

    @Test("a ring that was full tells its loop of the room, once half of it is taken")
    func room() throws {
        let rig = try ChannelRig()
        var count: UInt64 = 0
        while rig.queue.hasRoom {
            count += 1
            rig.push(count, Self.payload(count, 1000))
        }
        #expect(rig.queue.depth <= 64 * 1024)
        for sequence in 1...count { #expect(rig.next()?.sequence == sequence) }
        #expect(rig.rooms.wait(until: patience()) { $0 == 1 ? true : nil } == true)
        #expect(rig.queue.hasRoom)
    }

    @Test("rings take turns, and each keeps its order")
    func fairness() throws {
        let rig = try ChannelRig(capacity: 1 << 20, rings: 2)
        for sequence in UInt64(1)...400 { rig.push(sequence, Self.payload(sequence, 500), ring: 0) }
        rig.push(1001, ring: 1)
        var seen: [UInt64] = []
        while let event = rig.next() { seen.append(event.sequence) }
        #expect(seen.filter { $0 <= 400 } == Array(1...400))
        let place = try #require(seen.firstIndex(of: 1001))
        #expect(place < 200)
    }

    @Test("a sleeper is woken by a push, a wake, an end; not told to sleep when something waits")
    func sleeping() throws {
        let rig = try ChannelRig()
        let woken = Monitor(0)
        let resume: @Sendable () -> Void = { woken.update { $0 += 1 } }
        // Attaching the ring was a wake that found nobody asleep.
        #expect(!rig.channel.sleep(resume))
        #expect(rig.channel.sleep(resume))
        rig.push(1)
        rig.queue.flush()
        #expect(woken.withLock { $0 } == 1)
        #expect(!rig.channel.sleep(resume))
        #expect(rig.next()?.sequence == 1)
        #expect(rig.next() == nil)
        #expect(rig.channel.look() == .empty)
        #expect(rig.channel.sleep(resume))
        rig.channel.wake()
        #expect(woken.withLock { $0 } == 2)
        #expect(rig.channel.sleep(resume))
        rig.channel.end()
        #expect(woken.withLock { $0 } == 3)
        #expect(rig.channel.look() == .ended)
        rig.channel.open()
        #expect(rig.channel.look() == .empty)
        rig.channel.setExhausted(true)
        #expect(rig.channel.look() == .ended)
        rig.push(2)
        #expect(rig.channel.look() == .more)
    }

    @Test("a drain waits for the consumer to ask past the last event")
    func drain() throws {
        let rig = try ChannelRig(rings: 2)
        rig.push(1)
        rig.push(2)
        #expect(rig.next()?.sequence == 1)
        let result = Monitor<Bool?>(nil)
        let (channel, queue) = (rig.channel, rig.queue)
        let thread = try EngineThread(name: "test-drain") {
            let drained = channel.drain(queue, until: nil)
            result.update { $0 = drained }
        }
        #expect(rig.next()?.sequence == 2)
        #expect(result.withLock { $0 } == nil)
        // The other ring is never empty.
        while result.withLock({ $0 }) == nil {
            rig.push(100, ring: 1)
            _ = rig.next()
        }
        thread.join()
        #expect(result.withLock { $0 } == true)
        // Of the last one it was asked for, not asked past.
        rig.channel.reader.finish()
        #expect(rig.delivered == 100)
    }

    @Test("after the deadline of a drain nothing is handed out or noted any more")
    func abandoned() throws {
        let rig = try ChannelRig()
        for sequence in UInt64(1)...3 { rig.push(sequence) }
        #expect(rig.next()?.sequence == 1)
        #expect(rig.next()?.sequence == 2)
        #expect(!rig.channel.drain(rig.queue, until: Clock.now()))
        #expect(rig.next() == nil)
        #expect(rig.delivered == 1)
    }

    @Test("large events are taken one by one, and those that nobody took are freed with their queue")
    func large() throws {
        // The leak sanitizer judges the end.
        let rig = try ChannelRig()
        for sequence in UInt64(1)...4 { rig.push(sequence, Self.payload(sequence, 100_000)) }
        for left in (1...3).reversed() {
            #expect(rig.next()?.byteCount == 100_000)
            #expect((left * 100_000..<left * 100_000 + 1_000).contains(rig.queue.depth))
        }
        #expect(!rig.channel.drain(rig.queue, until: Clock.now()))
        #expect(rig.next() == nil)
    }

    @Test("a drain waits for no consumer that is not there, or goes meanwhile, or is its own caller's")
    func nobody() throws {
        let rig = try ChannelRig(rings: 3)
        rig.push(1, ring: 0)
        #expect(rig.next()?.sequence == 1)
        rig.channel.note(task: 7)
        rig.channel.leaves(task: nil)
        rig.channel.leaves(task: 8)
        #expect(!rig.channel.drain(rig.queues[0], until: Clock.now()))
        rig.channel.leaves(task: 7)
        #expect(rig.channel.drain(rig.queues[1], until: nil))
        rig.channel.open()
        let (channel, queue) = (rig.channel, rig.queues[2])
        let done = Monitor(false)
        let thread = try EngineThread(name: "test-drain") {
            _ = channel.drain(queue, until: nil)
            done.update { $0 = true }
        }
        rig.channel.release()
        #expect(done.wait(until: patience()) { $0 ? true : nil } == true)
        thread.join()
    }

    @Test("there is one claim")
    func claim() throws {
        let rig = try ChannelRig()
        #expect(!rig.channel.claim())
        rig.channel.release()
        #expect(rig.channel.claim())
    }
}
