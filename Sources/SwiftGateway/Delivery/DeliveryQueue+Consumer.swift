import CLinux
import GatewayProtocol
import GatewayTransport
import Synchronization

/// The delivery thread's side of the queue.
extension DeliveryQueue {
    func start(name: String) throws(GatewayError) {
        let started = try EngineThread(name: name) { [self] in run() }
        thread.withLock { $0 = started }
    }

    var isCurrent: Bool { runner.load(ordering: .relaxed) == EngineThread.currentID }

    /// Ends the thread once everything pushed is delivered. Waits for that until `deadline`; after it, what is left is
    /// thrown away (and counts as not delivered), and only the handler's current call is waited for. Returns whether
    /// everything was delivered. The loop must have stopped pushing. Not to be called on the delivery thread.
    func drain(until deadline: UInt64?) -> Bool {
        if case .stream(let channel) = sink { return channel.drain(self, until: deadline) }
        guard let running = thread.withLock({ $0 }) else { return true }
        closing.store(true, ordering: .sequentiallyConsistent)
        doorbell.ring()
        let drained = signal.wait(until: deadline) { $0.finished ? true : nil } ?? false
        if !drained { abandoned.store(true, ordering: .relaxed) }
        running.join()
        thread.withLock { $0 = nil }
        return drained
    }

    private func run() {
        runner.store(EngineThread.currentID, ordering: .relaxed)
        defer { runner.store(0, ordering: .relaxed) }
        switch sink {
        case .none, .stream: consume { position, _ in self.step(position, .none) }
        case .each(let receiver): consume { position, _ in self.step(position, receiver) }
        case .batches(let handler):
            let scratch = UnsafeMutableRawBufferPointer.allocate(
                byteCount: EventBatch.limit * EventBatch.scratchPerEvent, alignment: 64)
            defer { scratch.deallocate() }
            consume { position, end in self.batch(position, end, scratch, handler) }
        }
        signal.update { $0.finished = true }
    }

    /// Hands out until no more will come. `advance` delivers something between two positions and returns how far it got.
    @inline(__always)
    private func consume(_ advance: (_ position: Int, _ end: Int) -> Int) {
        var position = tail.load(ordering: .relaxed)
        while true {
            let end = head.load(ordering: .acquiring)
            if position == end {
                guard sleep(at: position) else { break }
                continue
            }
            noteLag(at: position)
            while position < end {
                position = advance(position, end)
                tail.store(position, ordering: .releasing)
                tellRoomIfAwaited()
            }
        }
    }

    /// How old the event is that comes next: once for all that wait, and not even each time.
    func noteLag(at position: Int) {
        guard let header = record(at: position).record?.load(as: DeliveryRecord.self) else { return }
        guard header.tag == .event, header.received != 0, lagSampler.takes(header.received) else { return }
        lag.record(Clock.now() &- header.received)
    }

    /// Waits for more. Returns false when no more will come.
    private func sleep(at position: Int) -> Bool {
        while true {
            doorbell.announce()
            // The queue was empty. Since the last look the producer may have begun to wait without seeing the newest
            // `tail`; after the announcement one of the two sees the other.
            tellRoomIfAwaited()
            // Asked first: nothing is pushed any more once it is true.
            let isClosing = closing.load(ordering: .acquiring)
            let comes = head.load(ordering: .acquiring) != position
            if comes || isClosing {
                doorbell.withdraw()
                return comes
            }
            doorbell.sleep()
        }
    }

    @inline(__always)
    func tellRoomIfAwaited() {
        if producerWaits.load(ordering: .relaxed), isBelowLowMark { tellRoom() }
    }

    private func tellRoom() {
        guard producerWaits.exchange(false, ordering: .sequentiallyConsistent) else { return }
        loop.post { [self] in onRoom() }
    }

    /// The record at a position, nil where only an unused rest of a chunk is, and the position behind it.
    @inline(__always)
    func record(at position: Int) -> (record: UnsafeMutableRawPointer?, after: Int) {
        let rest = chunks.rest(at: position)
        if rest < DeliveryRecord.headerSize { return (nil, position + rest) }
        let record = chunks.address(of: position)
        return (record, position + record.load(as: Int.self))
    }

    /// Delivers the record at `position` and returns the next one's.
    @inline(__always)
    private func step(_ position: Int, _ receiver: EventReceiver) -> Int {
        let (record, after) = record(at: position)
        guard let record else { return after }
        let header = record.load(as: DeliveryRecord.self)
        guard header.tag != .rest else { return after }
        if !abandoned.load(ordering: .relaxed) {
            if header.tag == .event { receiver.receive(header.event(at: record, shardID: header.shardID)) }
            header.noteDelivered()
        }
        unbox(header)
        return after
    }

    /// Delivers what waits between two positions, up to a batch, and returns how far it got.
    private func batch(
        _ start: Int, _ end: Int, _ scratch: UnsafeMutableRawBufferPointer, _ handler: EventBatchHandler
    ) -> Int {
        // A quarter of the queue at most: the loop goes on filling the rest while the handler is at work.
        let bound = min(end, start + capacity / 4)
        var position = start
        var count = 0
        while position < bound, count < EventBatch.limit {
            let (record, after) = record(at: position)
            position = after
            if let record, record.load(as: DeliveryRecord.self).tag == .event { count += 1 }
        }
        var handled: Int?
        if !abandoned.load(ordering: .relaxed) {
            handled = count
            if count > 0 {
                let batch = EventBatch(count: count, scratch: scratch, queue: .passUnretained(self), start: start)
                handled = min(max(handler(batch), 0), count)
            }
            if handled != count { abandoned.store(true, ordering: .relaxed) }
        }
        settle(from: start, to: position, handled: handled)
        return position
    }

    /// Notes the first `handled` events between two positions, and the marks before and between them, as delivered; nil
    /// notes nothing.
    private func settle(from start: Int, to end: Int, handled: Int?) {
        var position = start
        var left = handled ?? -1
        while position < end {
            let (record, after) = record(at: position)
            position = after
            guard let header = record?.load(as: DeliveryRecord.self), header.tag != .rest else { continue }
            if header.tag == .event { left -= 1 }
            if left >= 0 { header.noteDelivered() }
            unbox(header)
        }
    }

    @inline(__always)
    private func unbox(_ record: DeliveryRecord) {
        guard let box = record.boxed else { return }
        box.deallocate()
        noteUnboxed(record)
    }
}
