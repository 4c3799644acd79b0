import GatewayProtocol

/// How a record in the delivery ring begins: everything the handler needs but the bytes, which follow it.
struct DeliveryRecord {
    enum Tag {
        case event
        /// Nothing to hand out, only a position to note: events that the filter left out came before.
        case position
        /// The rest of the ring up to its end is unused.
        case wrap
    }

    static let headerSize = (MemoryLayout<DeliveryRecord>.size + 15) & ~15

    /// From this record to the next, header included. First, so that a reader may load it alone.
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

    /// The event of a record that begins at `start`. It borrows the record's bytes.
    func event(at start: UnsafeMutableRawPointer) -> EventView {
        var event = EventView(kind: kind, shardID: cell._withUnsafeGuaranteedRef { $0.id })
        event.type = type
        event.sequence = sequence
        var bytes = UnsafeRawPointer(boxed ?? start + Self.headerSize)
        if nameCount > 0 {
            if let staticName {
                event.name = UnsafeRawBufferPointer(start: staticName, count: nameCount)
            } else {
                event.name = UnsafeRawBufferPointer(start: bytes, count: nameCount)
                bytes += nameCount + 1
            }
        }
        event.data = UnsafeRawBufferPointer(start: bytes, count: dataCount)
        event.state = state
        event.code = code
        event.status = status
        event.value = value
        event.received = received
        return event
    }

    /// The handler has returned: what this record was of counts as delivered.
    func noteDelivered() {
        cell._withUnsafeGuaranteedRef { cell in
            if position != .none { cell.noteDelivered(position) }
            if tag == .event, kind == .dispatch { cell.eventsDelivered.addByOnlyWriter(1) }
        }
    }
}
