/// How connections end, and what follows (`gateway.md` §§10, 20).
extension ShardSession {
    mutating func close(
        code: UInt16, reason: String, then sequel: Phase.Sequel, now: UInt64, _ actions: inout [SessionAction]
    ) {
        if case .active(let since) = phase, now - since >= settings.backoff.first { failures = 0 }
        if phase == .awaitingIdentify { actions.append(.cancelIdentify) }
        heartbeat = nil
        enter(
            .closing(
                deadline: now + settings.closeTimeout, sent: code, reason: reason, then: sequel), &actions)
        actions.append(.close(code: code, reason: reason))
    }

    /// Gives up a connection that is open but dead: no close handshake.
    mutating func giveUp(reason: String, now: UInt64, _ actions: inout [SessionAction]) {
        actions.append(.drop(code: 4000))
        lost(code: 1006, reason: reason, now: now, &actions)
    }

    /// An open connection is gone; what follows depends on the code.
    mutating func lost(code: UInt16, reason: String, now: UInt64, _ actions: inout [SessionAction]) {
        switch CloseCode.reaction(to: code) {
        case .stop:
            leaveConnection(&actions)
            end(code: code, reason: reason, &actions)
        case let reaction:
            if reaction == .identify { dropSession() }
            // A connection counts as good once it has been live for as long as the first backoff: a server that lets
            // in and drops at once must not be met without pause. Codes that point to a mistake of ours never count.
            switch phase {
            case .active(let since) where now - since >= settings.backoff.first && !Self.isOwnMistake(code):
                failures = 0
            default: noteAttemptFailed()
            }
            leaveConnection(&actions)
            actions.append(.report(.closed(code: code, reason: reason, next: .backoff)))
            backOff(atLeast: 0, now: now, &actions)
        }
    }

    mutating func end(code: UInt16, reason: String, _ actions: inout [SessionAction]) {
        dropSession()
        actions.append(.report(.closed(code: code, reason: reason, next: .fatal)))
        let name = CloseCode(rawValue: code)?.name ?? "unknown code"
        let status: Status = code == CloseCode.authenticationFailed.rawValue ? .unauthorized : .gatewayClosed
        enterFatal(GatewayError(status, "the gateway closed with \(code) (\(name)): \(reason)"), &actions)
    }

    /// The connection ends before the session is live: counts against the resume host.
    mutating func noteAttemptFailed() {
        switch phase {
        case .awaitingHello, .resuming: if resumable != nil { resumeHostFailures += 1 }
        default: break
        }
    }

    /// Codes that say the client did something wrong (`gateway.md` §10): reconnecting at once could loop for ever.
    static func isOwnMistake(_ code: UInt16) -> Bool {
        switch CloseCode(rawValue: code) {
        case .unknownOpcode, .decodeError, .alreadyAuthenticated, .rateLimited: true
        default: false
        }
    }

    /// What ends with every connection.
    mutating func leaveConnection(_ actions: inout [SessionAction]) {
        if phase == .awaitingIdentify { actions.append(.cancelIdentify) }
        heartbeat = nil
        listening = false
    }

    mutating func dropSession() {
        listening = false
        resumable = nil
        sequence = 0
        resumeHostFailures = 0
    }

    mutating func backOff(atLeast minimum: UInt64, now: UInt64, _ actions: inout [SessionAction]) {
        let delay = max(settings.backoff.delay(attempt: failures, using: &random), minimum)
        failures += 1
        counters.reconnects += 1
        let (until, overflow) = now.addingReportingOverflow(delay)
        phase = .backoff(until: overflow ? .max : until)
        actions.append(.report(.state(.backoff, code: UInt32(clamping: failures), delay: delay)))
    }

    mutating func enterFatal(_ error: GatewayError, _ actions: inout [SessionAction]) {
        phase = .fatal
        actions.append(.report(.error(error)))
        reportState(&actions)
    }
}
