/// Records that were taken out of a delivery queue together, with their bytes: what the `Event`s of a batch are slices of.
///
/// Filled by the consumer while nobody else has it, and not changed any more once an event of it was handed out: then the
/// consumer fills it again only when no event of it is left anywhere.
final class EventBuffer: @unchecked Sendable {
    /// Bytes taken at once, records included: some sixty messages (practice: few enough that an event which is kept keeps
    /// little else, and that they stay in the processor's cache; enough that the cost of taking them vanishes). A larger
    /// event is taken alone.
    static let limit = 64 * 1024
    private static let smallest = 4 * 1024

    let base: UnsafeMutableRawPointer
    let capacity: Int
    private(set) var count = 0
    /// Bytes of events that were too large for a chunk; freed with this.
    private var boxes: [UnsafeMutableRawPointer] = []

    init(capacity wanted: Int) {
        var size = Self.smallest
        while size < wanted { size *= 2 }
        capacity = size
        base = .allocate(byteCount: size, alignment: 16)
    }

    deinit {
        clear()
        base.deallocate()
    }

    func clear() {
        for box in boxes { box.deallocate() }
        boxes.removeAll(keepingCapacity: true)
        count = 0
    }

    /// Replaces the contents, `bytes` of which must fit. Takes over the boxes that the records own.
    func fill(from start: UnsafeRawPointer, count bytes: Int, boxes owned: [UnsafeMutableRawPointer]) {
        clear()
        base.copyMemory(from: start, byteCount: bytes)
        count = bytes
        if !owned.isEmpty { boxes = owned }
    }

    @inline(__always)
    func record(at offset: Int) -> DeliveryRecord { base.load(fromByteOffset: offset, as: DeliveryRecord.self) }

    /// Replaces the contents by one record, its bytes behind it, and a name of its own before them. `start` is where the
    /// record lies now; the capacity must be its `inlineSize`.
    func fill(with record: DeliveryRecord, at start: UnsafeMutableRawPointer) {
        clear()
        var copy = record
        copy.size = record.inlineSize
        copy.boxed = nil
        base.initializeMemory(as: DeliveryRecord.self, to: copy)
        (base + DeliveryRecord.headerSize).copyMemory(
            from: record.bytes(at: start), byteCount: record.inlineSize - DeliveryRecord.headerSize)
        count = record.inlineSize
    }
}
