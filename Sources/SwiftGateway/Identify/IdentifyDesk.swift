import GatewayProtocol
import GatewayTransport

/// Where the shards of a cluster go before every IDENTIFY: it keeps the daily budget, and asks the identify queue for
/// those whom the budget lets through.
final class IdentifyDesk: AlarmClient {
    private struct State {
        var budget: IdentifyBudget
        /// All that have neither sent nor given up.
        var turns: [UInt64: IdentifyTurn] = [:]
    }

    let queue: any IdentifyQueueing
    private let maxConcurrency: UInt32
    private let state: Lock<State>
    private let alarm: any Alarm
    private let ask: @Sendable (IdentifyDesk) -> Void
    private let onStop: @Sendable (IdentifyBudget.Stop) -> Void

    /// `ask`: asks the API for the budget and calls `answered`. `onStop`: tells why nobody identifies for now.
    init(
        queue: any IdentifyQueueing, maxConcurrency: UInt32, budget: IdentifyBudget, alarm: any Alarm,
        ask: @escaping @Sendable (IdentifyDesk) -> Void, onStop: @escaping @Sendable (IdentifyBudget.Stop) -> Void
    ) {
        self.queue = queue
        self.maxConcurrency = max(1, maxConcurrency)
        state = Lock(State(budget: budget))
        self.alarm = alarm
        self.ask = ask
        self.onStop = onStop
        alarm.serve(self)
    }

    /// Identifies left as far as they are known; nil without a limit.
    var limit: IdentifyBudget.Limit? { state.withLock { $0.budget.limit } }

    /// A shard wants to identify; `onGrant` is called on its loop when it may. Must be called there.
    func request(
        shard: UInt32, total: UInt32, loop: EventLoop, onGrant: @escaping () -> Void
    ) -> IdentifyTurn {
        let permit = IdentifyPermit(
            number: PermitTable.newNumber(), shardID: shard, shardTotal: total, maxConcurrency: maxConcurrency)
        let turn = IdentifyTurn(permit: permit, loop: loop, desk: self, onGrant: onGrant)
        change {
            $0.turns[permit.number] = turn
            return $0.budget.request(permit.number, now: Clock.now())
        }
        return turn
    }

    func ended(_ turn: IdentifyTurn, sent: Bool) {
        change {
            let number = turn.permit.number
            $0.turns[number] = nil
            let now = Clock.now()
            return sent ? $0.budget.sent(number, now: now) : $0.budget.cancel(number, now: now)
        }
    }

    /// What the API said to `ask`; nil when it could not be asked, with the nanoseconds it wants to be left alone.
    func answered(_ limit: IdentifyBudget.Limit?, retryAfter: UInt64 = 0) {
        change { $0.budget.answered(limit, retryAfter: retryAfter, now: Clock.now()) }
    }

    var nextDeadline: UInt64? { state.withLock { $0.budget.nextDeadline } }

    func ring() { change { $0.budget.poll(now: Clock.now()) } }

    private func change(_ body: (inout State) -> [IdentifyBudget.Action]) {
        let (actions, passed) = state.withLock { state in
            let actions = body(&state)
            let passed = actions.compactMap { if case .pass(let number) = $0 { state.turns[number] } else { nil } }
            return (actions, passed)
        }
        for turn in passed { turn.loop.post { turn.pass() } }
        for action in actions {
            switch action {
            case .pass: break
            case .ask: ask(self)
            case .tell(let stop): onStop(stop)
            }
        }
        if limit != nil { alarm.reconsider() }
    }
}
