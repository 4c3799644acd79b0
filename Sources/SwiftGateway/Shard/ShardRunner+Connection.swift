import GatewayProtocol
import GatewayTransport

/// The connection: when it is made and with what, and what it tells.
extension ShardRunner: WebSocketOwner {
    // MARK: Connecting

    func connect(_ target: ConnectTarget) {
        leaveSocket(code: 4000)
        setInflater(nil)
        if context.beginHandshake(self) {
            open(target)
        } else {
            handshake = .waiting(target)
        }
    }

    /// The turn of this shard to connect. Returns whether it took it.
    func connectNow() -> Bool {
        guard case .waiting(let target) = handshake else { return false }
        open(target)
        perform()
        return true
    }

    func open(_ target: ConnectTarget) {
        handshake = .running(target)
        session.connectBegan(now: loop.now)
        cell.snapshot.withLock { $0.connects += 1 }
        do throws(GatewayError) {
            let url = try engine.url(for: target)
            connectHost = url.host
            setInflater(try engine.makeInflater())
            let socket = try WebSocketConnection(
                loop: loop, endpoint: engine.endpoint(of: url), target: engine.connectionTarget(of: url),
                userAgent: engine.userAgent,
                maxMessageSize: engine.configuration.maxMessageSize, textCheck: .byOwner, owner: self)
            self.socket = socket
            socket.open(resolver: engine.resolver)
        } catch {
            endHandshake()
            session.connectFailed(error, now: loop.now, &actions)
        }
    }

    func setInflater(_ new: Inflater?) {
        let old = inflater
        inflater = new.map { .passRetained($0) }
        old?.release()
    }

    func endHandshake() {
        switch handshake {
        case .none: return
        case .waiting: context.cancelHandshake(self)
        case .running: context.endHandshake()
        }
        handshake = .none
    }

    /// The URL of the gateway may be another one by now.
    func noteFailedToConnect() {
        if case .running(.main) = handshake { engine.gateway.failed(now: loop.now) }
    }

    func leaveSocket(code: UInt16) {
        endHandshake()
        socket?.drop(code: code)
        socket = nil
    }

    // MARK: From the websocket

    func webSocketOpened() {
        engine.log.write(.debug, shard: cell.id) { [connectHost] in "connected to \(connectHost)" }
        endHandshake()
        session.connected(now: loop.now, &actions)
        perform()
    }

    func webSocketFailedToOpen(_ error: GatewayError, retryAfter: UInt64) {
        noteFailedToConnect()
        endHandshake()
        socket = nil
        session.connectFailed(error, retryAfter: retryAfter, now: loop.now, &actions)
        perform()
    }

    func webSocketRead(_ count: Int, at time: UInt64) {
        lastRead = time
        cell.bytesWire.addByOnlyWriter(UInt64(count))
        session.noteRead()
    }

    func webSocketBroken(_ error: WebSocketError) {
        session.protocolFailed(
            GatewayError(.protocolViolation, "the gateway broke the websocket protocol: \(error.reason)"),
            closeCode: error.closeCode, now: loop.now, &actions)
        perform()
    }

    func webSocketClosed(code: UInt16, reason: String) {
        socket = nil
        session.disconnected(code: code, reason: reason, now: loop.now, &actions)
        perform()
    }

    func webSocketMessage(_ kind: MessageKind, _ payload: UnsafeRawBufferPointer) -> Bool {
        if case .binary = kind, let inflater {
            receive(payload, inflating: inflater)
        } else if case .uncheckedText = kind {
            receive(payload, isChecked: false)
        } else {
            receive(payload, isChecked: true)
        }
        return hasRoom
    }
}
