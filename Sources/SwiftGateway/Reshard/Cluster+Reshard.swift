import GatewayProtocol
import GatewayTransport

/// Another number of shards, without a pause.
extension Cluster {
    /// Begins to put other shards in the place of those that run, for example as many as the API recommends now, and
    /// returns at once; the cluster goes on as before meanwhile. `shards` must name another total.
    ///
    /// The new shards identify beside the old ones, at the pace that all of the token's shards share, and their events are
    /// held back. Once all are active and have got their guilds, delivery switches once: first everything of the old shards
    /// is delivered, then the new ones go on with what these did not get. Each event comes once, and the events of a guild
    /// in their order. At the switch every old shard tells the state `stopped` and every new one `active`, and from then on
    /// all that names a shard means the new ones.
    ///
    /// The switch waits while a shard is without a connection, or does not read because the handler is too slow for it.
    ///
    /// What the gateway forces: the bot needs one IDENTIFY for each new shard of the daily limit, and has twice the sessions
    /// meanwhile. READY and the GUILD_CREATEs with which the new sessions begin are not handed out: they tell nothing new.
    /// An event whose data differs between two sessions, which Discord's do not, would come twice. Answers to commands that
    /// an old shard has sent and that were not answered at the switch are lost; commands that wait to be sent go over to the
    /// new shard of their guild.
    ///
    /// Throws `invalidArgument`; `invalidState` when the cluster does not run, its shards are not known yet, or it is being
    /// resharded already. What fails later is an error event, is thrown by `waitReshard`, and leaves the old shards as they are:
    /// `sessionLimit` when the daily limit has too few identifies left, the error of a new shard that is fatal, `queueFull`
    /// when an old shard was away for so long that more than 64 MiB of events had to be held back, or that the API could not be
    /// asked. Any thread, also in a handler.
    public func reshard(to shards: ShardChoice) throws(GatewayError) {
        let scheme = try shards.scheme()
        guard let engine = currentEngine else { throw GatewayError(.invalidState, "the cluster is not running") }
        try engine.reshard(to: scheme)
    }

    /// Gives up: the new shards end, the old ones go on. Throws `invalidState` when the cluster is not being resharded, or the
    /// new shards are taking over already. Any thread, also in a handler.
    public func cancelReshard() throws(GatewayError) {
        guard let engine = currentEngine else { throw GatewayError(.invalidState, "the cluster is not running") }
        try engine.cancelReshard("the resharding was cancelled")
    }

    /// Whether the cluster is being resharded.
    public var isResharding: Bool { currentEngine?.succession != nil }

    /// Waits until the new shards have taken over and no copy of an event can come any more; at once when that is past.
    /// `timeout` in nanoseconds, nil for ever. Throws `timeout`; `cancelled` when it was cancelled or the cluster shut down;
    /// what made it fail, see `reshard`; `invalidState` when there was none; `wouldDeadlock` in a handler.
    public func waitReshard(timeout: UInt64?) throws(GatewayError) {
        try waitReshard(timeout: timeout, cancelled: { false })
    }

    /// Throws `cancelled` as well when `cancelled` says so; it is asked whenever the state is updated.
    func waitReshard(timeout: UInt64?, cancelled: () -> Bool) throws(GatewayError) {
        try refuseInHandler()
        let result = state.wait(until: timeout.map { Clock.now() &+ $0 }) { state -> Result<Void, GatewayError>? in
            if cancelled() { return .failure(GatewayError(.cancelled, "the waiting task was cancelled")) }
            switch state.phase {
            case .idle: return .failure(GatewayError(.invalidState, "the cluster is not started"))
            case .stopping, .stopped: return .failure(GatewayError(.cancelled, "the cluster was shut down"))
            case .running(let engine):
                return engine.shards.withLock { shards in
                    if shards.succession != nil { return nil }
                    return shards.lastReshard
                        ?? .failure(
                            GatewayError(.invalidState, "the cluster is not being resharded"))
                }
            }
        }
        guard let result else { throw GatewayError(.timeout, "the cluster is still being resharded") }
        try result.get()
    }
}
