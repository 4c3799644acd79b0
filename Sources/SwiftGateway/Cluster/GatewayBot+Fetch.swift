import GatewayProtocol
import GatewayTransport

extension GatewayBot {
    /// Asks the API once and waits for the answer; `timeout` in nanoseconds, nil for the connect timeout. Throws
    /// `network`, `tls`, `http`, `unauthorized`, `rateLimited`, `timeout`.
    public static func fetch(_ configuration: Configuration, timeout: UInt64?) throws(GatewayError) -> GatewayBot {
        let loop = try EventLoop()
        let request = GatewayBotRequest(
            configuration: configuration, tls: try TLSContext(caFile: configuration.caFile), resolver: Resolver(),
            timeout: timeout ?? configuration.session.connectTimeout)
        let answer = Monitor<GatewayBotRequest.Answer?>(nil)
        try loop.start(name: "sg-fetch")
        defer { loop.stop() }
        loop.post { request.perform(on: loop) { result in answer.update { $0 = result } } }
        do throws(GatewayBotRequest.Failure) {
            // The request ends by itself when its time is over.
            guard let result = answer.wait(until: nil, { $0 }) else {
                throw GatewayBotRequest.Failure(
                    error: GatewayError(.internalError, "the request ended without an answer"), isFinal: true,
                    retryAfter: 0)
            }
            return try result.get()
        } catch {
            throw error.error
        }
    }
}
