import GatewayProtocol
import GatewayTransport
import Synchronization

/// What all shards of a running cluster share.
final class EngineContext: Sendable {
    let configuration: Configuration
    /// Whom events are handed to, for inline delivery: held by the configuration. Unmanaged to spare retaining it for each
    /// event.
    let receiver: Unmanaged<EventReceiver>
    let kinds: EventKinds
    /// At hand here, where looking at it does not involve asking whether it is built already.
    let names = EventNameIndex.shared
    let log: Log
    let identifies: IdentifyDesk
    let resolver: Resolver
    let userAgent: String
    private let tls: TLSContext?
    let gateway: GatewayAddress
    private let filter: EventSet?
    private let onState: @Sendable (ShardCell, ShardState) -> Void
    private let onFailure: @Sendable (ShardCell, GatewayError) -> Void

    init(
        configuration: Configuration, gateway: GatewayAddress, tls: TLSContext?, resolver: Resolver,
        identifies: IdentifyDesk, log: Log, onState: @escaping @Sendable (ShardCell, ShardState) -> Void,
        onFailure: @escaping @Sendable (ShardCell, GatewayError) -> Void
    ) {
        self.configuration = configuration
        self.gateway = gateway
        self.tls = tls
        self.resolver = resolver
        self.identifies = identifies
        self.log = log
        self.onState = onState
        self.onFailure = onFailure
        receiver = .passUnretained(configuration.sink.receiver)
        kinds = configuration.kinds
        filter = configuration.filter
        userAgent = Version.userAgent
    }

    @inline(__always)
    func passes(_ type: EventType?, name: UnsafeRawBufferPointer) -> Bool {
        guard kinds.has(.dispatch) else { return false }
        guard let filter else { return true }
        return filter.contains(type: type, name: name)
    }

    /// The URL of a connection, with its query. Throws `protocolViolation` when the gateway gave an unusable one.
    func url(for target: ConnectTarget) throws(GatewayError) -> GatewayURL {
        let base: GatewayURL
        switch target {
        case .main: base = gateway.url
        case .resumeHost(let text):
            do throws(GatewayURLError) {
                base = try GatewayURL(text)
            } catch {
                throw GatewayError(.protocolViolation, "the resume URL is unusable: \(error.message)")
            }
            guard base.scheme.isWebSocket else {
                throw GatewayError(.protocolViolation, "the resume URL is no websocket URL")
            }
            // A session of a TLS gateway must not be resumed in the clear: the token would go with it.
            if gateway.url.scheme.isSecure && !base.scheme.isSecure {
                throw GatewayError(.protocolViolation, "the resume URL asks for an unencrypted connection")
            }
        }
        return base
    }

    /// Path and query of a connection.
    func connectionTarget(of url: GatewayURL) -> String {
        switch configuration.compression {
        case .none: url.connectionTarget()
        case .zlib: url.connectionTarget(compress: "zlib-stream")
        case .zstd: url.connectionTarget(compress: "zstd-stream")
        }
    }

    func endpoint(of url: GatewayURL) -> Endpoint {
        Endpoint(host: url.host, port: url.port, tls: url.scheme.isSecure ? tls : nil)
    }

    func makeInflater() throws(GatewayError) -> Inflater? {
        try configuration.makeInflater(limit: configuration.maxMessageSize)
    }

    func stateChanged(_ cell: ShardCell, to state: ShardState) { onState(cell, state) }
    func shardFailed(_ cell: ShardCell, _ error: GatewayError) { onFailure(cell, error) }
}

/// What this build is.
public enum Version {
    /// The version, "major.minor.patch".
    public static let string: StaticString = "0.1.0"
    static let userAgent = "DiscordBot (https://github.com/swiftgateway/swiftgateway, \(string))"
}
