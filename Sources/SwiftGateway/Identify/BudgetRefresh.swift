import GatewayProtocol
import GatewayTransport

/// Asks the API for the identifies that are left, once per call. Confined to its loop's thread, but for `ask`.
final class BudgetRefresh: @unchecked Sendable {
    private let loop: EventLoop
    private let makeRequest: () -> GatewayBotRequest
    private let onFailure: (GatewayError) -> Void
    private var request: GatewayBotRequest?
    private var isCancelled = false

    init(
        loop: EventLoop, makeRequest: @escaping () -> GatewayBotRequest, onFailure: @escaping (GatewayError) -> Void
    ) {
        self.loop = loop
        self.makeRequest = makeRequest
        self.onFailure = onFailure
    }

    /// Any thread. The answer goes to the desk.
    func ask(_ desk: IdentifyDesk) { loop.post { [self] in perform(desk) } }

    func cancel() {
        isCancelled = true
        request?.cancel()
        request = nil
    }

    private func perform(_ desk: IdentifyDesk) {
        guard !isCancelled else { return }
        let request = makeRequest()
        self.request = request
        request.perform(on: loop) { [weak self] answer in
            guard let self, !isCancelled else { return }
            self.request = nil
            switch answer {
            case .success(let bot): desk.answered(IdentifyBudget.Limit(bot, now: Clock.now()))
            case .failure(let failure):
                onFailure(failure.error)
                desk.answered(nil, retryAfter: failure.retryAfter)
            }
        }
    }
}

extension IdentifyBudget.Limit {
    init(_ bot: GatewayBot, now: UInt64) {
        let (wait, tooLarge) = bot.resetAfterMilliseconds.multipliedReportingOverflow(by: 1_000_000)
        let (reset, overflow) = now.addingReportingOverflow(wait)
        self.init(remaining: bot.remaining, total: bot.total, resetAt: tooLarge || overflow ? .max : reset)
    }
}
