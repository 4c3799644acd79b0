import GatewayProtocol
import GatewayTransport

/// The identify queue of a cluster, shared by its loops: grants go to the shard's own loop.
final class IdentifyGate: Sendable {
    private struct Waiting {
        let runner: ShardRunner
        let loop: EventLoop
    }

    private struct State {
        var queue: IdentifyQueue
        var waiting: [UInt32: Waiting] = [:]
    }

    private let state: Lock<State>
    /// The loop that keeps the time.
    private let timeLoop: EventLoop
    private let timer: GateTimer

    /// The timer is touched on `timeLoop` only.
    private final class GateTimer: @unchecked Sendable {
        var timer: LoopTimer?
    }

    init(queue: IdentifyQueue, timeLoop: EventLoop) {
        state = Lock(State(queue: queue))
        self.timeLoop = timeLoop
        timer = GateTimer()
    }

    /// Identifies left; nil when that is not known.
    var budget: IdentifyQueue.Budget? { state.withLock { $0.queue.budget } }

    func request(shard: UInt32, runner: ShardRunner, loop: EventLoop) {
        state.withLock {
            $0.waiting[shard] = Waiting(runner: runner, loop: loop)
            $0.queue.request(shard, now: Clock.now())
        }
        poll()
    }

    func cancel(shard: UInt32) {
        state.withLock {
            $0.waiting[shard] = nil
            $0.queue.cancel(shard)
        }
        poll()
    }

    /// The IDENTIFY is on its way: the interval of its key counts from here.
    func sent(shard: UInt32) {
        state.withLock { $0.queue.sent(shard, now: Clock.now()) }
        poll()
    }

    /// What the API said of identifies left.
    func setBudget(_ budget: IdentifyQueue.Budget) {
        state.withLock { $0.queue.setBudget(budget) }
        poll()
    }

    private func poll() {
        let (granted, next) = state.withLock { state in
            let now = Clock.now()
            let granted = state.queue.poll(now: now).compactMap { state.waiting.removeValue(forKey: $0) }
            return (granted, state.queue.nextDeadline)
        }
        for waiting in granted {
            waiting.loop.post { waiting.runner.identifyGranted() }
        }
        if let next { timeLoop.post { [self] in setTimer(at: next) } }
    }

    private func setTimer(at deadline: UInt64) {
        let timer = self.timer.timer ?? LoopTimer { [unowned self] _ in poll() }
        self.timer.timer = timer
        timeLoop.set(timer, at: deadline)
    }
}
