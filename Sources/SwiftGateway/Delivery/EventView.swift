import GatewayProtocol

/// What an event is. The raw values are the `SG_EVENT_…` numbers of the C API.
public enum EventKind: UInt32, CaseIterable, Sendable {
    /// Op 0: a dispatch of the gateway.
    case dispatch = 0
    /// The shard's state changed.
    case state = 1
    /// A connection ended.
    case closed = 2
    /// A heartbeat was acknowledged.
    case latency = 3
    /// Something went wrong.
    case error = 4
    /// A whole payload, before it is handled.
    case payload = 5
}

/// One event as the handler sees it. It borrows: `name` and `data` are valid until the handler returns.
public struct EventView {
    /// What the event is, and with it which of the other properties mean something.
    public var kind: EventKind
    /// The shard that it is of.
    public var shardID: UInt32
    /// The dispatch's type; nil for a name this build does not know and for other kinds.
    public var type: EventType?
    /// `s` of a dispatch; 0 where there is none.
    public var sequence: UInt64 = 0
    /// The dispatch's name, followed by a NUL that is not counted; empty for other kinds.
    public var name = UnsafeRawBufferPointer(start: nil, count: 0)
    /// A dispatch's `d` as it came, a close reason, an error's sentence, or a whole payload.
    public var data = UnsafeRawBufferPointer(start: nil, count: 0)
    /// The new state of a state event; what follows a closed connection or an error.
    public var state = ShardState.idle
    /// A close code (1006 without a close frame), or what `SG_EVENT_STATE` says of a state.
    public var code: UInt32 = 0
    /// What kind of error an error event tells.
    public var status = Status.ok
    /// Nanoseconds: a round trip, or the wait of `backoff`.
    public var value: UInt64 = 0
    /// CLOCK_MONOTONIC when the bytes were read, in nanoseconds.
    public var received: UInt64 = 0

    init(kind: EventKind, shardID: UInt32) {
        self.kind = kind
        self.shardID = shardID
    }
}

/// The kinds of events that are delivered, one bit each: `1 << kind`.
public struct EventKinds: OptionSet, Sendable, Hashable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Dispatches of the gateway.
    public static let dispatch = EventKinds(.dispatch)
    /// Changes of a shard's state.
    public static let state = EventKinds(.state)
    /// Ends of connections.
    public static let closed = EventKinds(.closed)
    /// Acknowledged heartbeats.
    public static let latency = EventKinds(.latency)
    /// Errors.
    public static let error = EventKinds(.error)
    /// Whole payloads, before they are handled.
    public static let payload = EventKinds(.payload)

    /// All but whole payloads.
    public static let standard: EventKinds = [.dispatch, .state, .closed, .latency, .error]
    /// Every kind there is.
    public static let all: EventKinds = [.standard, .payload]

    /// The set of this one kind.
    public init(_ kind: EventKind) { rawValue = 1 << kind.rawValue }

    @inline(__always)
    func has(_ kind: EventKind) -> Bool { rawValue & (1 << kind.rawValue) != 0 }
}

/// Takes events, one at a time per shard and in order. Shards of different I/O threads may call at the same time.
public typealias EventHandler = @Sendable (EventView) -> Void
