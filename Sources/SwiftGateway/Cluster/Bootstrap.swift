import GatewayProtocol
import GatewayTransport

/// Asks the API where the gateway is and how many shards it recommends (`gateway.md` §2), again and again until there
/// is an answer or an error that would repeat itself. Confined to its loop's thread.
final class Bootstrap: @unchecked Sendable {
    private let loop: EventLoop
    private let request: GatewayBotRequest
    private let backoff: Backoff
    private let onRetry: (GatewayError, UInt64) -> Void
    private let completion: (Result<GatewayBot, GatewayError>) -> Void
    private var random = SystemRandomNumberGenerator()
    private var failures = 1
    private var cancelled = false
    private lazy var timer = LoopTimer { [unowned self] _ in ask() }

    init(
        loop: EventLoop, request: GatewayBotRequest, backoff: Backoff,
        onRetry: @escaping (GatewayError, UInt64) -> Void,
        completion: @escaping (Result<GatewayBot, GatewayError>) -> Void
    ) {
        self.loop = loop
        self.request = request
        self.backoff = backoff
        self.onRetry = onRetry
        self.completion = completion
    }

    func start() { ask() }

    func cancel() {
        cancelled = true
        loop.clear(timer)
        request.cancel()
    }

    private func ask() {
        request.perform(on: loop) { [weak self] answer in self?.answered(answer) }
    }

    private func answered(_ answer: GatewayBotRequest.Answer) {
        guard !cancelled else { return }
        switch answer {
        case .success(let bot): completion(.success(bot))
        case .failure(let failure) where failure.isFinal: completion(.failure(failure.error))
        case .failure(let failure):
            let delay = max(backoff.delay(attempt: failures, using: &random), failure.retryAfter)
            failures += 1
            onRetry(failure.error, delay)
            loop.set(timer, at: loop.now + delay)
        }
    }
}
