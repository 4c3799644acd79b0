import CLinux
import GatewayProtocol
import GatewayTransport
import Synchronization

/// A bounded queue of bytes from one loop thread to one delivery thread.
///
/// An event is copied into the queue once and handed to the handler where it lies. The queue never drops a dispatch and
/// never grows: when three quarters are used the loop's connections stop reading, and the last quarter holds what is
/// told beside the dispatches meanwhile. Only an event that is large beside a chunk gets an allocation of its own, which
/// counts as used like everything else.
final class DeliveryQueue: @unchecked Sendable {
    /// The smallest queue: room for a few hundred events of the usual size.
    static let minimumCapacity = 64 * 1024
    /// What `queue_bytes` of 0 means: 8 MiB hold about eight thousand messages.
    static let defaultCapacity = 8 << 20

    /// Bytes after which a sleeping consumer is woken in the middle of a batch: each time costs it a system call, and with
    /// 32 KB a third of its CPU went there (measured); more than the second level of the cache holds gains nothing.
    private static let wakeThreshold = 256 * 1024

    let capacity: Int
    private let highMark: Int
    let chunks: DeliveryChunks
    let sink: EventSink
    let loop: EventLoop

    /// Called on the loop's thread when there is room again.
    var onRoom: () -> Void = {}
    /// Where the consumer sleeps while the queue is empty.
    let doorbell = Doorbell()
    let producerWaits = Atomic<Bool>(false)
    let signal = Monitor(Signal())
    let thread = Lock<EngineThread?>(nil)
    /// The thread that runs this, as it says itself: `thread` is still being set when the first handler may ask.
    let runner = Atomic<UInt>(0)

    struct Signal {
        var finished = false
    }
    /// Nothing is pushed any more.
    let closing = Atomic<Bool>(false)
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
    /// Bytes of all events that got an allocation of their own. Written by the producer.
    private let boxedIn = Atomic<Int>(0)
    // Loop thread only. `roomEnd`: where `head` must have got to for there to be no room, as far as is known.
    private var supply: ChunkSupply
    private var roomEnd: Int
    private var wokenAt = 0
    private let gapBeforeTail = CacheGap()
    let tail = Atomic<Int>(0)
    /// Those of which the allocation is freed, or not the queue's any more. Written by the consumer.
    private let boxedOut = Atomic<Int>(0)
    private let gapAfterTail = CacheGap()

    init(capacity wanted: Int, loop: EventLoop, sink: EventSink) {
        var size = Self.minimumCapacity
        while size < wanted, size < 1 << 40 { size *= 2 }
        capacity = size
        highMark = size / 4 * 3
        roomEnd = highMark
        supply = ChunkSupply(capacity: size)
        chunks = supply.map
        self.loop = loop
        self.sink = sink
    }

    deinit {
        // What nobody came for after the deadline of a drain.
        var position = tail.load(ordering: .relaxed)
        while position < head.load(ordering: .relaxed) {
            let (record, after) = record(at: position)
            record?.load(as: DeliveryRecord.self).boxed?.deallocate()
            position = after
        }
    }

    // MARK: The loop's side

    /// Is there room for another dispatch, and the whole payload that holds it? When not, `onRoom` will be called.
    @inline(__always)
    var hasRoom: Bool { head.load(ordering: .relaxed) < roomEnd ? true : hasRoomNow() }

    private func hasRoomNow() -> Bool {
        if used(tail: tail.load(ordering: .acquiring)) < highMark { return true }
        let waitsAlready = producerWaits.exchange(true, ordering: .sequentiallyConsistent)
        wake()
        // Somebody else paused and counts on being told: the wish is not this caller's to take back.
        if waitsAlready { return false }
        // The consumer may have made room before it could see that it is waited for.
        return used(tail: tail.load(ordering: .sequentiallyConsistent)) < lowMark
            && producerWaits.exchange(false, ordering: .sequentiallyConsistent)
    }

    /// Bytes in use. Keeps what was learned of them for the next time room is asked for.
    private func used(tail: Int) -> Int {
        let used = head.load(ordering: .relaxed) - tail + boxed
        roomEnd = head.load(ordering: .relaxed) + highMark - used
        return used
    }

    /// Below this the loop is told that there is room again.
    private var lowMark: Int { capacity / 2 }

    /// Whether that is so. Any thread.
    @inline(__always)
    var isBelowLowMark: Bool { depth < lowMark }

    private var boxed: Int { boxedIn.load(ordering: .relaxed) - boxedOut.load(ordering: .relaxed) }

    /// Bytes that wait. Any thread.
    var depth: Int { max(0, head.load(ordering: .relaxed) - tail.load(ordering: .relaxed) + boxed) }

    /// The position behind everything that was pushed. Loop thread.
    var end: Int { head.load(ordering: .relaxed) }

    /// Whether everything before a position was delivered. Any thread.
    func hasDelivered(_ position: Int) -> Bool { tail.load(ordering: .acquiring) >= position }

    /// Takes an event in. `hasRoom` must have been asked before a dispatch. `position` is what counts as delivered when
    /// the handler has returned.
    func push(_ event: EventView, position: DeliveredPosition, cell: ShardCell) {
        // A name without a type is the sender's bytes and has to be copied; the others lie in static storage.
        let name = event.type == nil && event.name.count > 0 ? event.name.count + 1 : 0
        let payload = name + event.data.count
        let size = (DeliveryRecord.headerSize + payload + 15) & ~15
        guard payload <= chunks.size / 2, let start = claim(size, cell) else {
            return pushBoxed(event, payload: payload, position, cell)
        }
        let record = chunks.address(of: start)
        record.initializeMemory(
            as: DeliveryRecord.self,
            to: DeliveryRecord(size: size, event, cell: .passUnretained(cell), position: position))
        Self.write(event, copiesName: name > 0, to: record + DeliveryRecord.headerSize)
        head.store(start + size, ordering: .releasing)
        if start + size - wokenAt > Self.wakeThreshold { flush() }
    }

    /// An event that is large beside a chunk, or for which the last chunk has room no more, as for a dispatch whose whole
    /// payload took most of it. It may be larger than all that is free: then reading stops after it.
    @inline(never)
    private func pushBoxed(_ event: EventView, payload: Int, _ position: DeliveredPosition, _ cell: ShardCell) {
        guard let start = claim(DeliveryRecord.headerSize, cell) else {
            dropped.wrappingAdd(1, ordering: .relaxed)
            return
        }
        let box = UnsafeMutableRawPointer.allocate(byteCount: payload, alignment: 16)
        Self.write(event, copiesName: payload > event.data.count, to: box)
        var record = DeliveryRecord(
            size: DeliveryRecord.headerSize, event, cell: .passUnretained(cell), position: position)
        record.boxed = box
        boxedIn.store(boxedIn.load(ordering: .relaxed) + payload, ordering: .relaxed)
        roomEnd -= payload
        publish(record, at: start)
        // Its bytes are not among those after which a sleeping consumer is woken.
        flush()
    }

    private func publish(_ record: DeliveryRecord, at start: Int) {
        chunks.address(of: start).initializeMemory(as: DeliveryRecord.self, to: record)
        head.store(start + record.size, ordering: .releasing)
    }

    /// An allocation of its own that is freed, or somebody else's from now on. Consumer.
    func noteUnboxed(_ record: DeliveryRecord) {
        boxedOut.store(boxedOut.load(ordering: .relaxed) + record.copiedSize, ordering: .relaxed)
    }

    /// Notes that everything of this shard up to `position` needs no delivery. Returns false when there is no room.
    func pushPosition(_ position: DeliveredPosition, cell: ShardCell) -> Bool {
        guard let start = claim(DeliveryRecord.headerSize, cell) else { return false }
        publish(
            DeliveryRecord(.position, size: DeliveryRecord.headerSize, cell: .passUnretained(cell), position: position),
            at: start)
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

    /// Finds room for a record of so many bytes, half a chunk and its header at most. Returns where it begins; nil when
    /// there is none.
    @inline(__always)
    private func claim(_ size: Int, _ cell: ShardCell) -> Int? {
        let position = head.load(ordering: .relaxed)
        return size <= supply.end - position ? position : beginChunk(after: position, cell)
    }

    /// Leaves the rest of the chunk unused. Returns where the next one begins; nil when there is none.
    @inline(never)
    private func beginChunk(after position: Int, _ cell: ShardCell) -> Int? {
        let next = supply.end
        guard supply.extend(tail: tail.load(ordering: .acquiring)) else { return nil }
        if next - position >= DeliveryRecord.headerSize {
            // Published with the record that follows.
            chunks.address(of: position).initializeMemory(
                as: DeliveryRecord.self,
                to: DeliveryRecord(.rest, size: next - position, cell: .passUnretained(cell), position: .none))
        }
        return next
    }

    @inline(__always)
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
