import GatewayProtocol
import GatewayTransport

/// The shards' way to IDENTIFY.
extension Engine {
    /// The desk of this run: the configured queue, else one of its own, and the budget that the API named. `needed`: how
    /// many shards have no session to resume.
    func makeDesk(bot: GatewayBot?, needed: Int, loop: EventLoop) -> IdentifyDesk {
        let maxConcurrency = configuration.maxConcurrency ?? bot?.maxConcurrency ?? 1
        let now = Clock.now()
        let refresh = BudgetRefresh(
            loop: loop, makeRequest: { [unowned self] in makeBotRequest() },
            onFailure: { [log] error in
                log.write(.warning, "cluster") { "the identifies left could not be asked for: \(error.message)" }
            })
        budgetRefresh = refresh
        return IdentifyDesk(
            queue: configuration.identifyQueue
                ?? LocalIdentifyQueue(
                    maxConcurrency: maxConcurrency, interval: configuration.identifyInterval,
                    alarm: LoopAlarm(loop: loop)),
            maxConcurrency: maxConcurrency,
            budget: IdentifyBudget(
                limit: bot.map { IdentifyBudget.Limit($0, now: now) }, needed: needed, now: now,
                settings: configuration.budget),
            alarm: LoopAlarm(loop: loop), ask: { desk in refresh.ask(desk) },
            onStop: { [unowned self] stop in
                let error = GatewayError(.sessionLimit, stop.sentence(now: Clock.now()))
                log.write(.warning, "cluster") { error.message }
                tell(error, state: .awaitingIdentify)
            })
    }

    func makeBotRequest() -> GatewayBotRequest {
        GatewayBotRequest(
            configuration: configuration, tls: tls, resolver: resolver, timeout: configuration.session.connectTimeout)
    }

    /// What gives the URL without the rest.
    func makeURLRequest() -> GatewayURLRequest {
        GatewayURLRequest(
            configuration: configuration, tls: tls, resolver: resolver, timeout: configuration.session.connectTimeout)
    }
}

extension IdentifyBudget.Stop {
    /// What the owner is told.
    func sentence(now: UInt64) -> String {
        let wait = until > now ? (until - now) / 1_000_000 : 0
        let left = "\(remaining) of \(total) identifies are left"
        return if let needed {
            "\(left) and \(needed) shards have to identify; they wait until it is \(total) again in \(wait) ms"
        } else {
            "\(left) and shards wait to identify; they go on when it is \(total) again in \(wait) ms"
        }
    }
}
