import NIOCore
import NIOHTTP1
import NIOTLS

extension GatewayConnection {
    /// Faults of the moment of acceptance, once the connection is set up.
    func startFaults() {
        for fault in acceptFaults {
            if case .acceptThenHang = fault {
                server.note(.fault(fault.name), connection: self)
                freeze()
            } else {
                apply(fault)
            }
        }
        acceptFaults = []
    }

    /// False leaves the request to REST, which then gives `upgradeAnswer`.
    func mayUpgrade(_ head: HTTPRequestHead) -> Bool {
        for fault in server.due(.upgrade, self) {
            switch fault {
            case .answerUpgrade(let answer):
                server.note(.fault(fault.name), connection: self)
                upgradeAnswer = answer
                return false
            case .wrongAcceptKey:
                server.note(.fault(fault.name), connection: self)
                let lines = [
                    "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
                    "Sec-WebSocket-Accept: bm90IHdoYXQgeW91IHdhbnRlZA==", "", "",
                ]
                plainTap.send(ByteBuffer(string: lines.joined(separator: "\r\n")))
                // The upgrader's own answer must not follow.
                freeze()
            case .silence:
                server.note(.fault(fault.name), connection: self)
                freeze()
            default: apply(fault)
            }
        }
        return true
    }

    func sawHandshake(_ event: Any) {
        if let event = event as? TLSUserEvent, case .handshakeCompleted = event { isHandshaking = false }
    }
}
