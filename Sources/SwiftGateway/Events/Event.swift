import GatewayProtocol

/// One event of a cluster, as `Cluster.events` hands it out: a dispatch of the gateway, or something that happened to a
/// shard.
///
/// A value that owns what it shows, and may be kept and sent anywhere. It is a slice of the buffer that its whole batch
/// lies in (64 KiB at most, or the event alone when it is larger): to keep a few events for long, keep `detached()`.
public struct Event: Sendable {
    private let buffer: EventBuffer
    private let offset: Int
    /// The id of the shard that the event is of.
    public let shardID: UInt32

    init(buffer: EventBuffer, offset: Int, shardID: UInt32) {
        self.buffer = buffer
        self.offset = offset
        self.shardID = shardID
    }

    @inline(__always)
    private var record: DeliveryRecord { buffer.record(at: offset) }

    /// What kind of event it is, and with it which of the other properties mean something.
    public var kind: EventKind { record.kind }

    /// The type of a dispatch; nil for a name that this build does not know, see `name`, and for other kinds.
    public var type: EventType? { record.type }

    /// The name of a dispatch, such as "MESSAGE_CREATE"; empty for other kinds.
    public var name: String { String(decoding: rawName, as: UTF8.self) }

    /// `s` of a dispatch; 0 where there is none.
    public var sequence: UInt64 { record.sequence }

    /// CLOCK_MONOTONIC when the event's bytes were read, in nanoseconds.
    public var received: UInt64 { record.received }

    /// The number of bytes that `withBytes` shows.
    public var byteCount: Int { record.dataCount }

    /// A copy of the bytes: a dispatch's `d`, byte for byte as Discord sent it; a whole payload; for other kinds the
    /// UTF-8 of a close reason or an error's sentence.
    public var bytes: [UInt8] { Array(rawData) }

    /// The bytes as text: the JSON of a dispatch or payload, a close reason, or an error's sentence.
    public var text: String { String(decoding: rawData, as: UTF8.self) }

    /// Shows the bytes to `body`, without a copy.
    public func withBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(rawData.bytes)
    }

    /// The same event in a buffer of its own: keeping it keeps nothing else.
    public func detached() -> Event {
        let copy = EventBuffer(capacity: record.inlineSize)
        copy.fill(with: record, at: buffer.base + offset)
        return Event(buffer: copy, offset: 0, shardID: shardID)
    }

    // Valid as long as the buffer, which whoever calls a method of this keeps.
    private var rawName: UnsafeRawBufferPointer { record.name(at: buffer.base + offset) }
    var rawData: UnsafeRawBufferPointer { record.data(at: buffer.base + offset) }

    /// The event as a handler would see it; it borrows from this.
    func view() -> EventView { record.event(at: buffer.base + offset, shardID: shardID) }

    /// Tells events of one buffer from those of another.
    var bufferIdentity: ObjectIdentifier { ObjectIdentifier(buffer) }

    var status: Status { record.status }
    var state: ShardState { record.state }
    var code: UInt32 { record.code }
    var value: UInt64 { record.value }
}
