import CLinux
import GatewayProtocol
import GatewayTransport
import Synchronization

/// One run of a cluster, from start to shutdown: its loops, its shards and what they share.
final class Engine: @unchecked Sendable {
    /// Shards per loop thread at least, before another thread is worth its buffers.
    private static let shardsPerThread = 64

    struct Shards {
        var cells: [UInt32: ShardCell] = [:]
        var runners: [UInt32: ShardRunner] = [:]
        /// Shards that were taken out, until they have stopped and everything of them is delivered: connections and
        /// queued events lead to them.
        var departing: [ShardRunner] = []
        /// The sessions of those that are gone, for whoever goes on with them.
        var departed: [UInt32: ResumableSession] = [:]
        var isEnding = false
        /// A resharding under way, and what the last one came to.
        var succession: Succession?
        var lastReshard: Result<Void, GatewayError>?
        /// What every shard shows, also those that come later; nil for what the configuration says.
        var presence: PresenceUpdate?
        var contexts: [LoopContext] = []
        var shared: EngineContext?
        var total: UInt32 = 0
        var launched = false
    }

    /// Kept alive while this runs; the cluster lets go of this engine when it has ended.
    let cluster: Cluster
    let configuration: Configuration
    let log: Log
    /// The shards to begin with.
    let scheme: ShardScheme
    let tls: TLSContext
    let resolver = Resolver()
    let shards = Lock(Shards())
    private var bootstrap: Bootstrap?
    var writer: SessionWriter?
    /// Why the sessions could not be saved at the end.
    var saveFailure: GatewayError?
    /// What the session store gave, until the shards are known.
    var stored: SessionDocument?
    var budgetRefresh: BudgetRefresh?
    /// The API refused: there will be no shards.
    private let givenUp = Atomic<Bool>(false)
    var hasGivenUp: Bool { givenUp.load(ordering: .acquiring) }
    /// Every shard is fatal.
    var isFatal: Bool {
        shards.withLock { shards in
            shards.launched && !shards.cells.isEmpty
                && shards.cells.values.allSatisfy { $0.snapshot.withLock { $0.state } == .fatal }
        }
    }
    /// The end is final: no session is kept.
    let forgets = Atomic<Bool>(false)
    /// Speaks for the cluster before there are shards.
    private let bootCell: ShardCell

    init(cluster: Cluster) throws(GatewayError) {
        self.cluster = cluster
        configuration = cluster.configuration
        log = cluster.log
        tls = try TLSContext.load(caFile: configuration.caFile, reusing: cluster.tls)
        scheme = cluster.state.withLock { $0.scheme }
        bootCell = ShardCell(id: scheme.firstID, total: 0)
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
        return ShardInfo(cell, queued: queueDepth(of: id))
    }

    func queueDepth(of id: UInt32) -> Int { shards.withLock { $0.runners[id] }?.queueDepth ?? 0 }

    var isHandlerThread: Bool {
        contexts.contains { $0.loop.isCurrent || $0.queue?.isCurrent == true }
    }

    // MARK: Beginning

    /// Starts the first loop and, where the API must be asked, the question; otherwise the shards.
    func begin() throws(GatewayError) {
        if configuration.intents.rawValue == 0 {
            log.write(.warning, "cluster") {
                "the intents are 0: the gateway sends interactions, but no guilds, channels, members or messages"
            }
        }
        let first = try addLoop()
        loadSessions()
        if let url = configuration.gatewayURL, !scheme.needsRecommendation {
            try launch(gateway: url, bot: nil)
            return
        }
        let bootstrap = Bootstrap(
            loop: first.loop, request: makeBotRequest(),
            // Where the URL is all that is missing.
            fallback: scheme.needsRecommendation ? nil : makeURLRequest(),
            backoff: configuration.session.backoff,
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
            if case .stream(let channel) = configuration.sink {
                channel.attach(made, owner: self)
            } else {
                try made.start(name: "sg-delivery-\(index)")
            }
            queue = made
        } else {
            queue = nil
        }
        let context = LoopContext(
            loop: loop, queue: queue, handshakeLimit: Int(configuration.handshakeLimit))
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
        let range = try scheme.resolved(recommended: bot?.shards ?? 1)
        let (ids, total) = (Array(range.ids), range.total)
        while contexts.count < loopCount(for: ids.count) { _ = try addLoop() }
        let contexts = self.contexts
        let sessions = storedSessions(total: total)
        let desk = makeDesk(bot: bot, needed: ids.count { sessions[$0] == nil }, loop: contexts[0].loop)
        let address = GatewayAddress(
            gateway, loop: contexts[0].loop, log: log,
            makeRequest: configuration.gatewayURL == nil ? { [unowned self] in makeURLRequest() } : nil)
        let shared = EngineContext(
            configuration: configuration, gateway: address, tls: tls, resolver: resolver, identifies: desk, log: log,
            onState: { [unowned self] cell, state in shardBecame(cell, state) },
            onFailure: { [unowned self] cell, error in shardFailed(cell, error) })
        shards.withLock { shards in
            shards.shared = shared
            shards.total = total
            for id in ids { shards.cells[id] = ShardCell(id: id, total: total) }
            shards.launched = true
        }
        try startWriter(on: contexts[0].loop)
        for (index, cell) in cells.enumerated() {
            shards.withLock {
                $0.start(
                    cell, context: contexts[index % contexts.count], shared: shared, resuming: sessions[cell.id])
            }
        }
        cluster.launched()
    }

    /// An error of the cluster as a whole, told by the first loop.
    func tell(_ error: GatewayError, state: ShardState) {
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

    func shardFailed(_ cell: ShardCell, _ error: GatewayError) {
        let (isCurrent, succession) = shards.withLock { ($0.cells[cell.id] === cell, $0.succession) }
        // Where the old shards go on, or the new ones, nothing has failed but the resharding.
        guard isCurrent else {
            succession?.failed(cell, error)
            return
        }
        cluster.failed(error)
        // A refused token, intents or shard count is refused for every shard: the others, where they have no session to
        // lose, must not burn identifies to learn the same (`gateway.md` §10).
        let runners = shards.withLock { $0.runners.filter { $0.key != cell.id } }
        for runner in runners.values { runner.onLoop { $0.failUnlessResumable(error) } }
    }

    // MARK: The end

    /// Ends everything. Returns whether all was closed and delivered in time.
    func end(resumable: Bool, deadline: UInt64?) -> Bool {
        if !resumable { forgets.store(true, ordering: .releasing) }
        endReshard(deadline: deadline)
        endBootstrap(deadline: deadline)
        if !resumable, !isLaunched { forgetStoredSessions() }
        let contexts = self.contexts
        let (runners, departing) = shards.withLock { shards in
            shards.isEnding = true
            return (Array(shards.runners.values), shards.departing)
        }
        for runner in runners { runner.onLoop { $0.shutdown(resumable: resumable) } }
        let ids = Set(runners.map { $0.cell.id })
        var inTime =
            cluster.state.wait(until: deadline) { state in
                state.ended.isSuperset(of: ids) && departing.allSatisfy { $0.cell.hasEnded.load(ordering: .acquiring) }
                    ? true : nil
            } ?? false
        if !inTime {
            for runner in runners + departing { runner.onLoop { $0.abandon() } }
        }
        for context in contexts { context.loop.stop() }
        for context in contexts where context.queue?.drain(until: deadline) == false { inTime = false }
        for context in contexts { context.letGo() }
        if let writer { saveFailure = writer.finish() }
        return inTime
    }

    /// From here on the API's answer starts no shards: it has come, or it will not be heard.
    private func endBootstrap(deadline: UInt64?) {
        guard let loop = contexts.first?.loop else { return }
        let (bootstrap, done) = (bootstrap, Monitor(false))
        loop.post { [self] in
            bootstrap?.cancel()
            budgetRefresh?.cancel()
            shared?.gateway.cancel()
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
