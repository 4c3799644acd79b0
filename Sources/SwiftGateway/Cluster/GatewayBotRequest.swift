import GatewayProtocol
import GatewayTransport

/// What `GET /gateway/bot` answers (`gateway.md` §2).
public struct GatewayBot: Sendable, Equatable {
    /// The gateway's URL, without a query.
    public var url: String
    /// The recommended number of shards.
    public var shards: UInt32
    /// Identifies allowed per period, and left of them.
    public var total: UInt32
    public var remaining: UInt32
    /// Milliseconds until `remaining` is `total` again.
    public var resetAfterMilliseconds: UInt64
    /// Identifies allowed per 5 s.
    public var maxConcurrency: UInt32
}

/// One `GET /gateway/bot`, with what the answer means. Confined to the loop's thread it is performed on.
final class GatewayBotRequest: @unchecked Sendable {
    struct Failure: Error {
        var error: GatewayError
        /// Asking again would give the same answer.
        var isFinal: Bool
        /// Nanoseconds that the server asked to wait.
        var retryAfter: UInt64
    }

    typealias Answer = Result<GatewayBot, Failure>

    private let url: GatewayURL
    private let path: String
    private let token: String
    private let tls: TLSContext?
    private let resolver: Resolver
    private let timeout: UInt64
    private var exchange: HTTPExchange?

    /// `timeout` in nanoseconds, for the whole exchange.
    init(configuration: Configuration, tls: TLSContext?, resolver: Resolver, timeout: UInt64) {
        url = configuration.apiURL
        path = url.path(appending: "/gateway/bot")
        token = configuration.bareToken
        self.tls = tls
        self.resolver = resolver
        self.timeout = timeout
    }

    func cancel() {
        exchange?.cancel()
        exchange = nil
    }

    func perform(on loop: EventLoop, _ completion: @escaping (Answer) -> Void) {
        do throws(GatewayError) {
            let exchange = try HTTPExchange(
                loop: loop, endpoint: Endpoint(host: url.host, port: url.port, tls: url.scheme.isSecure ? tls : nil),
                target: path,
                headers: [
                    HTTPHeader("User-Agent", Version.userAgent), HTTPHeader("Authorization", "Bot \(token)"),
                    HTTPHeader("Accept", "application/json"),
                ],
                timeout: timeout
            ) { [self] result in
                self.exchange = nil
                completion(interpret(result))
            }
            self.exchange = exchange
            exchange.start(resolver: resolver)
        } catch {
            completion(.failure(Failure(error: error, isFinal: true, retryAfter: 0)))
        }
    }

    private func interpret(_ result: Result<HTTPResponse, GatewayError>) -> Answer {
        switch result {
        case .failure(let error): return .failure(Failure(error: error, isFinal: false, retryAfter: 0))
        case .success(let response): return interpret(response)
        }
    }

    private func interpret(_ response: HTTPResponse) -> Answer {
        func failure(_ status: Status, _ text: String, final: Bool, retryAfter: UInt64 = 0) -> Answer {
            .failure(
                Failure(
                    error: GatewayError(status, "\(url.host) answered \(response.status) to GET \(path): \(text)"),
                    isFinal: final, retryAfter: retryAfter))
        }
        switch response.status {
        case 200:
            do throws(HTTPError) {
                let answer = try GatewayBotResponse(response.body)
                return .success(
                    GatewayBot(
                        url: answer.url, shards: answer.shards, total: answer.total, remaining: answer.remaining,
                        resetAfterMilliseconds: answer.resetAfterMilliseconds, maxConcurrency: answer.maxConcurrency))
            } catch {
                return failure(.http, error.reason.description, final: false)
            }
        case 401: return failure(.unauthorized, "the token is invalid", final: true)
        case 403:
            return failure(.http, "access is denied: \(response.excerpt)", final: false, retryAfter: 60_000_000_000)
        case 429:
            return failure(
                .rateLimited, "too many requests", final: false, retryAfter: response.rateLimitWait)
        case 400..<500: return failure(.http, response.excerpt, final: true)
        case 300..<400: return failure(.http, "redirects are not followed", final: true)
        default: return failure(.http, response.excerpt, final: false)
        }
    }
}
