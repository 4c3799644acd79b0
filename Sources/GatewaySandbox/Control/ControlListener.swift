import NIOCore
import NIOHTTP1
import NIOPosix

/// The plain-HTTP control endpoint.
enum ControlListener {
    /// A control request has no business being larger.
    static let bodyLimit = 1 << 20

    /// The port; nil when the configuration has none.
    static func open(_ server: GatewayServer) async throws -> Int? {
        guard let port = server.configuration.controlPort else { return nil }
        let channel = try await ServerBootstrap(group: server.loop)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(ControlHandler(server: server))
                }
            }
            .bind(host: server.configuration.host, port: port).get()
        return channel.localAddress?.port
    }
}

private final class ControlHandler: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = HTTPServerRequestPart

    private let server: GatewayServer
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(server: GatewayServer) { self.server = server }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
        case .body(let part):
            if body.count <= ControlListener.bodyLimit { body += part.readableBytesView }
        case .end:
            guard let head else { return }
            self.head = nil
            let answer =
                body.count > ControlListener.bodyLimit
                ? HTTPAnswer(status: 413) : ControlRoutes.answer(head.method.rawValue, head.uri, body, server)
            RESTHandler.write(answer, keepAlive: head.isKeepAlive, version: head.version, context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
