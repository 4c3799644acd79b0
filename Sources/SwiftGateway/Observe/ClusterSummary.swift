import GatewayProtocol
import GatewayTransport

/// All shards of a cluster at a glance. Counters are for the life of the cluster's run, over all connections; times are
/// nanoseconds.
public struct ClusterSummary: Sendable, Equatable {
    /// The identifies that the API allows (`gateway.md` §7).
    public struct IdentifyBudget: Sendable, Equatable {
        /// Left until the reset.
        public var remaining: UInt32
        /// Allowed per period of 24 h.
        public var total: UInt32
        /// Until `remaining` is `total` again; 0 when it is due.
        public var resetAfter: UInt64
    }

    /// Shards of this cluster; 0 before the API has said how many.
    public var shards = 0
    /// Shards of the bot in all processes; 0 before it is known.
    public var total: UInt32 = 0
    /// Shards that were active at least once, which is what `waitReady` waits for.
    public var ready = 0
    /// Shards in each state; those without any are missing.
    public var states: [ShardState: Int] = [:]
    /// The longest of the newest round trips, and whose it is; nil before the first. Only shards that are connected
    /// count: what a lost connection measured says nothing.
    public var slowest: (shard: UInt32, latency: UInt64)? {
        get { slowestShard.map { ($0, slowestLatency) } }
        set { (slowestShard, slowestLatency) = (newValue?.shard, newValue?.latency ?? 0) }
    }
    private var slowestShard: UInt32?
    private var slowestLatency: UInt64 = 0
    /// Nil when the API was not asked.
    public var identifyBudget: IdentifyBudget?
    /// What inflates zlib-stream, never `auto`; nil with another compression.
    public var inflateBackend: InflateBackend?
    /// Dispatches received.
    public var events: UInt64 = 0
    /// Dispatches whose handler returned, or that the loop over the events has asked past.
    public var eventsDelivered: UInt64 = 0
    /// Connections lost or failed that were followed by another attempt.
    public var reconnects: UInt64 = 0
    /// RESUMED received.
    public var resumes: UInt64 = 0
    /// IDENTIFY sent.
    public var identifies: UInt64 = 0
    /// Errors told.
    public var errors: UInt64 = 0
    /// Bytes of websocket frames received, inside TLS.
    public var bytesWire: UInt64 = 0
    /// Bytes of payloads after decompression.
    public var bytesInflated: UInt64 = 0
    /// Bytes of payloads sent.
    public var bytesSent: UInt64 = 0
    /// Bytes of events that wait for delivery.
    public var bytesQueued: UInt64 = 0
    /// Commands that wait to be sent.
    public var commandsQueued: UInt64 = 0

    init(_ infos: some Sequence<ShardInfo>) {
        for info in infos {
            shards += 1
            total = info.total
            states[info.state, default: 0] += 1
            if info.heartbeatIntervalMilliseconds > 0, info.latencyLast > slowestLatency {
                slowest = (info.id, info.latencyLast)
            }
            events &+= info.events
            eventsDelivered &+= info.eventsDelivered
            reconnects &+= info.reconnects
            resumes &+= info.resumes
            identifies &+= info.identifies
            errors &+= info.errors
            bytesWire &+= info.bytesWire
            bytesInflated &+= info.bytesInflated
            bytesSent &+= info.bytesSent
            commandsQueued &+= UInt64(info.commandsQueued)
        }
    }
}

extension Cluster {
    /// All shards at a glance; after a shutdown as it was at the end. Takes about a microsecond a shard. Throws
    /// `invalidState` when the cluster was never started.
    public var summary: ClusterSummary {
        get throws(GatewayError) {
            let (last, ready) = state.withLock { ($0.lastInfos, $0.ready.count) }
            var summary: ClusterSummary
            if let engine = currentEngine {
                summary = ClusterSummary(engine.cells.map { ShardInfo($0) })
                summary.total = engine.total
                for loop in engine.loops { summary.bytesQueued &+= UInt64(loop.depth) }
                summary.identifyBudget = engine.identifyLimit.map {
                    let now = Clock.now()
                    return ClusterSummary.IdentifyBudget(
                        remaining: $0.remaining, total: $0.total, resetAfter: $0.resetAt > now ? $0.resetAt - now : 0)
                }
            } else {
                if last.isEmpty { throw GatewayError(.invalidState, "the cluster was never started") }
                summary = ClusterSummary(last.values.sorted { $0.id < $1.id })
            }
            summary.ready = ready
            if configuration.compression == .zlib { summary.inflateBackend = configuration.inflateBackend.resolved }
            return summary
        }
    }
}
