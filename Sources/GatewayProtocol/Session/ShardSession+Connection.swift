/// Making a connection, and what it says of itself.
extension ShardSession {
    /// How many attempts at the resume host may fail before the main URL is used (`gateway.md` §8: 2 or 3).
    private static let resumeHostAttempts = 2

    /// The attempt that was asked for begins: its time counts from here, not from when it had to wait for its turn.
    package mutating func connectBegan(now: UInt64) {
        guard case .connecting(let target, _) = phase else { return }
        phase = .connecting(target, deadline: now + settings.connectTimeout)
    }

    /// The websocket is open.
    package mutating func connected(now: UInt64, _ actions: inout [SessionAction]) {
        guard case .connecting = phase else { return }
        listening = true
        silenceExcused = readPaused
        enter(.awaitingHello(deadline: now + settings.helloTimeout), &actions)
    }

    /// The attempt came to nothing. `retryAfter`: the server asked to wait so many nanoseconds.
    package mutating func connectFailed(
        _ error: GatewayError, retryAfter: UInt64 = 0, now: UInt64, _ actions: inout [SessionAction]
    ) {
        guard case .connecting(let target, _) = phase else { return }
        if case .resumeHost = target { resumeHostFailures += 1 }
        actions.append(.report(.error(error)))
        backOff(atLeast: retryAfter, now: now, &actions)
    }

    /// Bytes were read from the connection.
    package mutating func noteRead() { heartbeat?.noteRead() }

    /// This side stops or goes on reading (back-pressure). A pause outlives the connection.
    package mutating func setReadPaused(_ paused: Bool) {
        readPaused = paused
        if paused {
            silenceExcused = true
            heartbeat?.noteReadPause()
        }
    }

    /// The connection ended: the peer's close frame came (its code; 1005 when it had none) or it is gone (1006).
    package mutating func disconnected(
        code: UInt16, reason: String, now: UInt64, _ actions: inout [SessionAction]
    ) {
        switch phase {
        case .idle, .backoff, .stopped, .fatal: return
        case .connecting:
            connectFailed(
                GatewayError(.network, "the connection ended during the handshake: \(reason)"), now: now, &actions)
        case .closing(let closing): closed(closing, code: code, reason: reason, now: now, &actions)
        case .awaitingHello, .awaitingIdentify, .identifying, .resuming, .active:
            lost(code: code, reason: reason, now: now, &actions)
        }
    }

    /// The peer broke the protocol (websocket, compression or JSON): the connection is given up, the session kept.
    package mutating func protocolFailed(
        _ error: GatewayError, closeCode: UInt16, now: UInt64, _ actions: inout [SessionAction]
    ) {
        switch phase {
        case .idle, .backoff, .stopped, .fatal: return
        case .connecting:
            actions.append(.drop(code: closeCode))
            connectFailed(error, now: now, &actions)
        case .awaitingHello, .awaitingIdentify, .identifying, .resuming, .active, .closing:
            actions.append(.report(.error(error)))
            actions.append(.drop(code: closeCode))
            disconnected(code: 1006, reason: error.message, now: now, &actions)
        }
    }

    mutating func connect(now: UInt64, _ actions: inout [SessionAction]) {
        let target = resumeHost.map { ConnectTarget.resumeHost($0) } ?? .main
        sends.reset()
        enter(.connecting(target, deadline: .max), &actions)
        actions.append(.connect(target))
    }

    /// Where to resume, as long as it is worth trying; nil for the main URL.
    var resumeHost: String? {
        guard let resumable, !resumable.url.isEmpty, resumeHostFailures < Self.resumeHostAttempts else { return nil }
        return resumable.url
    }
}
