/// What its owner asks of a session (`gateway.md` §11).
extension ShardSession {
    /// Begins. Ignored unless idle or stopped.
    package mutating func start(now: UInt64, _ actions: inout [SessionAction]) {
        guard phase == .idle || phase == .stopped || phase == .fatal else { return }
        failures = 0
        resumeHostFailures = 0
        connect(now: now, &actions)
    }

    /// Ends. With `resumable` the gateway keeps the session for a few minutes (close 4000), otherwise it is over (1000).
    /// A session without a connection to say so on, or whose connection is closing with another code already, is
    /// forgotten here all the same; the gateway only finds out when it times the session out.
    package mutating func shutdown(resumable keep: Bool, now: UInt64, _ actions: inout [SessionAction]) {
        let code: UInt16 = keep ? 4000 : 1000
        switch phase {
        case .stopped, .fatal: break
        case .idle, .backoff, .connecting: stop(dropping: phase != .idle, &actions)
        case .closing(var closing):
            closing.sequel = .stop
            phase = .closing(closing)
        case .awaitingHello, .awaitingIdentify, .identifying, .resuming, .active:
            close(code: code, reason: "shutdown", then: .stop, now: now, &actions)
        }
        listening = false
        if !keep { dropSession() }
    }

    /// Disconnects and connects again at once, with the session kept or dropped.
    package mutating func restart(resuming keep: Bool, now: UInt64, _ actions: inout [SessionAction]) {
        if !keep { dropSession() }
        failures = 0
        switch phase {
        case .closing(var closing):
            closing.sequel = .reconnect(notBefore: now)
            phase = .closing(closing)
        case .idle, .stopped, .fatal, .backoff: connect(now: now, &actions)
        case .connecting:
            actions.append(.drop(code: 4000))
            connect(now: now, &actions)
        case .awaitingHello, .awaitingIdentify, .identifying, .resuming, .active:
            close(
                code: keep ? 4000 : 1000, reason: "restart", then: .reconnect(notBefore: now), now: now, &actions)
        }
    }

    /// Ends for good because of an error found outside the session.
    package mutating func fail(_ error: GatewayError, now: UInt64, _ actions: inout [SessionAction]) {
        guard phase != .stopped, phase != .fatal else { return }
        leaveConnection(&actions)
        if phase != .idle { actions.append(.drop(code: 4000)) }
        enterFatal(error, &actions)
    }

    mutating func stop(dropping: Bool, _ actions: inout [SessionAction]) {
        if dropping { actions.append(.drop(code: 4000)) }
        leaveConnection(&actions)
        enter(.stopped, &actions)
    }
}
