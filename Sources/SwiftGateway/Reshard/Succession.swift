import GatewayProtocol
import GatewayTransport
import Synchronization

/// One resharding: the shards that are to take over, and what leads there. The old shards and the new ones share the
/// loops, the delivery queues, the identify desk and the session store; only the shards themselves are others.
///
/// Decisions are `ReshardPlan`'s; they are carried out on the loop that this has its timer on.
final class Succession: @unchecked Sendable {
    /// How long a new shard's guilds may stay away before nobody waits for them any more: Discord sends those of 2,500
    /// guilds within some seconds of READY, and no GUILD_CREATE at all for one that is unavailable.
    static let patience: UInt64 = 10_000_000_000
    /// How often the delivery of the old shards' last events is looked at: nothing signals it, which would cost every event.
    private static let look: UInt64 = 2_000_000

    let scheme: ShardScheme
    private unowned let engine: Engine
    private let loop: EventLoop
    private let window: UInt64
    let gate = ReshardGate()

    // Loop thread only.
    private var request: GatewayBotRequest?
    private var plan: ReshardPlan?
    private lazy var timer = LoopTimer { [unowned self] now in tick(now) }
    private var old: [UInt32: ShardRunner] = [:]
    /// Old shards that have not left yet, and where the queues must have got to for those that have.
    private var leaving = 0
    private var marks: [(queue: DeliveryQueue, position: Int)] = []
    private var hasSucceeded = false
    /// New shards that became fatal while the switch waited.
    private var failures: [(cell: ShardCell, error: GatewayError)] = []
    private var isOver = false

    /// Set before the first shard starts; empty while the API is asked how many there should be.
    private let runners = Lock<[UInt32: ShardRunner]>([:])
    private let isSwitching = Atomic<Bool>(false)

    init(scheme: ShardScheme, engine: Engine, loop: EventLoop) {
        self.scheme = scheme
        self.engine = engine
        self.loop = loop
        window = engine.configuration.reshardWindow
    }

    // MARK: From any thread

    /// The new shards, as far as there are any.
    var incoming: [ShardRunner] { runners.withLock { Array($0.values) } }

    /// Too late to be cancelled?
    var hasSwitched: Bool { isSwitching.load(ordering: .acquiring) }

    func begin() { loop.post { [self] in ask() } }

    /// Ends it, with the new shards, unless they have taken over already.
    func cancel(_ error: GatewayError) { loop.post { [self] in fail(error) } }

    /// The cluster is being shut down: ends it also while it waits for the old shards' last events, but not when the new
    /// shards are the cluster's already.
    func end(_ error: GatewayError) { loop.post { [self] in fail(error, isEnding: true) } }

    /// A shard's state changed, of the old ones or the new.
    func shardBecame(_ cell: ShardCell, _ state: ShardState) {
        loop.post { [self] in
            let hasEnded = state == .fatal || state == .stopped
            if old[cell.id]?.cell === cell {
                // One that has ended is not waited for: that it failed is told, and resharding may be the remedy.
                change { $0.outgoing(cell.id, isAway: state != .active && !hasEnded, now: loop.now) }
            } else if runners.withLock({ $0[cell.id]?.cell }) === cell {
                // One that ends before the old ones leave ends the resharding; one that does later is not waited for.
                let isGone = hasEnded && hasSwitched
                change { $0.incoming(cell.id, isAway: state != .active && !isGone, now: loop.now) }
            }
        }
    }

    /// A shard is fatal that is not the cluster's. Once the old ones have left, the new ones take over all the same, and it
    /// is the cluster's error then.
    func failed(_ cell: ShardCell, _ error: GatewayError) {
        guard runners.withLock({ $0[cell.id]?.cell }) === cell else { return }
        loop.post { [self] in
            if hasSucceeded {
                engine.shardFailed(cell, error)
            } else if hasSwitched {
                failures.append((cell, error))
            } else {
                fail(error)
            }
        }
    }

    /// What makes a shard a part of this, on its own loop.
    private func entrance(_ role: ReshardEntrance.Role, _ id: UInt32) -> @Sendable () -> ReshardEntrance {
        let gate = gate
        let tell: @Sendable (ReshardEntrance.News) -> Void = { [weak self] in self?.heard($0, of: id, role == .outgoing)
        }
        return { ReshardEntrance(role, gate: gate, tell: tell) }
    }

    private func heard(_ news: ReshardEntrance.News, of id: UInt32, _ isOld: Bool) {
        loop.post { [self] in
            change { plan in
                switch news {
                case .guilds(let areMissing): plan.guilds(of: id, areMissing: areMissing, now: loop.now)
                case .reading(let isPaused): plan.reading(of: id, isOld: isOld, isPaused: isPaused, now: loop.now)
                }
            }
        }
    }

    // MARK: Beginning

    private func ask() {
        guard !isOver else { return }
        guard scheme.needsRecommendation else { return start(recommended: 1) }
        let request = engine.makeBotRequest()
        self.request = request
        request.perform(on: loop) { [weak self] answer in
            guard let self, !isOver else { return }
            self.request = nil
            switch answer {
            case .success(let bot): start(recommended: bot.shards)
            case .failure(let failure): fail(failure.error)
            }
        }
    }

    private func start(recommended: UInt32) {
        do throws(GatewayError) {
            let range = try scheme.resolved(recommended: recommended)
            guard let (made, old) = try engine.makeSuccessors(range, of: self) else { return }
            let away = old.values.filter {
                let state = $0.cell.snapshot.withLock { $0.state }
                return state != .active && state != .fatal && state != .stopped
            }
            self.old = old
            plan = ReshardPlan(
                outgoing: Set(away.map(\.cell.id)), incoming: Set(made.keys), window: window,
                patience: Self.patience, now: loop.now)
            runners.withLock { $0 = made }
            engine.log.write(.info, "cluster") { "resharding to \(range.total) shards" }
            for (id, runner) in made {
                let entrance = entrance(.early, id)
                runner.onLoop { runner in
                    runner.enter(entrance())
                    runner.start()
                }
            }
        } catch {
            fail(error)
        }
    }

    // MARK: Going on

    private func change(_ body: (inout ReshardPlan) -> Void) {
        guard !isOver, var plan else { return }
        body(&plan)
        self.plan = plan
        tick(loop.now)
    }

    private func tick(_ now: UInt64) {
        guard !isOver, var plan else { return }
        if plan.phase == .switching { return finishSwitch() }
        if let time = plan.expiry(now: now) { gate.expire(upTo: time) }
        let action = plan.tick(now: now)
        self.plan = plan
        switch action {
        case nil:
            if case .watching = plan.phase, gate.isOverfull {
                return fail(
                    GatewayError(
                        .queueFull,
                        "the resharding was given up: an old shard was away for so long that the events of the new ones "
                            + "could not be kept any more"))
            }
        case .watch: watch()
        case .switchOver: return leave()
        case .finish: return finish()
        }
        if let deadline = plan.nextDeadline(now: now) { loop.set(timer, at: deadline) } else { loop.clear(timer) }
    }

    private func watch() {
        engine.log.write(.info, "cluster") { [count = old.count] in
            "the new shards are ready; watching them beside the \(count) old ones"
        }
        gate.begin(now: loop.now, window: window)
        for runner in incoming { runner.onLoop { $0.reshard?.role = .incoming } }
        for (id, runner) in old {
            let entrance = entrance(.outgoing, id)
            runner.onLoop { $0.enter(entrance()) }
        }
    }

    /// The old shards hand out nothing any more.
    private func leave() {
        isSwitching.store(true, ordering: .releasing)
        leaving = old.count
        for runner in old.values {
            runner.onLoop { [self] runner in
                let end = runner.leave()
                let queue = runner.context.queue
                loop.post { [self] in
                    leaving -= 1
                    if let queue { marks.append((queue, end)) }
                    if leaving == 0 { finishSwitch() }
                }
            }
        }
        if old.isEmpty { finishSwitch() }
    }

    /// Once all that the old shards handed out is delivered, the new ones go on.
    private func finishSwitch() {
        guard !isOver, leaving == 0, plan?.phase == .switching else { return }
        // A consumer that takes its time is waited for as long as what comes meanwhile can be kept.
        if !gate.isOverfull, !marks.allSatisfy({ $0.queue.hasDelivered($0.position) }) {
            return loop.set(timer, at: Clock.now() + Self.look)
        }
        marks = []
        hasSucceeded = true
        engine.succeed(self)
        plan?.switched(now: loop.now)
        for runner in incoming { runner.onLoop { $0.takeOver() } }
        for (cell, error) in failures { engine.shardFailed(cell, error) }
        failures = []
        let total = incoming.first?.cell.total ?? 0
        for runner in old.values {
            runner.onLoop { [engine] runner in
                for command in runner.endLeft() { engine.handOver(command, of: runner.cell.id, total: total) }
            }
        }
        old = [:]
        tick(loop.now)
    }

    private func finish() {
        isOver = true
        loop.clear(timer)
        for runner in incoming { runner.onLoop { $0.reshard = nil } }
        engine.purge()
        engine.ended(self, .success(()))
    }

    private func fail(_ error: GatewayError, isEnding: Bool = false) {
        guard !isOver, !hasSwitched || (isEnding && !hasSucceeded) else { return }
        isOver = true
        request?.cancel()
        loop.clear(timer)
        // Those that have left hand out nothing any more: what they skipped since is replayed to their sessions.
        if !hasSwitched { for runner in old.values { runner.onLoop { $0.reshard = nil } } }
        old = [:]
        engine.ended(self, .failure(error))
    }
}
