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
        let scheme = state.withLock { $0.scheme }
        guard !scheme.needsRecommendation else {
            throw GatewayError(.invalidState, "the number of shards is not known before the API has answered")
        }
        return Array(try scheme.resolved(recommended: 1).ids)
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

    /// Sets the presence of every shard, as the JSON object of op 3's `d`: of those that are active now, and of every
    /// session that begins later, in place of what the configuration says. Throws `queueFull` for the first shard with
    /// 1,024 commands waiting, after the others have taken theirs; `invalidState` when no shard takes any.
    public func updatePresence(json: [UInt8]) throws(GatewayError) {
        try engine().sendToAll(try .presence(json: json))
    }

    /// The shard that a guild's events come to (`gateway.md` §16). Throws `notFound` when it is not in this cluster, and
    /// `invalidState` before the number of shards is known.
    public func shard(ofGuild guild: UInt64) throws(GatewayError) -> UInt32 {
        let ids = try shardIDs()
        let total = try shardTotal()
        let shard = ShardRange.shard(ofGuild: guild, total: total)
        guard ids.contains(shard) else {
            throw GatewayError(
                .notFound, "guild \(guild) belongs to shard \(shard) of \(total), which is not in this cluster")
        }
        return shard
    }

    private func shardTotal() throws(GatewayError) -> UInt32 {
        if let engine = currentEngine, engine.isLaunched { return engine.total }
        return try state.withLock({ $0.scheme }).resolved(recommended: 1).total
    }

    /// Disconnects one shard and connects it again, resuming its session or beginning a new one.
    public func restartShard(_ id: UInt32, resuming: Bool) throws(GatewayError) {
        try engine().restart(id, resuming: resuming)
    }

    /// Adds a shard of the same total to a running cluster.
    public func addShard(_ id: UInt32) throws(GatewayError) { try engine().add(id) }

    /// The same, to go on with the session that another cluster's `exportShard` gave: it is resumed, with no IDENTIFY.
    /// Throws `file` when the text is none, or holds no session of this shard, or is of another total.
    public func addShard(_ id: UInt32, session json: [UInt8]) throws(GatewayError) {
        let engine = try engine()
        let document = try SessionDocument.parse(
            json, fingerprint: SessionDocument.fingerprint(of: configuration.bareToken))
        guard engine.isLaunched else { throw GatewayError(.invalidState, "the shards are not known yet") }
        guard document.total == engine.total else {
            throw GatewayError(
                .file, "the sessions are for \(document.total) shards in all, this cluster has \(engine.total)")
        }
        guard let session = document.sessions[id] else {
            throw GatewayError(.file, "the text holds no session of shard \(id)")
        }
        try engine.add(id, resuming: session)
    }

    /// The session of one shard, as JSON for another cluster's `addShard`. Of a shard that was taken out resumable it is
    /// the last word: waits until it has stopped and the handler has returned from all its events; `timeout` in
    /// nanoseconds, nil for ever. Of one that runs it is what it would resume with now, at once. Throws `notFound`,
    /// also when it has no session; `timeout`; `wouldDeadlock` in a handler when it would have to wait.
    public func exportShard(_ id: UInt32, timeout: UInt64?) throws(GatewayError) -> [UInt8] {
        let engine = try engine()
        let session = try engine.session(
            ofShard: id, deadline: timeout.map { Clock.now() &+ $0 }, mayWait: !isInHandler)
        return SessionDocument(
            fingerprint: SessionDocument.fingerprint(of: configuration.bareToken), total: engine.total,
            sessions: [id: session]
        ).json()
    }

    /// Takes one shard out. Returns at once; `exportShard` waits for its end.
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
