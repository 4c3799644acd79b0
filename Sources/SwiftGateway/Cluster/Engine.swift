import CLinux
import GatewayProtocol
import GatewayTransport
import Synchronization

/// One run of a cluster, from start to shutdown: its loops, its shards and what they share.
final class Engine: @unchecked Sendable {
    /// Shards per loop thread at least, before another thread is worth its buffers.
    private static let shardsPerThread = 64

    private struct Shards {
        var cells: [UInt32: ShardCell] = [:]
        var runners: [UInt32: ShardRunner] = [:]
        /// Runners of shards that were removed and added again. Their connections may still be closing, and their events
        /// may still wait in the queue, which does not keep them: both need them until the end.
        var replaced: [ShardRunner] = []
        var contexts: [LoopContext] = []
        var shared: EngineContext?
        var total: UInt32 = 0
        var launched = false
    }

    /// Kept alive while this runs; the cluster lets go of this engine when it has ended.
    private let cluster: Cluster
    let configuration: Configuration
    private let log: Log
    private let tls: TLSContext
    private let resolver = Resolver()
    private let shards = Lock(Shards())
    private var bootstrap: Bootstrap?
    private var store: SessionStore?
    /// The API refused: there will be no shards.
    private let givenUp = Atomic<Bool>(false)
    var hasGivenUp: Bool { givenUp.load(ordering: .acquiring) }
    /// The end is final: no session is kept.
    private let forgets = Atomic<Bool>(false)
    /// Speaks for the cluster before there are shards.
    private let bootCell: ShardCell

    init(cluster: Cluster) throws(GatewayError) {
        self.cluster = cluster
        configuration = cluster.configuration
        log = cluster.log
        tls = try TLSContext(caFile: configuration.caFile)
        bootCell = ShardCell(id: configuration.scheme.firstID, total: 0)
    }

    var total: UInt32 { shards.withLock { $0.total } }
    /// Nil before the shards are known.
    var shardCount: Int? { shards.withLock { $0.launched ? $0.cells.count : nil } }
    var cells: [ShardCell] { shards.withLock { $0.cells.values.sorted { $0.id < $1.id } } }
    /// Nil before the shards are known.
    var shared: EngineContext? { shards.withLock { $0.shared } }
    var isLaunched: Bool { shards.withLock { $0.launched } }
    var contexts: [LoopContext] { shards.withLock { $0.contexts } }

    func cell(_ id: UInt32) throws(GatewayError) -> ShardCell {
        guard let cell = shards.withLock({ $0.cells[id] }) else {
            throw GatewayError(.notFound, "there is no shard \(id) in this cluster")
        }
        return cell
    }

    func info(_ id: UInt32) throws(GatewayError) -> ShardInfo {
        let cell = try cell(id)
        let queued = shards.withLock { $0.runners[id] }?.queueDepth ?? 0
        return ShardInfo(cell, queued: queued)
    }

    var isHandlerThread: Bool {
        contexts.contains { $0.loop.isCurrent || $0.queue?.isCurrent == true }
    }

    // MARK: Beginning

    /// Starts the first loop and, where the API must be asked, the question; otherwise the shards.
    func begin() throws(GatewayError) {
        let first = try addLoop()
        if let url = configuration.gatewayURL, !configuration.scheme.needsRecommendation {
            try launch(gateway: url, bot: nil)
            return
        }
        let timeout = configuration.session.connectTimeout
        let request = GatewayBotRequest(
            configuration: configuration, tls: tls, resolver: resolver, timeout: timeout)
        let needsURLAlone = !configuration.scheme.needsRecommendation
        let fallback =
            needsURLAlone
            ? GatewayURLRequest(configuration: configuration, tls: tls, resolver: resolver, timeout: timeout) : nil
        let bootstrap = Bootstrap(
            loop: first.loop, request: request, fallback: fallback, backoff: configuration.session.backoff,
            onRetry: { [unowned self] error, delay in
                log.write(.warning, "cluster") { "\(error.message); asking again in \(delay / 1_000_000) ms" }
                tell(error, state: .backoff)
            },
            onFallback: { [unowned self] error in
                log.write(.warning, "cluster") {
                    "\(error.message); asking for the URL alone: how many identifies are left is not known"
                }
            },
            completion: { [unowned self] result in bootstrapped(result) })
        self.bootstrap = bootstrap
        first.loop.post { bootstrap.start() }
    }

    private func bootstrapped(_ result: Result<Bootstrap.Answer, GatewayError>) {
        let answer: Bootstrap.Answer
        switch result {
        case .success(let success): answer = success
        case .failure(let error): return giveUp(error)
        }
        do throws(GatewayError) {
            if let bot = answer.bot {
                log.write(.info, "cluster") {
                    "the API recommends \(bot.shards) shards; \(bot.remaining) of \(bot.total) identifies left"
                }
            }
            if let url = configuration.gatewayURL {
                try launch(gateway: url, bot: answer.bot)
            } else {
                try launch(gateway: try GatewayURL.checked(answer.url, webSocket: true), bot: answer.bot)
            }
        } catch {
            giveUp(error)
        }
    }

    private func giveUp(_ error: GatewayError) {
        log.write(.error, "cluster") { error.message }
        tell(error, state: .fatal)
        givenUp.store(true, ordering: .releasing)
        cluster.failed(error)
    }

    private func addLoop() throws(GatewayError) -> LoopContext {
        let loop = try EventLoop()
        let queue: DeliveryQueue?
        let index = contexts.count
        if configuration.deliveryMode == .queued {
            let made = DeliveryQueue(
                capacity: configuration.queueBytes == 0 ? DeliveryQueue.defaultCapacity : configuration.queueBytes,
                loop: loop, sink: configuration.sink)
            try made.start(name: "sg-delivery-\(index)")
            queue = made
        } else {
            queue = nil
        }
        let context = LoopContext(loop: loop, queue: queue)
        shards.withLock { $0.contexts.append(context) }
        try loop.start(name: "sg-loop-\(index)")
        return context
    }

    private func loopCount(for shardCount: Int) -> Int {
        if configuration.ioThreads > 0 { return min(Int(configuration.ioThreads), max(shardCount, 1)) }
        let cores = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        return max(1, min(cores, (shardCount + Self.shardsPerThread - 1) / Self.shardsPerThread))
    }

    /// The shards are known: make and start them.
    private func launch(gateway: GatewayURL, bot: GatewayBot?) throws(GatewayError) {
        let range = try configuration.scheme.resolved(recommended: bot?.shards ?? 1)
        let (ids, total) = (Array(range.ids), range.total)
        while contexts.count < loopCount(for: ids.count) { _ = try addLoop() }
        let contexts = self.contexts
        let gate = IdentifyGate(
            queue: IdentifyQueue(
                maxConcurrency: configuration.maxConcurrency ?? bot?.maxConcurrency ?? 1,
                interval: configuration.identifyInterval),
            timeLoop: contexts[0].loop)
        if let bot {
            gate.setBudget(
                IdentifyQueue.Budget(
                    remaining: bot.remaining, total: bot.total,
                    resetAt: Clock.now() &+ bot.resetAfterMilliseconds &* 1_000_000))
            if Int(bot.remaining) < ids.count {
                tell(
                    GatewayError(
                        .sessionLimit,
                        "\(bot.remaining) identifies are left for \(ids.count) shards; they are given back in \(bot.resetAfterMilliseconds) ms"
                    ),
                    state: .awaitingIdentify)
            }
        }
        let shared = EngineContext(
            configuration: configuration, gateway: gateway, tls: tls, resolver: resolver, identifies: gate, log: log,
            onState: { [unowned self] cell, state in cluster.shardBecame(cell.id, state) },
            onFailure: { [unowned self] cell, error in shardFailed(cell, error) })
        let sessions = storedSessions(total: total)
        shards.withLock { shards in
            shards.shared = shared
            shards.total = total
            for id in ids { shards.cells[id] = ShardCell(id: id, total: total) }
            shards.launched = true
        }
        if let path = configuration.sessionFile {
            let store = SessionStore(
                file: SessionFile(path: path), document: { [unowned self] in document() },
                onError: { [unowned self] error in
                    contexts[0].loop.post { [self] in tell(error, state: .active) }
                })
            try store.start()
            self.store = store
        }
        for (index, cell) in cells.enumerated() {
            startShard(cell, context: contexts[index % contexts.count], shared: shared, resuming: sessions[cell.id])
        }
        cluster.launched()
    }

    private func startShard(
        _ cell: ShardCell, context: LoopContext, shared: EngineContext, resuming: ResumableSession?
    ) {
        let runner = ShardRunner(cell: cell, engine: shared, context: context, resuming: resuming)
        shards.withLock {
            if let old = $0.runners.updateValue(runner, forKey: cell.id) { $0.replaced.append(old) }
        }
        context.loop.post { runner.start() }
    }

    /// Sessions from the last run, the import, or the file, in this order; none when they are for another total.
    private func storedSessions(total: UInt32) -> [UInt32: ResumableSession] {
        var (sessions, sessionsTotal) = cluster.state.withLock { ($0.sessions, $0.sessionsTotal) }
        if sessions.isEmpty, let path = configuration.sessionFile {
            do throws(GatewayError) {
                guard let bytes = try SessionFile(path: path).read() else { return [:] }
                let document: SessionDocument
                do throws(GatewayError) {
                    document = try SessionDocument.parse(
                        bytes, fingerprint: SessionDocument.fingerprint(of: configuration.bareToken))
                } catch {
                    throw GatewayError(.file, "\(path): \(error.message)")
                }
                (sessions, sessionsTotal) = (document.sessions, document.total)
            } catch {
                log.write(.warning, "cluster") { error.message }
                tell(error, state: .connecting)
                return [:]
            }
        }
        guard !sessions.isEmpty, sessionsTotal != total else { return sessions }
        tell(
            GatewayError(
                .file, "the stored sessions are for \(sessionsTotal) shards in all, this cluster has \(total): not used"
            ),
            state: .connecting)
        return [:]
    }

    /// An error of the cluster as a whole, told by the first loop.
    private func tell(_ error: GatewayError, state: ShardState) {
        guard let context = contexts.first, configuration.kinds.has(.error) else { return }
        let handler = configuration.eventHandler
        let cell = bootCell
        let report: @Sendable () -> Void = {
            var event = EventView(kind: .error, shardID: cell.id)
            event.status = error.status
            event.state = state
            event.received = Clock.now()
            var text = error.message
            text.withUTF8 {
                event.data = UnsafeRawBufferPointer($0)
                if let queue = context.queue {
                    queue.push(event, position: .none, cell: cell)
                } else {
                    handler?(event)
                }
            }
        }
        if context.loop.isCurrent { report() } else { context.loop.post(report) }
    }

    // MARK: Errors of shards

    private func shardFailed(_ cell: ShardCell, _ error: GatewayError) {
        cluster.failed(error)
        // A refused token, intents or shard count is refused for every shard: the others, where they have no session to
        // lose, must not burn identifies to learn the same (`gateway.md` §10).
        let runners = shards.withLock { $0.runners.filter { $0.key != cell.id } }
        for runner in runners.values { runner.onLoop { $0.failUnlessResumable(error) } }
    }

    // MARK: Shards on demand

    func send(_ id: UInt32, _ command: GatewayCommand) throws(GatewayError) {
        let cell = try cell(id)
        guard let runner = shards.withLock({ $0.runners[id] }) else {
            throw GatewayError(.notFound, "there is no shard \(id) in this cluster")
        }
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

    func restart(_ id: UInt32, resuming: Bool) throws(GatewayError) {
        guard let runner = shards.withLock({ $0.runners[id] }) else {
            throw GatewayError(.notFound, "there is no shard \(id) in this cluster")
        }
        runner.onLoop { $0.restart(resuming: resuming) }
    }

    func add(_ id: UInt32) throws(GatewayError) {
        let (cell, context, shared) = try shards.withLock { shards throws(GatewayError) in
            guard let shared = shards.shared else { throw GatewayError(.invalidState, "the shards are not known yet") }
            guard id < shards.total else {
                throw GatewayError(.invalidArgument, "shard \(id) is not below the total of \(shards.total)")
            }
            guard shards.cells[id] == nil else {
                throw GatewayError(.invalidState, "shard \(id) is in the cluster already")
            }
            let cell = ShardCell(id: id, total: shards.total)
            shards.cells[id] = cell
            return (cell, shards.contexts[Int(id) % shards.contexts.count], shared)
        }
        startShard(cell, context: context, shared: shared, resuming: nil)
    }

    func remove(_ id: UInt32, resumable: Bool) throws(GatewayError) {
        let runner = try shards.withLock { shards throws(GatewayError) in
            guard shards.cells.removeValue(forKey: id) != nil, let runner = shards.runners[id] else {
                throw GatewayError(.notFound, "there is no shard \(id) in this cluster")
            }
            return runner
        }
        // The runner stays until the end: events of it may be queued.
        runner.onLoop { $0.shutdown(resumable: resumable) }
    }

    func document() -> SessionDocument {
        let (cells, total) = shards.withLock { (Array($0.cells.values), $0.total) }
        var sessions: [UInt32: ResumableSession] = [:]
        if !forgets.load(ordering: .acquiring) {
            for cell in cells { sessions[cell.id] = cell.deliveredSession }
        }
        return SessionDocument(
            fingerprint: SessionDocument.fingerprint(of: configuration.bareToken), total: total, sessions: sessions)
    }

    // MARK: The end

    /// Ends everything. Returns whether all was closed and delivered in time.
    func end(resumable: Bool, deadline: UInt64?) -> Bool {
        if !resumable { forgets.store(true, ordering: .releasing) }
        endBootstrap(deadline: deadline)
        if !resumable, !isLaunched { forgetStoredSessions() }
        let contexts = self.contexts
        let runners = shards.withLock { Array($0.runners.values) }
        for runner in runners { runner.onLoop { $0.shutdown(resumable: resumable) } }
        let ids = Set(runners.map { $0.cell.id })
        var inTime = cluster.state.wait(until: deadline) { $0.ended.isSuperset(of: ids) ? true : nil } ?? false
        if !inTime {
            for runner in runners { runner.onLoop { $0.abandon() } }
        }
        for context in contexts { context.loop.stop() }
        for context in contexts where context.queue?.drain(until: deadline) == false { inTime = false }
        store?.finish()
        return inTime
    }

    /// The shards whose sessions are in the file were never made: nobody else takes them out of it.
    private func forgetStoredSessions() {
        guard let path = configuration.sessionFile else { return }
        let file = SessionFile(path: path)
        do throws(GatewayError) {
            guard let bytes = try file.read() else { return }
            var document = try SessionDocument.parse(
                bytes, fingerprint: SessionDocument.fingerprint(of: configuration.bareToken))
            guard !document.sessions.isEmpty else { return }
            document.sessions = [:]
            try file.write(document.json(), synced: true)
        } catch {
            // Not ours to forget, or not to be read by the next run either.
            log.write(.warning, "cluster") { error.message }
        }
    }

    /// From here on the API's answer starts no shards: it has come, or it will not be heard.
    private func endBootstrap(deadline: UInt64?) {
        guard let bootstrap, let loop = contexts.first?.loop else { return }
        let done = Monitor(false)
        loop.post {
            bootstrap.cancel()
            done.update { $0 = true }
        }
        _ = done.wait(until: deadline) { $0 ? true : nil }
    }

    /// Takes back a start that failed half-way.
    func discard() {
        for context in contexts {
            context.loop.stop()
            _ = context.queue?.drain(until: Clock.now())
        }
    }
}
