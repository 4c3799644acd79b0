import GatewayProtocol
import GatewayTransport

/// Putting other shards in the place of those that there are.
extension Engine {
    func reshard(to scheme: ShardScheme) throws(GatewayError) {
        let loop = contexts.first?.loop
        let succession = try shards.withLock { shards throws(GatewayError) in
            guard let loop, shards.launched, !shards.isEnding else {
                throw GatewayError(.invalidState, "the shards are not known yet, or the cluster is being shut down")
            }
            guard shards.succession == nil else {
                throw GatewayError(.invalidState, "the cluster is being resharded already")
            }
            let made = Succession(scheme: scheme, engine: self, loop: loop)
            shards.succession = made
            shards.lastReshard = nil
            return made
        }
        succession.begin()
    }

    var succession: Succession? { shards.withLock { $0.succession } }

    func cancelReshard(_ reason: String) throws(GatewayError) {
        guard let succession else { throw GatewayError(.invalidState, "the cluster is not being resharded") }
        guard !succession.hasSwitched else {
            throw GatewayError(.invalidState, "the new shards are taking over already")
        }
        succession.cancel(GatewayError(.cancelled, reason))
    }

    /// The cluster is being shut down: a resharding that is not through ends with it.
    func endReshard(deadline: UInt64?) {
        guard let succession, let loop = contexts.first?.loop else { return }
        succession.end(GatewayError(.cancelled, "the cluster was shut down"))
        let done = Monitor(false)
        loop.post { done.update { $0 = true } }
        _ = done.wait(until: deadline) { $0 ? true : nil }
    }

    /// Makes the shards that are to take over, and tells the present ones. Nil when the cluster is being shut down.
    func makeSuccessors(
        _ range: ShardRange, of succession: Succession
    ) throws(GatewayError) -> (made: [UInt32: ShardRunner], old: [UInt32: ShardRunner])? {
        let ids = Array(range.ids)
        // Half of the shards online, and the others only tomorrow, would be worse than to stay with what there is.
        if let limit = shared?.identifies.limit, limit.remaining < ids.count {
            throw GatewayError(
                .sessionLimit,
                "\(limit.remaining) of \(limit.total) identifies are left, and \(ids.count) shards would need one")
        }
        return try shards.withLock { shards throws(GatewayError) in
            guard let shared = shards.shared, !shards.isEnding, shards.succession === succession else { return nil }
            guard range.total != shards.total else {
                throw GatewayError(.invalidArgument, "there are \(range.total) shards in total already")
            }
            var made: [UInt32: ShardRunner] = [:]
            for (index, id) in ids.enumerated() {
                made[id] = ShardRunner(
                    cell: ShardCell(id: id, total: range.total), engine: shared,
                    context: shards.contexts[index % shards.contexts.count], resuming: nil, presence: shards.presence)
            }
            return (made, shards.runners)
        }
    }

    /// The new shards are the cluster's from here on; the old ones depart.
    func succeed(_ succession: Succession) {
        let incoming = succession.incoming
        shards.withLock { shards in
            shards.departing += shards.runners.values
            shards.departed = [:]
            shards.cells = [:]
            shards.runners = [:]
            for runner in incoming {
                shards.cells[runner.cell.id] = runner.cell
                shards.runners[runner.cell.id] = runner
            }
            shards.total = incoming.first?.cell.total ?? shards.total
        }
        let active = incoming.filter { $0.cell.snapshot.withLock { $0.state } == .active }
        let over = incoming.filter { $0.cell.hasEnded.load(ordering: .acquiring) }
        cluster.state.update { state in
            state.scheme = succession.scheme
            state.ready = Set(active.map(\.cell.id))
            state.ended = Set(over.map(\.cell.id))
        }
        log.write(.info, "cluster") { "the \(incoming.count) new shards have taken over" }
    }

    /// A command that an old shard could not send any more goes to the shard that serves its guild now.
    func handOver(_ command: [UInt8], of old: UInt32, total: UInt32) {
        let guild = command.withUnsafeBytes { JSONField.uint64($0, "/d/guild_id") }
        let id = guild.map { ShardRange.shard(ofGuild: $0, total: total) } ?? old % max(total, 1)
        do throws(GatewayError) {
            try send(id, GatewayCommand.raw(command))
        } catch {
            log.write(.warning, shard: old) { "a command that waited was not sent: \(error.message)" }
        }
    }

    /// It is over, one way or another.
    func ended(_ succession: Succession, _ result: Result<Void, GatewayError>) {
        let isCurrent = shards.withLock { shards in
            guard shards.succession === succession else { return false }
            shards.succession = nil
            shards.lastReshard = result
            return true
        }
        if case .failure(let error) = result {
            leave(succession.incoming)
            if isCurrent {
                log.write(.warning, "cluster") { "the resharding ended: \(error.message)" }
                if error.status != .cancelled { tell(error, state: .active) }
            }
        }
        cluster.wake()
    }

    /// Ends shards that never took over.
    private func leave(_ runners: [ShardRunner]) {
        shards.withLock { $0.departing += runners }
        for runner in runners { runner.onLoop { $0.shutdown(resumable: false) } }
    }
}
