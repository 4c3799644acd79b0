import GatewayProtocol

/// How a record in the delivery queue begins: everything the handler needs but the bytes, which follow it.
struct DeliveryRecord {
    enum Tag {
        case event
        /// Nothing to hand out, only a position to note: events that the filter left out came before.
        case position
        /// The rest of the chunk is unused.
        case rest
    }

    static let headerSize = (MemoryLayout<DeliveryRecord>.size + 15) & ~15

    /// From this record to the next, header included. First, so that a reader may load it alone.
    var size: Int
    let tag: Tag
    let kind: EventKind
    let type: EventType?
    let state: ShardState
    let status: Status
    let code: UInt32
    /// Where the name lies: static storage, or null when it follows the header.
    let staticName: UnsafeRawPointer?
    let nameCount: Int
    /// The bytes of a record too large for a chunk, freed after delivery.
    var boxed: UnsafeMutableRawPointer?
    let dataCount: Int
    let sequence: UInt64
    let value: UInt64
    let received: UInt64
    /// The shard. The cluster keeps it alive as long as the queue.
    let cell: Unmanaged<ShardCell>
    let position: DeliveredPosition

    /// An event. `position` is what counts as delivered when the handler has returned.
    @inline(__always)
    init(size: Int, _ event: EventView, cell: Unmanaged<ShardCell>, position: DeliveredPosition) {
        self.size = size
        tag = .event
        kind = event.kind
        type = event.type
        state = event.state
        status = event.status
        code = event.code
        staticName = event.type == nil ? nil : event.name.baseAddress
        nameCount = event.name.count
        dataCount = event.data.count
        sequence = event.sequence
        value = event.value
        received = event.received
        self.cell = cell
        self.position = position
    }

    /// No event.
    init(_ tag: Tag, size: Int, cell: Unmanaged<ShardCell>, position: DeliveredPosition) {
        self.size = size
        self.tag = tag
        (kind, type, state, status, code) = (.state, nil, .idle, .ok, 0)
        (staticName, nameCount, dataCount) = (nil, 0, 0)
        (sequence, value, received) = (0, 0, 0)
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
