import GatewayProtocol
import GatewayTransport

/// A snapshot of one shard. Counters are for the life of the cluster, over all connections. Times are nanoseconds.
public struct ShardInfo: Sendable {
    /// The shard's number.
    public var id: UInt32
    /// The number of shards that the bot has in all, in this process and others.
    public var total: UInt32
    /// What the shard is doing.
    public var state: ShardState
    /// The newest sequence received; 0 before the first.
    public var sequence: UInt64
    /// The session's id; empty without one.
    public var sessionID: String
    /// The newest heartbeat round trip; 0 before the first.
    public var latencyLast: UInt64
    /// The average of `latencyRecent`; 0 before the first.
    public var latencyAverage: UInt64
    /// The newest five round trips, newest first.
    public var latencyRecent: [UInt64]
    /// Connection attempts.
    public var connects: UInt64
    /// Heartbeats sent.
    public var heartbeatsSent: UInt64
    /// Heartbeats acknowledged.
    public var heartbeatsAcknowledged: UInt64
    /// Connections lost or failed that were followed by another attempt.
    public var reconnects: UInt64
    /// RESUMED received.
    public var resumes: UInt64
    /// IDENTIFY sent.
    public var identifies: UInt64
    /// Op 9 received.
    public var invalidSessions: UInt64
    /// Connections given up because heartbeats were not acknowledged.
    public var zombies: UInt64
    /// Errors told.
    public var errors: UInt64
    /// Dispatches received, and those whose handler returned.
    public var events: UInt64
    /// Dispatches whose handler returned, or that the loop has asked past.
    public var eventsDelivered: UInt64
    /// The sequence up to which everything was delivered.
    public var sequenceDelivered: UInt64
    /// Bytes of websocket frames, inside TLS.
    public var bytesWire: UInt64
    /// Bytes of payloads after decompression.
    public var bytesInflated: UInt64
    /// Bytes of payloads sent, before framing.
    public var bytesSent: UInt64
    /// Commands waiting to be sent.
    public var commandsQueued: UInt32
    /// Commands that the send window would let through now; `UInt32.max` without a limit.
    public var sendPermits: UInt32
    /// Until the next permit; 0 when there is one.
    public var nextPermit: UInt64
    /// Dispatches that came twice and were delivered once.
    public var duplicates: UInt64
    /// As HELLO said; 0 when not connected.
    public var heartbeatIntervalMilliseconds: UInt32
    /// The close code of the last connection that ended; 0 before the first end.
    public var lastCloseCode: UInt32
    /// Bytes of this shard's loop that wait for delivery.
    public var bytesQueued: UInt64
    /// Memory that the inflater of the connection holds, about, as of the last heartbeat or change of state; 0 without.
    public var inflaterBytes: UInt64

    init(_ cell: ShardCell, queued: Int = 0) {
        let now = Clock.now()
        var snapshot = cell.snapshot.withLock { $0 }
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
        connects = snapshot.connects
        errors = snapshot.errors
        eventsDelivered = cell.eventsDelivered.load(ordering: .relaxed)
        sequenceDelivered = DeliveredPosition(raw: cell.delivered.load(ordering: .relaxed)).sequence
        bytesSent = snapshot.bytesSent
        heartbeatIntervalMilliseconds = snapshot.heartbeatInterval
        lastCloseCode = UInt32(snapshot.lastClose)
        bytesQueued = UInt64(queued)
        inflaterBytes = UInt64(snapshot.inflaterBytes)
        events = cell.events.load(ordering: .relaxed)
        bytesWire = cell.bytesWire.load(ordering: .relaxed)
        bytesInflated = cell.bytesInflated.load(ordering: .relaxed)
        commandsQueued = UInt32(clamping: cell.commands.load(ordering: .relaxed))
        sendPermits = UInt32(clamping: snapshot.sends?.permits(now: now) ?? 0)
        nextPermit = snapshot.sends?.nextPermit(now: now).map { $0 > now ? $0 - now : 0 } ?? 0
    }
}
