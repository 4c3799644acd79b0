import GatewayProtocol
import GatewayTransport
import Synchronization

/// Some or all shards of one bot: started one after another as the identify limits allow, kept connected, delivering
/// into one handler.
///
/// All methods may be called from any thread, and from inside the event handler where they do not wait for it.
public final class Cluster: Sendable {
    enum Phase {
        case idle
        case running(Engine)
        case stopping(Engine)
        case stopped(GatewayError?)
    }

    struct State {
        var phase = Phase.idle
        /// Shards that have been active at least once in this run.
        var ready: Set<UInt32> = []
        var ended: Set<UInt32> = []
        var failure: GatewayError?
        /// Sessions to go on with at the next start.
        var sessions: [UInt32: ResumableSession]
        var sessionsTotal: UInt32
        /// Which shards to run: the configuration's, or those of the last resharding.
        var scheme: ShardScheme
        /// What the shards came to in the last run.
        var lastInfos: [UInt32: ShardInfo] = [:]
    }

    let configuration: Configuration
    let state: Monitor<State>
    let log: Log
    /// The trust store as it was when the cluster was made; a start loads it anew when its file has changed since.
    let tls: TLSContext
    /// Where events wait for the loop over `events` when there is no handler.
    let channel = EventChannel()

    /// Nothing connects yet. Throws `file` or `tls` when the trust store cannot be loaded, and `invalidArgument` for a
    /// batch handler with inline delivery.
    public convenience init(_ configuration: Configuration) throws(GatewayError) {
        try self.init(configuration, streams: true)
    }

    /// Without a handler: `streams` events through `events`, or counts them and throws them away.
    package init(_ configuration: Configuration, streams: Bool) throws(GatewayError) {
        if configuration.batchHandler != nil, configuration.deliveryMode == .inline {
            throw .invalid("a batch handler needs queued delivery")
        }
        var configuration = configuration
        // Inline there is no queue in which events could wait.
        if streams, case .none = configuration.sink, configuration.deliveryMode == .queued {
            configuration.stream(to: channel)
        }
        self.configuration = configuration
        log = Log(
            level: configuration.logLevel, handler: configuration.logHandler, records: configuration.logRecordHandler)
        tls = try TLSContext.load(caFile: configuration.caFile, reusing: configuration.tls)
        state = Monitor(
            State(
                sessions: configuration.importedSessions, sessionsTotal: configuration.importedTotal,
                scheme: configuration.scheme))
    }

    // MARK: Start

    /// Begins to connect and returns at once; progress comes as events. May be called again after a failure, once every
    /// shard is fatal, or after a shutdown. Throws `invalidState` while running, `file` or `tls` when the trust store cannot be loaded.
    public func start() throws(GatewayError) {
        try clearFailedStart()
        let engine = try Engine(cluster: self)
        try state.update { state throws(GatewayError) in
            switch state.phase {
            case .idle, .stopped: break
            case .running, .stopping:
                throw GatewayError(.invalidState, "the cluster is started already")
            }
            state.ready = []
            state.ended = []
            state.failure = nil
            state.lastInfos = [:]
            state.phase = .running(engine)
        }
        channel.open()
        do throws(GatewayError) {
            try engine.begin()
        } catch {
            state.update { $0.phase = .stopped(error) }
            engine.discard()
            channel.end()
            throw error
        }
    }

    /// A start that failed because the API refused, or the gateway refused every shard, leaves threads behind that have
    /// nothing to do any more.
    private func clearFailedStart() throws(GatewayError) {
        guard let engine = currentEngine, engine.hasGivenUp || engine.isFatal else { return }
        try shutdown(resumable: true, timeout: nil)
    }

    // MARK: Waiting

    /// Waits until all shards have been active at least once. Throws `timeout`, `cancelled` when the cluster is shut
    /// down meanwhile, the error of a shard that is fatal, `invalidState` before start, `wouldDeadlock` in a handler.
    public func waitReady(timeout: UInt64?) throws(GatewayError) {
        try waitReady(timeout: timeout, cancelled: { false })
    }

    /// Throws `cancelled` as well when `cancelled` says so; it is asked whenever the state is updated.
    func waitReady(timeout: UInt64?, cancelled: () -> Bool) throws(GatewayError) {
        try refuseInHandler()
        let result = state.wait(until: timeout.map { Clock.now() &+ $0 }) { state -> Result<Void, GatewayError>? in
            if let failure = state.failure { return .failure(failure) }
            if cancelled() { return .failure(GatewayError(.cancelled, "the waiting task was cancelled")) }
            switch state.phase {
            case .idle: return .failure(GatewayError(.invalidState, "the cluster is not started"))
            case .stopping, .stopped: return .failure(GatewayError(.cancelled, "the cluster was shut down"))
            case .running(let engine):
                // The number first: comparing all of them at each change would be quadratic.
                guard let count = engine.shardCount, state.ready.count >= count else { return nil }
                return engine.cells.allSatisfy { state.ready.contains($0.id) } ? .success(()) : nil
            }
        }
        guard let result else { throw GatewayError(.timeout, "not all shards became active in time") }
        try result.get()
    }

    /// Waits until the cluster is shut down. Throws `timeout`, the error of a shard that is fatal, `invalidState` before
    /// start, `wouldDeadlock` in a handler.
    public func wait(timeout: UInt64?) throws(GatewayError) {
        try wait(timeout: timeout, cancelled: { false })
    }

    /// Throws `cancelled` as well when `cancelled` says so; it is asked whenever the state is updated.
    func wait(timeout: UInt64?, cancelled: () -> Bool) throws(GatewayError) {
        try refuseInHandler()
        let result = state.wait(until: timeout.map { Clock.now() &+ $0 }) { state -> Result<Void, GatewayError>? in
            if let failure = state.failure { return .failure(failure) }
            if cancelled() { return .failure(GatewayError(.cancelled, "the waiting task was cancelled")) }
            switch state.phase {
            case .idle: return .failure(GatewayError(.invalidState, "the cluster is not started"))
            case .stopped(let error): return error.map { .failure($0) } ?? .success(())
            case .running, .stopping: return nil
            }
        }
        guard let result else { throw GatewayError(.timeout, "the cluster is still running") }
        try result.get()
    }

    // MARK: Shutdown

    /// Closes all connections, delivers what is queued and stores the sessions. `timeout` in nanoseconds. Throws
    /// `timeout` when that took longer: connections are dropped then and undelivered events stay undelivered (they are
    /// replayed to a resumed session); `file` when the sessions could not be saved at the end and no event has said so
    /// before. The cluster has stopped all the same.
    ///
    /// With `resumable` the gateway keeps the sessions for some minutes (close 4000), and so do the session store and
    /// `exportSessions`. Otherwise they are over (close 1000): the bot goes offline, and neither the store nor
    /// `exportSessions` holds a session afterwards, whatever the shards were doing. A shard that cannot say so, because
    /// it had no connection just then or was closing it with 4000 already, leaves a session behind that Discord shows as
    /// online until it times out, some minutes later (`gateway.md` §11).
    public func shutdown(resumable: Bool, timeout: UInt64?) throws(GatewayError) {
        try refuseInHandler()
        let deadline = timeout.map { Clock.now() &+ $0 }
        // A loop over the events that waits for the end of its own shutdown would wait for ever.
        channel.leaves(task: CurrentTask.id)
        let engine: Engine? = state.update { state in
            switch state.phase {
            case .idle:
                state.phase = .stopped(nil)
                return nil
            case .stopped: return nil
            case .stopping: return nil
            case .running(let engine):
                state.phase = .stopping(engine)
                return engine
            }
        }
        if let engine {
            let finished = engine.end(resumable: resumable, deadline: deadline)
            state.update {
                if engine.isLaunched {
                    ($0.sessions, $0.sessionsTotal) = (engine.document().sessions, engine.total)
                } else if !resumable {
                    $0.sessions = [:]
                }
                for cell in engine.cells { $0.lastInfos[cell.id] = ShardInfo(cell) }
                $0.phase = .stopped(nil)
            }
            channel.end()
            if !finished {
                throw GatewayError(
                    .timeout, "not everything was delivered before the deadline; connections were dropped")
            }
            if let failure = engine.saveFailure {
                log.write(.error, "cluster") { failure.message }
                throw GatewayError(.file, failure.message)
            }
            return
        }
        // Someone else is at it: wait for that.
        let done: Bool? = state.wait(until: deadline) { state in
            if case .stopping = state.phase { return nil }
            return true
        }
        if done == nil { throw GatewayError(.timeout, "another shutdown is still under way") }
        // One that never ran ends here.
        if currentEngine == nil { channel.end() }
    }

    /// Shuts down resumable within 5 s if still running, and returns only when no handler will be called any more.
    package func end() {
        do throws(GatewayError) { try shutdown(resumable: true, timeout: 5_000_000_000) } catch {
            // Another thread is shutting down: it is waited for, however long its handler takes.
            do throws(GatewayError) { try shutdown(resumable: true, timeout: nil) } catch {}
        }
    }

    func refuseInHandler() throws(GatewayError) {
        if currentEngine?.isHandlerThread == true {
            throw GatewayError(.wouldDeadlock, "this call waits for event handlers and came from inside one")
        }
    }

    /// Is this thread one that calls the event handler of this cluster?
    package var isInHandler: Bool { currentEngine?.isHandlerThread == true }

    var currentEngine: Engine? {
        state.withLock {
            switch $0.phase {
            case .idle, .stopped: nil
            case .running(let engine), .stopping(let engine): engine
            }
        }
    }

    // MARK: What the engine tells

    func shardBecame(_ id: UInt32, _ shard: ShardState) {
        switch shard {
        case .active: state.update { _ = $0.ready.insert(id) }
        case .stopped, .fatal:
            state.update { _ = $0.ended.insert(id) }
            endEventsIfNoneCanCome()
        case .connecting:
            state.update { _ = $0.ended.remove(id) }
            channel.setExhausted(false)
        default: break
        }
    }

    func failed(_ error: GatewayError) {
        state.update { if $0.failure == nil { $0.failure = error } }
        endEventsIfNoneCanCome()
    }

    func launched() { wake() }

    /// Something changed that those who wait look at.
    func wake() { state.update { _ in } }

    /// What a shard of this number came to is of no interest any more: it was taken out.
    func forget(_ id: UInt32) {
        state.update {
            $0.ready.remove(id)
            $0.ended.remove(id)
        }
    }
}
