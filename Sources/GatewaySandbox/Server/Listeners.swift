import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket

/// The listening sockets of the gateway, one for each address.
final class Listeners: @unchecked Sendable {
    private unowned let server: GatewayServer
    private var channels: [Endpoint: any Channel] = [:]
    private(set) var ports: [Endpoint: Int] = [:]

    init(server: GatewayServer) { self.server = server }

    func open(_ endpoint: Endpoint) -> EventLoopFuture<Void> {
        guard channels[endpoint] == nil else { return server.loop.makeSucceededVoidFuture() }
        let configured = endpoint == .main ? server.configuration.port : server.configuration.resumePort
        let bootstrap = ServerBootstrap(group: server.loop)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 64 * 1024, high: 256 * 1024))
            .childChannelInitializer { [server] channel in
                channel.eventLoop.makeCompletedFuture { try ConnectionPipeline.build(channel, endpoint, server) }
            }
        return bootstrap.bind(host: server.configuration.host, port: ports[endpoint] ?? configured).map { channel in
            self.channels[endpoint] = channel
            self.ports[endpoint] = channel.localAddress?.port ?? 0
        }
    }

    /// Connections are refused from now on; nil closes both ports.
    func close(_ endpoint: Endpoint?) {
        for candidate in Endpoint.allCases where endpoint == nil || endpoint == candidate {
            channels.removeValue(forKey: candidate)?.close(promise: nil)
        }
    }

    /// Opens what is closed, at the port it had.
    func reopen() -> EventLoopFuture<Void> { open(.main).and(open(.resume)).map { _, _ in } }
}

/// What a connection goes through: TLS, HTTP, and after the upgrade websocket frames.
enum ConnectionPipeline {
    static func build(_ channel: any Channel, _ endpoint: Endpoint, _ server: GatewayServer) throws {
        let connection = server.register(channel, endpoint: endpoint)
        var certificate = CertificateKind.valid
        for fault in server.due(.accept, connection) {
            switch fault {
            case .certificate(let kind): certificate = kind
            case .drop(true): WireTap.armReset(channel)
            default: break
            }
            if case .certificate = fault {
                server.note(.fault(fault.name), connection: connection)
            } else {
                connection.acceptFaults.append(fault)
            }
        }
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(connection.socketTap)
        if let context = server.identities?.context(for: certificate) {
            try pipeline.addHandler(NIOSSLServerHandler(context: context))
            connection.isHandshaking = true
        }
        try pipeline.addHandler(connection.plainTap)
        let rest = RESTHandler(connection: connection)
        let upgrader = NIOWebSocketServerUpgrader(
            maxFrameSize: GatewayConnection.messageLimit, automaticErrorHandling: false,
            shouldUpgrade: { channel, head in
                channel.eventLoop.makeSucceededFuture(connection.mayUpgrade(head) ? HTTPHeaders() : nil)
            },
            upgradePipelineHandler: { channel, head in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(connection)
                    let agent = head.headers.first(name: "User-Agent")
                    // After the upgrade is through: HELLO must not overtake the 101.
                    channel.eventLoop.execute { connection.open(UpgradeRequest(uri: head.uri, userAgent: agent)) }
                }
            }
        )
        try pipeline.configureHTTPServerPipeline(
            withServerUpgrade: (
                upgraders: [upgrader],
                completionHandler: { context in context.pipeline.syncOperations.removeHandler(rest, promise: nil) }
            )
        )
        try pipeline.addHandler(rest)
        channel.eventLoop.execute { connection.startFaults() }
    }
}
