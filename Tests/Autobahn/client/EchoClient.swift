import GatewayProtocol
import GatewayTransport

/// One connection that sends every message back as it came.
final class EchoClient: WebSocketOwner, @unchecked Sendable {
    private let loop: EventLoop
    private let resolver: Resolver
    private var socket: WebSocketConnection?
    private var texts: [String] = []
    private let done = Monitor<Bool>(false)

    init(loop: EventLoop, resolver: Resolver) {
        self.loop = loop
        self.resolver = resolver
    }

    func run(_ suite: SuiteAddress, target: String) throws -> [String] {
        loop.post { [self] in
            do throws(GatewayError) {
                let socket = try WebSocketConnection(
                    loop: loop, endpoint: Endpoint(host: suite.host, port: suite.port, tls: nil), target: target,
                    userAgent: "swiftgateway", maxMessageSize: 64 << 20, textCheck: .byDecoder,
                    outgoingLimit: 64 << 20, owner: self)
                self.socket = socket
                socket.open(resolver: resolver)
            } catch {
                finish()
            }
        }
        _ = done.wait(until: nil) { $0 ? true : nil }
        return texts
    }

    private func finish() { done.update { $0 = true } }

    func webSocketOpened() {}

    func webSocketFailedToOpen(_ error: GatewayError, retryAfter: UInt64) {
        print(error)
        finish()
    }

    func webSocketRead(_ count: Int, at time: UInt64) {}

    func webSocketMessage(_ kind: MessageKind, _ payload: UnsafeRawBufferPointer) -> Bool {
        if kind == .text {
            if payload.count < 64 { texts.append(String(decoding: payload, as: UTF8.self)) }
            socket?.sendText(Array(payload))
        } else {
            socket?.sendBinary(Array(payload))
        }
        return true
    }

    func webSocketBroken(_ error: WebSocketError) {
        socket?.drop(code: error.closeCode)
        socket = nil
        finish()
    }

    func webSocketClosed(code: UInt16, reason: String) {
        socket = nil
        finish()
    }

    var mayReceive: Bool { true }
}
