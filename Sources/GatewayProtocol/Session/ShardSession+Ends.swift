/// How connections end, and what follows (`gateway.md` §§10, 20).
extension ShardSession {
    mutating func close(
        code: UInt16, reason: String, then sequel: Phase.Sequel, now: UInt64, _ actions: inout [SessionAction]
    ) {
        let closing = Phase.Closing(
            deadline: now + settings.closeTimeout, sent: code, reason: reason, sequel: sequel, wasGood: isGood(now: now)
        )
        if phase == .awaitingIdentify { actions.append(.cancelIdentify) }
        heartbeat = nil
        enter(.closing(closing), &actions)
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
            if isGood(now: now), !Self.isOwnMistake(code) { failures = 0 } else { noteAttemptFailed() }
            leaveConnection(&actions)
            actions.append(.report(.closed(code: code, reason: reason, next: .backoff)))
            backOff(atLeast: 0, now: now, &actions)
        }
    }

    /// A connection that ends after a close which this side began.
    mutating func closed(
        _ closing: Phase.Closing, code: UInt16, reason: String, now: UInt64, _ actions: inout [SessionAction]
    ) {
        leaveConnection(&actions)
        // The peer answers with the code it was sent; another code is its own judgement and counts as such.
        let reaction = code == closing.sent || code == 1006 || code == 1005 ? nil : CloseCode.reaction(to: code)
        let told = reaction == nil ? (closing.sent, closing.reason) : (code, reason)
        if reaction == .identify { dropSession() }
        switch closing.sequel {
        case .stop:
            actions.append(.report(.closed(code: told.0, reason: told.1, next: .stopped)))
            enter(.stopped, &actions)
        case .reconnect where reaction == .stop:
            end(code: code, reason: reason, &actions)
        case .reconnect(let notBefore):
            if closing.wasGood, !Self.isOwnMistake(code) { failures = 0 }
            actions.append(.report(.closed(code: told.0, reason: told.1, next: .backoff)))
            backOff(atLeast: notBefore > now ? notBefore - now : 0, now: now, &actions)
        }
    }

    /// A connection counts as good once it has been live for as long as the first backoff: a server that lets in and
    /// drops at once must not be met without pause.
    private func isGood(now: UInt64) -> Bool {
        if case .active(let since) = phase { now - since >= settings.backoff.first } else { false }
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

    /// Codes that say the client did something wrong (`gateway.md` §10): reconnecting at once could loop for ever, so a
    /// connection that ends with one does not start the backoff over, however good it was.
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
