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
        let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes))
        let encoder = HTTPResponseEncoder()
        try pipeline.addHandlers(decoder, encoder)
        try pipeline.addHandler(
            RESTHandler(connection: connection) { rest in
                // The answer 101 is out. What the client may have sent after its request is handed on by the decoder as it goes.
                try pipeline.addHandler(
                    ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: MessageAssembler.limit))
                )
                try pipeline.addHandler(connection)
                pipeline.removeHandler(rest, promise: nil)
                pipeline.removeHandler(encoder, promise: nil)
                pipeline.removeHandler(decoder, promise: nil)
            }
        )
        channel.eventLoop.execute { connection.startFaults() }
    }
}
