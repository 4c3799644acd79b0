import GatewayProtocol
import GatewayTransport

/// One `GET /gateway` (`gateway.md` §2): where the gateway is, and nothing else. Needs no token and sends none.
typealias GatewayURLRequest = APIRequest<String>

extension GatewayURLRequest {
    /// `timeout` in nanoseconds, for the whole exchange.
    convenience init(configuration: Configuration, tls: TLSContext?, resolver: Resolver, timeout: UInt64) {
        self.init(
            "/gateway", authorized: false, configuration: configuration, tls: tls, resolver: resolver, timeout: timeout
        ) { (body) throws(HTTPError) in try GatewayResponse(body).url }
    }
}

/// The gateway as such.
public enum Gateway {
    /// Asks the API once for the gateway's URL, with `GET /gateway`, and waits for the answer. The token is not sent: it
    /// may be any. The answer may be kept, and given to `Configuration.setGatewayURL`, for as long as connecting to it
    /// works. `timeout` in nanoseconds, nil for the connect timeout. Throws `network`, `tls`, `http`, `rateLimited`,
    /// `timeout`.
    public static func fetchURL(_ configuration: Configuration, timeout: UInt64?) throws(GatewayError) -> String {
        try GatewayURLRequest(
            configuration: configuration, tls: try TLSContext(caFile: configuration.caFile), resolver: Resolver(),
            timeout: timeout ?? configuration.session.connectTimeout
        ).wait()
    }
}
