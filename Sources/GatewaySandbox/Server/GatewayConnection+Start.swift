import NIOCore
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

    /// Faults of the moment of the upgrade; the answer instead of 101, if there is one.
    func refusesUpgrade() -> HTTPAnswer? {
        for fault in server.due(.upgrade, self) {
            switch fault {
            case .answerUpgrade(let answer):
                server.note(.fault(fault.name), connection: self)
                return answer
            case .wrongAcceptKey:
                server.note(.fault(fault.name), connection: self)
                plainTap.send(ByteBuffer(string: UpgradeRequest.answer(key: UpgradeRequest.accept("another key"))))
                freeze()
            case .silence:
                server.note(.fault(fault.name), connection: self)
                freeze()
            default: apply(fault)
            }
        }
        return nil
    }

    func sawHandshake(_ event: Any) {
        if let event = event as? TLSUserEvent, case .handshakeCompleted = event { isHandshaking = false }
    }
}
