import GatewayProtocol
import GatewayTransport

/// Asks the API where the gateway is and how many shards it recommends (`gateway.md` §2), again and again until there
/// is an answer or an error that would repeat itself. Confined to its loop's thread.
///
/// `GET /gateway/bot` is asked even when its URL is all that is needed, because only it says how many identifies are
/// left. An API that does not know it, such as a proxy with the public routes, is asked for `/gateway` then.
final class Bootstrap: @unchecked Sendable {
    struct Answer: Sendable {
        var url: String
        /// Nil when only the URL is known.
        var bot: GatewayBot?
    }

    private let loop: EventLoop
    private let request: GatewayBotRequest
    /// Nil when the URL alone would not do.
    private let fallback: GatewayURLRequest?
    private let backoff: Backoff
    /// The error, and after how many nanoseconds it is asked again.
    private let onRetry: (GatewayError, UInt64) -> Void
    private let onFallback: (GatewayError) -> Void
    private let completion: (Result<Answer, GatewayError>) -> Void
    private var random = SystemRandomNumberGenerator()
    private var failures = 1
    private var cancelled = false
    private var usesFallback = false
    private lazy var timer = LoopTimer { [unowned self] _ in ask() }

    init(
        loop: EventLoop, request: GatewayBotRequest, fallback: GatewayURLRequest?, backoff: Backoff,
        onRetry: @escaping (GatewayError, UInt64) -> Void, onFallback: @escaping (GatewayError) -> Void,
        completion: @escaping (Result<Answer, GatewayError>) -> Void
    ) {
        self.loop = loop
        self.request = request
        self.fallback = fallback
        self.backoff = backoff
        self.onRetry = onRetry
        self.onFallback = onFallback
        self.completion = completion
    }

    func start() { ask() }

    func cancel() {
        cancelled = true
        loop.clear(timer)
        request.cancel()
        fallback?.cancel()
    }

    private func ask() {
        if usesFallback, let fallback {
            fallback.perform(on: loop) { [weak self] answer in
                self?.answered(answer.map { Answer(url: $0, bot: nil) })
            }
        } else {
            request.perform(on: loop) { [weak self] answer in
                self?.answered(answer.map { Answer(url: $0.url, bot: $0) })
            }
        }
    }

    private func answered(_ answer: Result<Answer, APIFailure>) {
        guard !cancelled else { return }
        switch answer {
        case .success(let answer): completion(.success(answer))
        case .failure(let failure) where failure.isUnknown && fallback != nil && !usesFallback:
            usesFallback = true
            onFallback(failure.error)
            ask()
        case .failure(let failure) where failure.isFinal: completion(.failure(failure.error))
        case .failure(let failure):
            let delay = max(backoff.delay(attempt: failures, using: &random), failure.retryAfter)
            failures += 1
            onRetry(failure.error, delay)
            loop.set(timer, at: loop.now + delay)
        }
    }
}
