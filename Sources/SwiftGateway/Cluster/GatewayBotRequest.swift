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
    /// Identifies left of `total` in this period.
    public var remaining: UInt32
    /// Milliseconds until `remaining` is `total` again.
    public var resetAfterMilliseconds: UInt64
    /// Identifies allowed per 5 s.
    public var maxConcurrency: UInt32
}

/// One `GET /gateway/bot`.
typealias GatewayBotRequest = APIRequest<GatewayBot>

extension GatewayBotRequest {
    /// `timeout` in nanoseconds, for the whole exchange.
    convenience init(configuration: Configuration, tls: TLSContext?, resolver: Resolver, timeout: UInt64) {
        self.init(
            "/gateway/bot", authorized: true, configuration: configuration, tls: tls, resolver: resolver,
            timeout: timeout
        ) { (body) throws(HTTPError) in
            let answer = try GatewayBotResponse(body)
            return GatewayBot(
                url: answer.url, shards: answer.shards, total: answer.total, remaining: answer.remaining,
                resetAfterMilliseconds: answer.resetAfterMilliseconds, maxConcurrency: answer.maxConcurrency)
        }
    }
}

extension GatewayBot {
    /// Asks the API once and waits for the answer; `timeout` in nanoseconds, nil for the connect timeout. Throws
    /// `network`, `tls`, `http`, `unauthorized`, `rateLimited`, `timeout`.
    public static func fetch(_ configuration: Configuration, timeout: UInt64?) throws(GatewayError) -> GatewayBot {
        try GatewayBotRequest(
            configuration: configuration, tls: try TLSContext(caFile: configuration.caFile), resolver: Resolver(),
            timeout: timeout ?? configuration.session.connectTimeout
        ).wait()
    }
}
