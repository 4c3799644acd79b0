import CLinux
import GatewayProtocol
import GatewayTransport
import Synchronization

/// A bounded ring of bytes from one loop thread to one delivery thread.
///
/// An event is copied into the ring once and handed to the handler where it lies. The ring never drops a dispatch and
/// never grows: when three quarters are used the loop's connections stop reading, and the last quarter holds what is
/// told beside the dispatches meanwhile. Only an event larger than what is free gets an allocation of its own.
final class DeliveryQueue: @unchecked Sendable {
    /// How a record begins: everything the handler needs but the bytes.
    private struct Header {
        /// From this record to the next, header included.
        var size = 0
        var tag = Tag.event
        var kind = EventKind.state
        var type: EventType?
        var state = ShardState.idle
        var status = Status.ok
        var code: UInt32 = 0
        /// Where the name lies: static storage, or null when it follows the header.
        var staticName: UnsafeRawPointer?
        var nameCount = 0
        /// The bytes of a record too large for the ring, freed after delivery.
        var boxed: UnsafeMutableRawPointer?
        var dataCount = 0
        var sequence: UInt64 = 0
        var value: UInt64 = 0
        var received: UInt64 = 0
        /// The shard. The cluster keeps it alive as long as the queue.
        var cell: Unmanaged<ShardCell>
        var position: DeliveredPosition

        init(cell: Unmanaged<ShardCell>, position: DeliveredPosition) {
            self.cell = cell
            self.position = position
        }
    }

    private enum Tag {
        case event
        /// Nothing to hand out, only a position to note: events that the filter left out came before.
        case position
        /// The rest of the ring up to its end is unused.
        case wrap
    }

    /// The smallest ring: room for a few hundred events beside one of the usual size.
    static let minimumCapacity = 64 * 1024
    /// What `queue_bytes` of 0 means: 8 MiB hold about eight thousand messages.
    static let defaultCapacity = 8 << 20

    private static let headerSize = (MemoryLayout<Header>.size + 15) & ~15
    /// Bytes after which a sleeping consumer is woken in the middle of a batch.
    private static let wakeThreshold = 32 * 1024

    private let base: UnsafeMutableRawPointer
    private let capacity: Int
    private let mask: Int
    private let highMark: Int
    private let handler: EventHandler
    private let loop: EventLoop

    // Positions count up for ever. Producer and consumer each write one of them.
    private let head = Atomic<Int>(0)
    private let tail = Atomic<Int>(0)
    /// The position whose place is the front of the ring. Written by the producer, and only while the ring is empty, so
    /// that it holds for all records the consumer finds between its position and a `head` that it loaded before.
    private let origin = Atomic<Int>(0)
    private let consumerSleeps = Atomic<Bool>(false)
    private let producerWaits = Atomic<Bool>(false)
    private let signal = Monitor(Signal())
    private let thread = Mutex<EngineThread?>(nil)
    /// The thread that runs this, as it says itself: `thread` is still being set when the first handler may ask.
    private let runner = Atomic<UInt>(0)

    private struct Signal {
        var closing = false
        var finished = false
    }
    /// The deadline of a drain has passed: what is left is not handed out any more.
    let abandoned = Atomic<Bool>(false)
    /// Events that were thrown away because even the reserve was full. Never dispatches.
    let dropped = Atomic<UInt64>(0)

    // Loop thread only.
    private var seenTail = 0
    private var wokenAt = 0
    /// Called on the loop's thread when there is room again.
    var onRoom: () -> Void = {}

    init(capacity wanted: Int, loop: EventLoop, handler: @escaping EventHandler) {
        var size = Self.minimumCapacity
        while size < wanted, size < 1 << 40 { size *= 2 }
        capacity = size
        mask = size - 1
        highMark = size / 4 * 3
        base = .allocate(byteCount: size, alignment: 64)
        self.loop = loop
        self.handler = handler
    }

    deinit { base.deallocate() }

    // MARK: The loop's side

    /// Is there room for another dispatch? When not, `onRoom` will be called.
    @inline(__always)
    var hasRoom: Bool {
        head.load(ordering: .relaxed) &- seenTail < highMark ? true : hasRoomNow()
    }

    private func hasRoomNow() -> Bool {
        seenTail = tail.load(ordering: .acquiring)
        if head.load(ordering: .relaxed) - seenTail < highMark { return true }
        let waitsAlready = producerWaits.exchange(true, ordering: .sequentiallyConsistent)
        wake()
        // Somebody else paused and counts on being told: the wish is not this caller's to take back.
        if waitsAlready { return false }
        // The consumer may have made room before it could see that it is waited for.
        seenTail = tail.load(ordering: .sequentiallyConsistent)
        return head.load(ordering: .relaxed) - seenTail < lowMark
            && producerWaits.exchange(false, ordering: .sequentiallyConsistent)
    }

    private var lowMark: Int { capacity / 2 }

    /// Bytes that wait. Any thread.
    var depth: Int { max(0, head.load(ordering: .relaxed) - tail.load(ordering: .relaxed)) }

    /// The position behind everything that was pushed. Loop thread.
    var end: Int { head.load(ordering: .relaxed) }

    /// Whether everything before a position was delivered. Any thread.
    func hasDelivered(_ position: Int) -> Bool { tail.load(ordering: .acquiring) >= position }

    /// Takes an event in. `hasRoom` must have been asked before a dispatch. `position` is what counts as delivered when
    /// the handler has returned.
    func push(_ event: EventView, position: DeliveredPosition, cell: ShardCell) {
        // A name without a type is the sender's bytes and has to be copied; the others lie in static storage.
        let copiesName = event.type == nil && event.name.count > 0
        let payload = (copiesName ? event.name.count + 1 : 0) + event.data.count
        var header = Header(cell: .passUnretained(cell), position: position)
        header.kind = event.kind
        header.type = event.type
        header.state = event.state
        header.status = event.status
        header.code = event.code
        header.staticName = copiesName ? nil : event.name.baseAddress
        header.nameCount = event.name.count
        header.dataCount = event.data.count
        header.sequence = event.sequence
        header.value = event.value
        header.received = event.received
        if let end = place(header, payload: payload, event) {
            head.store(end, ordering: .releasing)
        } else if event.kind == .dispatch || event.kind == .payload {
            // Larger than what is free. Reading stops after it, so there is one such event at most per connection; its
            // header fits, because a quarter of the ring is kept free of dispatches.
            let box = UnsafeMutableRawPointer.allocate(byteCount: max(payload, 1), alignment: 16)
            Self.write(event, copiesName: copiesName, to: box)
            header.boxed = box
            if let end = place(header, payload: 0, nil) {
                head.store(end, ordering: .releasing)
            } else {
                box.deallocate()
                dropped.wrappingAdd(1, ordering: .relaxed)
            }
        } else {
            dropped.wrappingAdd(1, ordering: .relaxed)
        }
        if head.load(ordering: .relaxed) - wokenAt > Self.wakeThreshold { flush() }
    }

    /// Notes that everything of this shard up to `position` needs no delivery. Returns false when there is no room.
    func pushPosition(_ position: DeliveredPosition, cell: ShardCell) -> Bool {
        var header = Header(cell: .passUnretained(cell), position: position)
        header.tag = .position
        guard let end = place(header, payload: 0, nil) else { return false }
        head.store(end, ordering: .releasing)
        return true
    }

    /// The end of a batch: whatever was pushed is to be delivered now.
    func flush() {
        let position = head.load(ordering: .relaxed)
        guard position != wokenAt else { return }
        wokenAt = position
        // Orders the store of `head` before the look at the consumer; it looks the other way round.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        if consumerSleeps.load(ordering: .relaxed) { wake() }
    }

    /// Writes a record and returns the head to publish; nil when it does not fit.
    private func place(
        _ header: Header, payload: Int, _ event: EventView?
    ) -> Int? {
        // A whole payload comes before the dispatch that it holds, which must find room at least for its header, and
        // for the same again in case that one goes to the front.
        let reserve = header.kind == .payload ? 2 * Self.headerSize : 0
        let size = (Self.headerSize + payload + 15) & ~15
        var position = head.load(ordering: .relaxed)
        var offset = place(of: position)
        // An empty ring starts over at its front, so that a ring that is seldom full keeps to few pages.
        if offset > Self.wakeThreshold, isEmpty(at: position) {
            origin.store(position, ordering: .relaxed)
            offset = 0
        }
        let toEnd = capacity - offset
        let wraps = toEnd < size
        let needed = wraps ? toEnd + size : size
        if needed + reserve > capacity - (position - seenTail) {
            seenTail = tail.load(ordering: .acquiring)
            guard needed + reserve <= capacity - (position - seenTail) else { return nil }
        }
        if wraps {
            if toEnd >= Self.headerSize {
                var filler = Header(cell: header.cell, position: .none)
                filler.tag = .wrap
                filler.size = toEnd
                (base + offset).initializeMemory(as: Header.self, to: filler)
            }
            position += toEnd
        }
        var header = header
        header.size = size
        let target = base + place(of: position)
        let copiesName = header.staticName == nil && header.nameCount > 0 && header.boxed == nil
        target.initializeMemory(as: Header.self, to: header)
        if let event { Self.write(event, copiesName: copiesName, to: target + Self.headerSize) }
        return position + size
    }

    /// Where a position lies, in bytes from the front.
    @inline(__always)
    private func place(of position: Int) -> Int { (position &- origin.load(ordering: .relaxed)) & mask }

    private func isEmpty(at position: Int) -> Bool {
        if position == seenTail { return true }
        seenTail = tail.load(ordering: .acquiring)
        return position == seenTail
    }

    private static func write(_ event: EventView, copiesName: Bool, to target: UnsafeMutableRawPointer) {
        var at = target
        if copiesName, let name = event.name.baseAddress {
            at.copyMemory(from: name, byteCount: event.name.count)
            at.storeBytes(of: 0, toByteOffset: event.name.count, as: UInt8.self)
            at += event.name.count + 1
        }
        if let data = event.data.baseAddress { at.copyMemory(from: data, byteCount: event.data.count) }
    }

    private func wake() { signal.update { _ in } }

    // MARK: The delivery thread

    func start(name: String) throws(GatewayError) {
        let started = try EngineThread(name: name) { [self] in run() }
        thread.withLock { $0 = started }
    }

    var isCurrent: Bool { runner.load(ordering: .relaxed) == EngineThread.currentID }

    /// Ends the thread once everything pushed is delivered. Waits for that until `deadline`; after it, what is left is
    /// thrown away (and counts as not delivered), and only the handler's current call is waited for. Returns whether
    /// everything was delivered. The loop must have stopped pushing. Not to be called on the delivery thread.
    func drain(until deadline: UInt64?) -> Bool {
        guard let running = thread.withLock({ $0 }) else { return true }
        signal.update { $0.closing = true }
        let drained = signal.wait(until: deadline) { $0.finished ? true : nil } ?? false
        if !drained { abandoned.store(true, ordering: .relaxed) }
        running.join()
        thread.withLock { $0 = nil }
        return drained
    }

    private func run() {
        runner.store(EngineThread.currentID, ordering: .relaxed)
        defer { runner.store(0, ordering: .relaxed) }
        var position = tail.load(ordering: .relaxed)
        while true {
            let end = head.load(ordering: .acquiring)
            if position == end {
                guard sleep(at: position) else { break }
                continue
            }
            while position < end {
                position = step(position)
                tail.store(position, ordering: .releasing)
                if producerWaits.load(ordering: .relaxed), head.load(ordering: .relaxed) - position < lowMark {
                    tellRoom()
                }
            }
        }
        signal.update { $0.finished = true }
    }

    /// Waits for more. Returns false when no more will come.
    private func sleep(at position: Int) -> Bool {
        consumerSleeps.store(true, ordering: .relaxed)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        defer { consumerSleeps.store(false, ordering: .relaxed) }
        // The ring is empty. Since the last look the producer may have begun to wait without seeing the newest `tail`;
        // after the fence one of the two sees the other.
        if producerWaits.load(ordering: .relaxed) { tellRoom() }
        let more = signal.wait(until: nil) { signal -> Bool? in
            if head.load(ordering: .acquiring) != position { return true }
            return signal.closing ? false : nil
        }
        return more ?? true
    }

    private func tellRoom() {
        guard producerWaits.exchange(false, ordering: .sequentiallyConsistent) else { return }
        loop.post { [self] in onRoom() }
    }

    /// Delivers the record at `position` and returns the next one's.
    private func step(_ position: Int) -> Int {
        let offset = place(of: position)
        if capacity - offset < Self.headerSize { return position + capacity - offset }
        let record = base + offset
        let header = record.load(as: Header.self)
        switch header.tag {
        case .wrap: break
        case .position:
            if !abandoned.load(ordering: .relaxed) { note(header) }
        case .event:
            if !abandoned.load(ordering: .relaxed) {
                hand(header, bytes: header.boxed ?? record + Self.headerSize)
                note(header)
                if header.kind == .dispatch {
                    header.cell._withUnsafeGuaranteedRef { $0.eventsDelivered.addByOnlyWriter(1) }
                }
            }
            header.boxed?.deallocate()
        }
        return position + header.size
    }

    private func hand(_ header: Header, bytes: UnsafeMutableRawPointer) {
        let id = header.cell._withUnsafeGuaranteedRef { $0.id }
        var event = EventView(kind: header.kind, shardID: id)
        event.type = header.type
        event.sequence = header.sequence
        var at = UnsafeRawPointer(bytes)
        if header.nameCount > 0 {
            if let name = header.staticName {
                event.name = UnsafeRawBufferPointer(start: name, count: header.nameCount)
            } else {
                event.name = UnsafeRawBufferPointer(start: at, count: header.nameCount)
                at += header.nameCount + 1
            }
        }
        event.data = UnsafeRawBufferPointer(start: at, count: header.dataCount)
        event.state = header.state
        event.code = header.code
        event.status = header.status
        event.value = header.value
        event.received = header.received
        handler(event)
    }

    private func note(_ header: Header) {
        let position = header.position
        guard position != .none else { return }
        header.cell._withUnsafeGuaranteedRef { $0.noteDelivered(position) }
    }
}
