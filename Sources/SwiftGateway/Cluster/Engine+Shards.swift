import GatewayProtocol
import GatewayTransport

/// Telling the shards of a running cluster what to do, and changing which there are.
extension Engine {
    private func runner(_ id: UInt32) throws(GatewayError) -> ShardRunner {
        guard let runner = shards.withLock({ $0.runners[id] }) else {
            throw GatewayError(.notFound, "there is no shard \(id) in this cluster")
        }
        return runner
    }

    func send(_ id: UInt32, _ command: GatewayCommand) throws(GatewayError) {
        let runner = try runner(id)
        let cell = runner.cell
        switch cell.snapshot.withLock({ $0.state }) {
        case .stopped, .fatal: throw GatewayError(.invalidState, "shard \(id) has stopped and sends nothing any more")
        default: break
        }
        let limit = configuration.session.commandLimit
        guard cell.commands.wrappingAdd(1, ordering: .relaxed).newValue <= limit else {
            cell.commands.wrappingSubtract(1, ordering: .relaxed)
            throw GatewayError(.queueFull, "\(limit) commands of shard \(id) are waiting to be sent already")
        }
        runner.onLoop { $0.send(command) }
    }

    /// Sends to every shard that has not stopped. Throws for the first that could not take it, after all had their turn.
    func sendToAll(_ command: GatewayCommand) throws(GatewayError) {
        let ids = shards.withLock { $0.runners.keys.sorted() }
        if command.presence != nil { shards.withLock { $0.presence = command.presence } }
        if command.presence != nil, let succession {
            // For the new shards of a resharding it comes with the next session, or now.
            for runner in succession.incoming {
                runner.cell.commands.wrappingAdd(1, ordering: .relaxed)
                runner.onLoop { $0.send(command) }
            }
        }
        var first: GatewayError?
        var sent = 0
        for id in ids {
            do throws(GatewayError) {
                try send(id, command)
                sent += 1
            } catch  where error.status == .invalidState || error.status == .notFound {
                // Fatal, or taken out this moment.
                continue
            } catch {
                first = first ?? error
            }
        }
        if let first { throw first }
        guard sent > 0 else { throw GatewayError(.invalidState, "no shard is there yet, or all have stopped") }
    }

    func restart(_ id: UInt32, resuming: Bool) throws(GatewayError) {
        try runner(id).onLoop { $0.restart(resuming: resuming) }
    }

    // MARK: Coming and going

    /// `resuming`: the session to go on with.
    func add(_ id: UInt32, resuming: ResumableSession? = nil) throws(GatewayError) {
        purge()
        try shards.withLock { shards throws(GatewayError) in
            guard let shared = shards.shared, !shards.isEnding else {
                throw GatewayError(.invalidState, "the shards are not known yet, or the cluster is being shut down")
            }
            guard shards.succession == nil else {
                throw GatewayError(.invalidState, "the cluster is being resharded: no shard can be added")
            }
            guard id < shards.total else {
                throw GatewayError(.invalidArgument, "shard \(id) is not below the total of \(shards.total)")
            }
            guard shards.cells[id] == nil else {
                throw GatewayError(.invalidState, "shard \(id) is in the cluster already")
            }
            let cell = ShardCell(id: id, total: shards.total)
            shards.cells[id] = cell
            shards.departed[id] = nil
            shards.start(
                cell, context: shards.contexts[Int(id) % shards.contexts.count], shared: shared, resuming: resuming)
        }
    }

    func remove(_ id: UInt32, resumable: Bool) throws(GatewayError) {
        purge()
        let runner = try shards.withLock { shards throws(GatewayError) in
            guard shards.succession == nil else {
                throw GatewayError(.invalidState, "the cluster is being resharded: no shard can be taken out")
            }
            guard shards.cells.removeValue(forKey: id) != nil, let runner = shards.runners.removeValue(forKey: id)
            else { throw GatewayError(.notFound, "there is no shard \(id) in this cluster") }
            shards.departing.append(runner)
            shards.departed[id] = nil
            return runner
        }
        cluster.forget(id)
        runner.onLoop { $0.shutdown(resumable: resumable) }
    }

    /// Lets go of shards that have stopped and whose events are all delivered.
    func purge() {
        let gone = shards.withLock { shards in
            let gone = shards.departing.filter(\.isSettled)
            shards.departing.removeAll { $0.isSettled }
            for runner in gone where shards.cells[runner.cell.id] == nil && runner.cell.total == shards.total {
                shards.departed[runner.cell.id] = runner.cell.deliveredSession
            }
            return gone
        }
        // The last one to let go is its own loop: it may be in the middle of it.
        for runner in gone { runner.onLoop { _ in } }
    }

    func shardBecame(_ cell: ShardCell, _ state: ShardState) {
        let (isCurrent, succession) = shards.withLock { ($0.cells[cell.id] === cell, $0.succession) }
        succession?.shardBecame(cell, state)
        if isCurrent {
            cluster.shardBecame(cell.id, state)
        } else {
            // Taken out, or not in yet: only the end waits for it.
            cluster.wake()
        }
    }

    // MARK: Sessions of single shards

    /// The session of one shard as far as it is delivered: of one that runs as it is now, of one that was taken out once
    /// it has stopped and everything of it is delivered, which is waited for.
    func session(ofShard id: UInt32, deadline: UInt64?, mayWait: Bool) throws(GatewayError) -> ResumableSession {
        while true {
            let (cell, runner, departed) = shards.withLock { shards in
                (
                    shards.cells[id],
                    shards.departing.last { $0.cell.id == id && $0.cell.total == shards.total }, shards.departed[id]
                )
            }
            if let cell { return try found(cell.deliveredSession, id) }
            guard let runner else {
                guard let departed else {
                    throw GatewayError(.notFound, "there is no shard \(id) in this cluster, or it has no session")
                }
                return departed
            }
            if runner.isSettled { return try found(runner.cell.deliveredSession, id) }
            guard mayWait else {
                throw GatewayError(
                    .wouldDeadlock, "this call waits for event handlers and came from inside one")
            }
            let now = Clock.now()
            if let deadline, now >= deadline {
                throw GatewayError(.timeout, "shard \(id) has not stopped, or its events are not delivered yet")
            }
            // Nothing signals that a queue has got so far: that would cost every event.
            _ = cluster.state.wait(until: min(deadline ?? .max, now + 2_000_000)) { _ in nil as Bool? }
        }
    }

    private func found(_ session: ResumableSession?, _ id: UInt32) throws(GatewayError) -> ResumableSession {
        guard let session else { throw GatewayError(.notFound, "shard \(id) has no session") }
        return session
    }
}

extension Engine.Shards {
    /// Makes the runner of a shard and starts it.
    mutating func start(
        _ cell: ShardCell, context: LoopContext, shared: EngineContext, resuming: ResumableSession?
    ) {
        let runner = ShardRunner(cell: cell, engine: shared, context: context, resuming: resuming, presence: presence)
        runners[cell.id] = runner
        runner.onLoop { $0.start() }
    }
}
