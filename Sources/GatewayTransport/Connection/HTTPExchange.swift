import GatewayProtocol

/// One request and its answer on a connection of its own. Confined to its loop's thread; the completion is called once,
/// unless the exchange is cancelled.
package final class HTTPExchange: StreamConnection, @unchecked Sendable {
    private let request: [UInt8]
    private let timeout: UInt64
    private let completion: (Result<HTTPResponse, GatewayError>) -> Void
    private var reader = HTTPResponseReader()
    private var input: InputBuffer
    private lazy var timer = LoopTimer { [unowned self] _ in
        finish(
            .failure(
                GatewayError(.timeout, "\(endpoint.host) gave no answer within \(timeout / 1_000_000) ms")))
    }

    /// `timeout` in nanoseconds, for everything from the look-up to the last byte.
    package init(
        loop: EventLoop, endpoint: Endpoint, target: String, headers: [HTTPHeader], timeout: UInt64,
        completion: @escaping (Result<HTTPResponse, GatewayError>) -> Void
    ) throws(GatewayError) {
        do throws(HTTPError) {
            request = try HTTPRequest(
                host: endpoint.host, port: endpoint.port, isSecure: endpoint.tls != nil, target: target,
                headers: headers + [HTTPHeader("Connection", "close")]
            ).encoded()
        } catch {
            throw GatewayError(.invalidArgument, "the request cannot be made: \(error.reason)")
        }
        self.timeout = timeout
        self.completion = completion
        input = InputBuffer(shared: loop.buffers.plain)
        super.init(loop: loop, endpoint: endpoint)
    }

    package func start(resolver: Resolver) {
        loop.set(timer, at: loop.now + timeout)
        open(resolver: resolver)
    }

    package func cancel() {
        loop.clear(timer)
        teardown()
    }

    private func finish(_ result: Result<HTTPResponse, GatewayError>) {
        cancel()
        completion(result)
    }

    override func streamOpened() { send(request) }

    override func streamFailed(_ error: GatewayError) { finish(.failure(error)) }

    override func streamReadable() {
        input.begin()
        defer { input.end() }
        do throws(HTTPError) {
            while let stream {
                switch stream.read(into: input.space(needed: input.bytes.count + 1)) {
                case .bytes(let count):
                    input.produced(count)
                    var consumed = 0
                    let complete = try reader.consume(input.bytes, consumed: &consumed)
                    input.consume(consumed)
                    if complete { return succeed() }
                case .wouldBlock: return
                case .endOfStream:
                    try reader.finish()
                    return succeed()
                case .failed(let reason):
                    return finish(
                        .failure(GatewayError(.network, "the connection to \(endpoint.host) broke: \(reason)")))
                }
            }
        } catch {
            finish(.failure(GatewayError(.http, "\(endpoint.host) did not answer in HTTP: \(error.reason)")))
        }
    }

    private func succeed() {
        guard let head = reader.head else { return }
        finish(.success(HTTPResponse(head: head, body: reader.body)))
    }
}
