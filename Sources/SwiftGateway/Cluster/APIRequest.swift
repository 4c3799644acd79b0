import GatewayProtocol
import GatewayTransport

/// What a question to the API failed with.
struct APIFailure: Error {
    var error: GatewayError
    /// Asking again would give the same answer.
    var isFinal: Bool
    /// Nanoseconds that the server asked to wait.
    var retryAfter: UInt64
    /// There is an API, and it does not know this question: HTTP 404, 405 or 501.
    var isUnknown = false
}

/// One GET of the API, with what the answer means (`gateway.md` §2). Confined to the loop's thread it is performed on.
final class APIRequest<Content: Sendable>: @unchecked Sendable {
    typealias Failure = APIFailure
    typealias Answer = Result<Content, APIFailure>

    let path: String
    let headers: [HTTPHeader]
    private let url: GatewayURL
    private let tls: TLSContext?
    private let resolver: Resolver
    private let timeout: UInt64
    private let read: @Sendable ([UInt8]) throws(HTTPError) -> Content
    private var exchange: HTTPExchange?

    /// `timeout` in nanoseconds, for the whole exchange.
    init(
        _ path: String, authorized: Bool, configuration: Configuration, tls: TLSContext?, resolver: Resolver,
        timeout: UInt64, read: @escaping @Sendable ([UInt8]) throws(HTTPError) -> Content
    ) {
        url = configuration.apiURL
        self.path = url.path(appending: path)
        self.tls = tls
        self.resolver = resolver
        self.timeout = timeout
        self.read = read
        var headers = [HTTPHeader("User-Agent", Version.userAgent), HTTPHeader("Accept", "application/json")]
        if authorized { headers.append(HTTPHeader("Authorization", "Bot \(configuration.bareToken)")) }
        self.headers = headers
    }

    func cancel() {
        exchange?.cancel()
        exchange = nil
    }

    func perform(on loop: EventLoop, _ completion: @escaping (Answer) -> Void) {
        do throws(GatewayError) {
            let exchange = try HTTPExchange(
                loop: loop, endpoint: Endpoint(host: url.host, port: url.port, tls: url.scheme.isSecure ? tls : nil),
                target: path, headers: headers, timeout: timeout
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
        func failure(
            _ status: Status, _ text: String, final: Bool, retryAfter: UInt64 = 0, unknown: Bool = false
        ) -> Answer {
            .failure(
                Failure(
                    error: GatewayError(status, "\(url.host) answered \(response.status) to GET \(path): \(text)"),
                    isFinal: final, retryAfter: retryAfter, isUnknown: unknown))
        }
        switch response.status {
        case 200:
            do throws(HTTPError) {
                return .success(try read(response.body))
            } catch {
                return failure(.http, error.reason.description, final: false)
            }
        case 401: return failure(.unauthorized, "the token is invalid", final: true)
        case 403:
            return failure(.http, "access is denied: \(response.excerpt)", final: false, retryAfter: 60_000_000_000)
        case 404, 405, 501: return failure(.http, response.excerpt, final: true, unknown: true)
        case 429:
            return failure(
                .rateLimited, "too many requests", final: false, retryAfter: response.rateLimitWait)
        case 400..<500: return failure(.http, response.excerpt, final: true)
        case 300..<400: return failure(.http, "redirects are not followed", final: true)
        default: return failure(.http, response.excerpt, final: false)
        }
    }
}

extension APIRequest {
    /// Performs the request on a loop of its own and waits for the answer.
    func wait() throws(GatewayError) -> Content {
        let loop = try EventLoop()
        let answer = Monitor<Answer?>(nil)
        try loop.start(name: "sg-fetch")
        defer { loop.stop() }
        loop.post { [self] in perform(on: loop) { result in answer.update { $0 = result } } }
        do throws(APIFailure) {
            // The request ends by itself when its time is over.
            guard let result = answer.wait(until: nil, { $0 }) else {
                throw Failure(
                    error: GatewayError(.internalError, "the request ended without an answer"), isFinal: true,
                    retryAfter: 0)
            }
            return try result.get()
        } catch {
            throw error.error
        }
    }
}
