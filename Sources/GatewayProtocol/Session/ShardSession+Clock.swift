/// What is due, and when.
extension ShardSession {
    /// When `tick` must be called at the latest; nil when nothing is due.
    package func nextDeadline(now: UInt64) -> UInt64? {
        var deadline: UInt64?
        switch phase {
        case .idle, .stopped, .fatal: return nil
        case .backoff(let until): return until
        case .connecting(_, let at): return at == .max ? nil : at
        case .closing(let closing): return closing.deadline
        case .awaitingHello(let at), .resuming(let at): deadline = at
        case .awaitingIdentify, .identifying: break
        case .active:
            if !commands.isEmpty {
                var sends = sends
                deadline = sends.nextPermit(now: now) ?? now
            }
        }
        if let beat = heartbeat?.nextBeat { deadline = min(deadline ?? beat, beat) }
        return deadline
    }

    /// A deadline may have come.
    package mutating func tick(now: UInt64, _ actions: inout [SessionAction]) {
        switch phase {
        case .idle, .stopped, .fatal: return
        case .backoff(let until):
            if now >= until { connect(now: now, &actions) }
            return
        case .connecting(_, let deadline):
            guard now >= deadline else { return }
            actions.append(.drop(code: 4000))
            connectFailed(
                GatewayError(
                    .timeout,
                    "connecting took longer than the connect timeout of \(settings.connectTimeout / 1_000_000) ms"),
                now: now, &actions)
            return
        case .closing(let closing):
            guard now >= closing.deadline else { return }
            actions.append(.drop(code: 4000))
            disconnected(code: 1006, reason: "the close frame was not answered", now: now, &actions)
            return
        case .awaitingHello(let deadline) where now >= deadline && excusesSilence():
            phase = .awaitingHello(deadline: now + settings.helloTimeout)
        case .resuming(let deadline) where now >= deadline && excusesSilence():
            phase = .resuming(deadline: now + settings.resumeTimeout)
        case .awaitingHello(let deadline) where now >= deadline:
            giveUp(reason: "no HELLO within \(settings.helloTimeout / 1_000_000) ms", now: now, &actions)
            return
        case .resuming(let deadline) where now >= deadline:
            // At the main URL too: the session is not to be had any more (gateway.md §20: then identify).
            if resumeHost == nil { dropSession() }
            giveUp(
                reason: "no event within \(settings.resumeTimeout / 1_000_000) ms of RESUME", now: now, &actions)
            return
        case .awaitingHello, .awaitingIdentify, .identifying, .resuming, .active: break
        }
        switch heartbeat?.due(now: now, policy: settings.zombiePolicy, readPaused: readPaused) {
        case .beat: beat(scheduled: true, now: now, &actions)
        case .zombie:
            counters.zombies += 1
            giveUp(reason: "the heartbeat was not acknowledged", now: now, &actions)
            return
        case .notDue, nil: break
        }
        sendCommands(now: now, &actions)
    }

    /// Whether a server that was not heard for a whole timeout may have spoken all the same.
    mutating func excusesSilence() -> Bool {
        let excused = readPaused || silenceExcused
        silenceExcused = readPaused
        return excused
    }
}
