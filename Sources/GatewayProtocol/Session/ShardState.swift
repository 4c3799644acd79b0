/// What a shard is doing. The raw values are the `SG_SHARD_…` numbers of the C API.
public enum ShardState: UInt32, CaseIterable, Sendable {
    /// Created, not started.
    case idle = 0
    /// Resolving, connecting, TLS and websocket handshakes.
    case connecting = 1
    /// The websocket is open; the gateway speaks first.
    case awaitingHello = 2
    /// Heartbeats run; the identify queue has not yet let this shard through.
    case awaitingIdentify = 3
    /// IDENTIFY is sent, READY is awaited.
    case identifying = 4
    /// RESUME is sent; missed events are being replayed.
    case resuming = 5
    /// The session is live.
    case active = 6
    /// Disconnected, waiting before the next attempt.
    case backoff = 7
    /// A close frame is sent; the gateway's answer is awaited for a bounded time.
    case closing = 8
    /// Shut down by its owner.
    case stopped = 9
    /// Stopped by an error that would repeat itself.
    case fatal = 10

    /// The state's name in lower case, in static storage.
    public var staticName: StaticString {
        switch self {
        case .idle: "idle"
        case .connecting: "connecting"
        case .awaitingHello: "awaiting hello"
        case .awaitingIdentify: "awaiting identify"
        case .identifying: "identifying"
        case .resuming: "resuming"
        case .active: "active"
        case .backoff: "backoff"
        case .closing: "closing"
        case .stopped: "stopped"
        case .fatal: "fatal"
        }
    }
}

/// Written out: the library carries no names of cases to find at run time.
extension ShardState: CustomStringConvertible {
    /// `staticName` as a string.
    public var description: String { staticName.description }
}
