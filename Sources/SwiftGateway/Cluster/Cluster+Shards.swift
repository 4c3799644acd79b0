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

    /// Throws `notFound`, or `invalidState` when the cluster is not running.
    public func info(shard id: UInt32) throws(GatewayError) -> ShardInfo { try engine().info(id) }

    /// Queues a payload as it stands: a JSON object with `op` and `d`, at most 4096 bytes, of an opcode that is not the
    /// library's own (1, 2, 6). Sent as soon as the shard is active and the send window lets it through; survives
    /// reconnects. Throws `invalidArgument`, `payloadTooLarge`, `queueFull`, `notFound`, `invalidState`.
    public func send(shard id: UInt32, json: [UInt8]) throws(GatewayError) {
        let presence = try Outgoing.checkRaw(json)
        try engine().send(id, json, presence: presence)
    }

    /// Queues a typed command. Errors as for `send(shard:json:)`.
    public func send(shard id: UInt32, _ command: some GatewayCommand) throws(GatewayError) {
        let payload: [UInt8]
        do throws(CommandError) {
            payload = try command.payload()
        } catch {
            throw error.gatewayError
        }
        try engine().send(id, payload, presence: command.presenceJSON)
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
