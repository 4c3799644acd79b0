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

    /// The shard's id, as long as the queue lives.
    @inline(__always)
    var shardID: UInt32 { cell._withUnsafeGuaranteedRef { $0.id } }

    /// The event of a record that begins at `start`. It borrows the record's bytes.
    @inline(__always)
    func event(at start: UnsafeMutableRawPointer, shardID: UInt32) -> EventView {
        var event = EventView(kind: kind, shardID: shardID)
        event.type = type
        event.sequence = sequence
        event.name = name(at: start)
        event.data = data(at: start)
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

    // MARK: What follows it

    /// Where what follows the record begins.
    @inline(__always)
    func bytes(at start: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer { boxed ?? start + Self.headerSize }

    /// Bytes of a name that lies with the event's bytes, NUL included.
    private var inlineNameSize: Int { staticName == nil && nameCount > 0 ? nameCount + 1 : 0 }

    /// Bytes of what follows the record, or lies in an allocation of its own.
    var copiedSize: Int { inlineNameSize + dataCount }

    /// The size of the record with everything in it.
    var inlineSize: Int { Self.headerSize + copiedSize }

    /// The event's name; no pointer where there is none.
    @inline(__always)
    func name(at start: UnsafeMutableRawPointer) -> UnsafeRawBufferPointer {
        guard nameCount > 0 else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(start: staticName ?? UnsafeRawPointer(bytes(at: start)), count: nameCount)
    }

    @inline(__always)
    func data(at start: UnsafeMutableRawPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: bytes(at: start) + inlineNameSize, count: dataCount)
    }
}
