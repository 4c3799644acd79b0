import GatewayProtocol
import GatewayTransport

/// Looking at the shards of a running cluster, and telling them what to do.
extension Cluster {
    private func engine() throws(GatewayError) -> Engine {
        guard let engine = currentEngine else { throw GatewayError(.invalidState, "the cluster is not running") }
        return engine
    }

    /// The ids of the cluster's shards, rising. Throws `invalidState` before they are known.
    public func shardIDs() throws(GatewayError) -> [UInt32] {
        if let engine = currentEngine, engine.isLaunched { return engine.cells.map(\.id) }
        guard !configuration.scheme.needsRecommendation else {
            throw GatewayError(.invalidState, "the number of shards is not known before the API has answered")
        }
        return Array(try configuration.scheme.resolved(recommended: 1).ids)
    }

    /// A snapshot of one shard; after a shutdown as it was at the end. Throws `notFound`, or `invalidState` when the cluster
    /// was never started.
    public func info(shard id: UInt32) throws(GatewayError) -> ShardInfo {
        if let engine = currentEngine { return try engine.info(id) }
        let infos = state.withLock { $0.lastInfos }
        if infos.isEmpty { throw GatewayError(.invalidState, "the cluster was never started") }
        guard let info = infos[id] else { throw GatewayError(.notFound, "there is no shard \(id) in this cluster") }
        return info
    }

    /// Snapshots of all shards by rising id; after a shutdown as they were at the end, and none before the shards are
    /// known.
    public func infos() -> [ShardInfo] {
        if let engine = currentEngine {
            return engine.cells.map { ShardInfo($0, queued: engine.queueDepth(of: $0.id)) }
        }
        return state.withLock { $0.lastInfos.values.sorted { $0.id < $1.id } }
    }

    /// Queues a command for one shard. It is sent as soon as the shard is active and the send window lets it through,
    /// and survives reconnects. Throws `queueFull` (1,024 wait already), `notFound`, `invalidState`.
    public func send(_ command: GatewayCommand, shard id: UInt32) throws(GatewayError) {
        try engine().send(id, command)
    }

    /// Disconnects one shard and connects it again, resuming its session or beginning a new one.
    public func restartShard(_ id: UInt32, resuming: Bool) throws(GatewayError) {
        try engine().restart(id, resuming: resuming)
    }

    /// Adds a shard of the same total to a running cluster.
    public func addShard(_ id: UInt32) throws(GatewayError) { try engine().add(id) }

    /// Takes one shard out.
    public func removeShard(_ id: UInt32, resumable: Bool) throws(GatewayError) {
        try engine().remove(id, resumable: resumable)
    }

    /// The sessions as JSON, each with the last sequence that the handler has returned from.
    public func exportSessions() throws(GatewayError) -> [UInt8] {
        if let engine = currentEngine { return engine.document().json() }
        return state.withLock {
            SessionDocument(
                fingerprint: SessionDocument.fingerprint(of: configuration.bareToken), total: max($0.sessionsTotal, 1),
                sessions: $0.sessions
            ).json()
        }
    }
}
