/// Events that waited together, in order, as the batch handler gets them. It borrows: the batch, and the `name` and
/// `data` of its events, are valid until the handler returns.
///
/// Iterating reads the events where they lie in the queue, without a copy.
public struct EventBatch: Sequence {
    /// Events in one batch at most (practice: enough to make the cost of the call itself vanish, and few enough for a
    /// slow handler to come up for air).
    public static let limit = 256

    /// 1 to `limit`.
    public let count: Int
    /// Memory that the handler may use as it likes, aligned to 64 bytes; the queue keeps it from batch to batch.
    package let scratch: UnsafeMutableRawBufferPointer
    let queue: Unmanaged<DeliveryQueue>
    let start: Int

    /// Bytes of `scratch` for each event of the largest batch.
    package static let scratchPerEvent = 128

    public var underestimatedCount: Int { count }

    public func makeIterator() -> Iterator { Iterator(queue: queue, position: start, left: count) }

    public struct Iterator: IteratorProtocol {
        let queue: Unmanaged<DeliveryQueue>
        var position: Int
        var left: Int

        public mutating func next() -> EventView? {
            guard left > 0 else { return nil }
            while true {
                let (record, after) = queue._withUnsafeGuaranteedRef { $0.record(at: position) }
                position = after
                guard let record else { continue }
                let header = record.load(as: DeliveryRecord.self)
                guard header.tag == .event else { continue }
                left -= 1
                return header.event(at: record, shardID: header.shardID)
            }
        }
    }
}

/// Takes all events that wait, up to a bound, on a delivery thread, and returns how many of them, from the first, it
/// handled: those count as delivered. Fewer than there were says that it wants no more: nothing further is handed to it,
/// and what is left counts as not delivered, as after a shutdown whose time passed. For queued delivery. The delivery
/// threads of different I/O threads may call at the same time, and each is told so by its own call's result.
public typealias EventBatchHandler = @Sendable (EventBatch) -> Int
