import NIOCore
import NIOHTTP1

/// Answers HTTP requests that do not become websockets.
final class RESTHandler: ChannelInboundHandler, RemovableChannelHandler, @unchecked Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let connection: GatewayConnection
    private var head: HTTPRequestHead?

    init(connection: GatewayConnection) { self.connection = connection }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard let head else { return }
            self.head = nil
            answer(head, context)
        }
    }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let server = connection.server
        let userAgent = head.headers.first(name: "User-Agent")
        let request = RESTRequest(
            method: head.method.rawValue, uri: head.uri, authorization: head.headers.first(name: "Authorization"),
            userAgent: userAgent
        )
        let answer: HTTPAnswer
        if let refused = connection.upgradeAnswer {
            connection.upgradeAnswer = nil
            answer = refused
            server.note(.upgradeRefused(status: refused.status), connection: connection)
        } else {
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
            answer =
                stands
                ?? HTTPRoutes.answer(
                    request, gatewayURL: server.gatewayURL, state: &server.state, now: server.now
                )
            server.note(
                .rest(method: request.method, path: request.path, status: answer.status, userAgent: userAgent),
                connection: connection
            )
        }
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
