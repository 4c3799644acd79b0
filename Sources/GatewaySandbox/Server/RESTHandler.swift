import NIOCore
import NIOHTTP1

/// Answers HTTP requests, and starts websockets. Both may come over one connection, as HTTP clients reuse them.
final class RESTHandler: ChannelInboundHandler, RemovableChannelHandler, @unchecked Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let connection: GatewayConnection
    private var head: HTTPRequestHead?

    /// Puts websocket handlers in this one's place.
    private let install: (RESTHandler) throws -> Void

    init(connection: GatewayConnection, install: @escaping (RESTHandler) throws -> Void) {
        self.connection = connection
        self.install = install
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard let head else { return }
            self.head = nil
            if UpgradeRequest.isUpgrade(head) { upgrade(head, context) } else { answer(head, context) }
        }
    }

    private func upgrade(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let request: UpgradeRequest
        let refusal: HTTPAnswer?
        do {
            request = try UpgradeRequest(head)
            refusal = connection.refusesUpgrade()
        } catch {
            connection.server.note(.upgradeRefused(status: 400), connection: connection)
            return Self.write(
                HTTPAnswer(status: 400, body: error.description), keepAlive: false, version: head.version, context
            )
        }
        if let refusal {
            connection.server.note(.upgradeRefused(status: refusal.status), connection: connection)
            return Self.write(refusal, keepAlive: head.isKeepAlive, version: head.version, context)
        }
        // A fault may have ended or frozen the connection.
        guard !connection.isClosing, !connection.socketTap.isFrozen else { return }
        connection.plainTap.send(ByteBuffer(string: UpgradeRequest.answer(key: request.acceptKey)))
        do {
            try install(self)
            connection.open(request)
        } catch {
            context.close(promise: nil)
        }
    }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let server = connection.server
        let userAgent = head.headers.first(name: "User-Agent")
        let request = RESTRequest(
            method: head.method.rawValue, uri: head.uri, authorization: head.headers.first(name: "Authorization"),
            userAgent: userAgent
        )
        let faults = HTTPRoutes.isGatewayRoute(request.path) ? server.due(.rest, connection) : []
        for fault in faults {
            if case .answerREST = fault {
                server.note(.fault(fault.name), connection: connection)
            } else {
                connection.apply(fault)
            }
        }
        if faults.contains(where: \.replacesAnswer) { return }
        let stands = faults.compactMap { if case .answerREST(let answer) = $0 { answer } else { nil } }.first
        let answer =
            stands
            ?? HTTPRoutes.answer(
                request, gatewayURL: server.gatewayURL, state: &server.state, now: server.now
            )
        server.note(
            .rest(method: request.method, path: request.path, status: answer.status, userAgent: userAgent),
            connection: connection
        )
        Self.write(answer, keepAlive: head.isKeepAlive, version: head.version, context)
    }

    static func write(_ answer: HTTPAnswer, keepAlive: Bool, version: HTTPVersion, _ context: ChannelHandlerContext) {
        var headers = HTTPHeaders(answer.headers.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
        if !headers.contains(name: "Content-Type") { headers.add(name: "Content-Type", value: "text/plain") }
        headers.replaceOrAdd(name: "Content-Length", value: String(answer.body.utf8.count))
        if !keepAlive { headers.replaceOrAdd(name: "Connection", value: "close") }
        let head = HTTPResponseHead(
            version: version, status: HTTPResponseStatus(statusCode: answer.status), headers: headers
        )
        context.write(NIOAny(HTTPServerResponsePart.head(head)), promise: nil)
        let body = ByteBuffer(string: answer.body)
        context.write(NIOAny(HTTPServerResponsePart.body(.byteBuffer(body))), promise: nil)
        context.writeAndFlush(NIOAny(HTTPServerResponsePart.end(nil)), promise: nil)
        if !keepAlive { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if connection.isHandshaking { connection.server.note(.handshakeFailed("\(error)"), connection: connection) }
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        connection.sawHandshake(event)
        context.fireUserInboundEventTriggered(event)
    }
}
