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
    /// The smallest ring: room for a few hundred events beside one of the usual size.
    static let minimumCapacity = 64 * 1024
    /// What `queue_bytes` of 0 means: 8 MiB hold about eight thousand messages.
    static let defaultCapacity = 8 << 20

    /// Bytes after which a sleeping consumer is woken in the middle of a batch: each time costs it a system call, and with
    /// 32 KB a third of its CPU went there (measured); more than the second level of the cache holds gains nothing.
    private static let wakeThreshold = 256 * 1024
    /// Bytes of the ring in use beyond which an empty one starts over at its front.
    private static let restartThreshold = 32 * 1024

    let base: UnsafeMutableRawPointer
    let capacity: Int
    private let mask: Int
    private let highMark: Int
    let sink: EventSink
    let loop: EventLoop

    /// The position whose place is the front of the ring. Written by the producer, and only while the ring is empty, so
    /// that it holds for all records the consumer finds between its position and a `head` that it loaded before.
    private let origin = Atomic<Int>(0)
    /// Called on the loop's thread when there is room again.
    var onRoom: () -> Void = {}
    /// Where the consumer sleeps while the ring is empty.
    let doorbell = Doorbell()
    let producerWaits = Atomic<Bool>(false)
    let signal = Monitor(Signal())
    let thread = Lock<EngineThread?>(nil)
    /// The thread that runs this, as it says itself: `thread` is still being set when the first handler may ask.
    let runner = Atomic<UInt>(0)

    struct Signal {
        var closing = false
        var finished = false
    }
    /// The deadline of a drain has passed, or the handler wants no more: what is left is not handed out any more.
    let abandoned = Atomic<Bool>(false)
    /// Events that were thrown away because even the reserve was full. Never dispatches.
    let dropped = Atomic<UInt64>(0)
    /// From reading an event to handing it out, of the oldest one that waits when the consumer looks.
    let lag = DurationHistogram(bounds: DurationHistogram.lagBounds)
    /// Consumer only.
    var lagSampler = LagSampler()

    // Positions count up for ever. Producer and consumer each write one of them, for each event.
    private let gapBeforeHead = CacheGap()
    let head = Atomic<Int>(0)
    // Loop thread only.
    private var seenTail = 0
    private var wokenAt = 0
    private let gapBeforeTail = CacheGap()
    let tail = Atomic<Int>(0)
    private let gapAfterTail = CacheGap()

    init(capacity wanted: Int, loop: EventLoop, sink: EventSink) {
        var size = Self.minimumCapacity
        while size < wanted, size < 1 << 40 { size *= 2 }
        capacity = size
        mask = size - 1
        highMark = size / 4 * 3
        base = .allocate(byteCount: size, alignment: 64)
        self.loop = loop
        self.sink = sink
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

    var lowMark: Int { capacity / 2 }

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
        var header = DeliveryRecord(cell: .passUnretained(cell), position: position)
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
        var header = DeliveryRecord(cell: .passUnretained(cell), position: position)
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
        if doorbell.isAwaited { wake() }
    }

    /// Writes a record and returns the head to publish; nil when it does not fit.
    private func place(
        _ header: DeliveryRecord, payload: Int, _ event: EventView?
    ) -> Int? {
        // A whole payload comes before the dispatch that it holds, which must find room at least for its header, and
        // for the same again in case that one goes to the front.
        let reserve = header.kind == .payload ? 2 * DeliveryRecord.headerSize : 0
        let size = (DeliveryRecord.headerSize + payload + 15) & ~15
        var position = head.load(ordering: .relaxed)
        var offset = place(of: position)
        // An empty ring starts over at its front, so that a ring that is seldom full keeps to few pages. Whose consumer is
        // awake is not: looking at `tail` for each event would take it from the other core each time.
        if offset > Self.restartThreshold, doorbell.isAwaited, isEmpty(at: position) {
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
            if toEnd >= DeliveryRecord.headerSize {
                var filler = DeliveryRecord(cell: header.cell, position: .none)
                filler.tag = .wrap
                filler.size = toEnd
                (base + offset).initializeMemory(as: DeliveryRecord.self, to: filler)
            }
            position += toEnd
        }
        var header = header
        header.size = size
        let target = base + place(of: position)
        let copiesName = header.staticName == nil && header.nameCount > 0 && header.boxed == nil
        target.initializeMemory(as: DeliveryRecord.self, to: header)
        if let event { Self.write(event, copiesName: copiesName, to: target + DeliveryRecord.headerSize) }
        return position + size
    }

    /// Where a position lies, in bytes from the front.
    @inline(__always)
    func place(of position: Int) -> Int { (position &- origin.load(ordering: .relaxed)) & mask }

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

    private func wake() {
        if case .stream(let channel) = sink { channel.wake() } else { doorbell.ring() }
    }
}
