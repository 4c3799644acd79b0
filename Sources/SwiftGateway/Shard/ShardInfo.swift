import GatewayProtocol
import GatewayTransport

/// A snapshot of one shard. Counters are for the life of the cluster, over all connections. Times are nanoseconds.
public struct ShardInfo: Sendable {
    public var id: UInt32
    public var total: UInt32
    public var state: ShardState
    /// The newest sequence received; 0 before the first.
    public var sequence: UInt64
    /// The session's id; empty without one.
    public var sessionID: String
    /// The newest heartbeat round trip; 0 before the first.
    public var latencyLast: UInt64
    public var latencyAverage: UInt64
    /// The newest five round trips, newest first.
    public var latencyRecent: [UInt64]
    public var heartbeatsSent: UInt64
    public var heartbeatsAcknowledged: UInt64
    public var reconnects: UInt64
    public var resumes: UInt64
    public var identifies: UInt64
    public var invalidSessions: UInt64
    /// Connections given up because heartbeats were not acknowledged.
    public var zombies: UInt64
    public var events: UInt64
    /// Bytes of websocket frames, inside TLS.
    public var bytesWire: UInt64
    public var bytesInflated: UInt64
    public var commandsQueued: UInt64
    /// Payloads that the send window would let through now.
    public var sendPermits: UInt64
    /// Until the next permit; 0 when there is one.
    public var nextPermit: UInt64
    /// Dispatches that came twice and were delivered once.
    public var duplicates: UInt64

    init(_ cell: ShardCell) {
        let now = Clock.now()
        let snapshot = cell.snapshot.withLock { $0 }
        id = cell.id
        total = cell.total
        state = snapshot.state
        sequence = cell.received.load(ordering: .relaxed)
        sessionID = snapshot.resumable?.id ?? ""
        latencyLast = snapshot.latency.last ?? 0
        latencyAverage = snapshot.latency.average ?? 0
        latencyRecent = snapshot.latency.recent
        let counters = snapshot.counters
        heartbeatsSent = counters.heartbeatsSent
        heartbeatsAcknowledged = counters.heartbeatsAcknowledged
        reconnects = counters.reconnects
        resumes = counters.resumes
        identifies = counters.identifies
        invalidSessions = counters.invalidSessions
        zombies = counters.zombies
        duplicates = counters.duplicates
        events = cell.events.load(ordering: .relaxed)
        bytesWire = cell.bytesWire.load(ordering: .relaxed)
        bytesInflated = cell.bytesInflated.load(ordering: .relaxed)
        commandsQueued = UInt64(max(0, cell.commands.load(ordering: .relaxed)))
        sendPermits = UInt64(max(0, snapshot.sends?.permits(now: now) ?? 0))
        nextPermit = snapshot.sends?.nextPermit(now: now).map { $0 > now ? $0 - now : 0 } ?? 0
    }
}
