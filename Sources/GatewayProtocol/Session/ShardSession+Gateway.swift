/// What the gateway says (`gateway.md` §§5–9).
extension ShardSession {
    /// HELLO intervals outside this range are a protocol error: 0 would beat without pause, a day is no heartbeat.
    private static let heartbeatIntervals: ClosedRange<UInt64> = 1...86_400_000

    /// A dispatch other than READY came in. Returns whether it is to be delivered: not when it was delivered before, nor
    /// while shutting down.
    package mutating func dispatch(
        sequence number: UInt64, type: EventType?, now: UInt64, _ actions: inout [SessionAction]
    ) -> Bool {
        guard listening else { return false }
        if number != 0 {
            // RESUMED ends a replay whatever its number, but only once.
            if number <= sequence, !(type == .resumed && isResuming) {
                counters.duplicates += 1
                return false
            }
            if number > sequence { sequence = number }
        }
        if case .resuming = phase {
            if type == .resumed {
                counters.resumes += 1
                becomeActive(now: now, &actions)
            } else {
                phase = .resuming(deadline: now + settings.resumeTimeout)
            }
        }
        return true
    }

    /// READY came in: a session began (`gateway.md` §7). Returns whether it is to be delivered: not while shutting down,
    /// nor when it is the running session's once more. That one must not set the sequence back either: what came since
    /// would be replayed.
    package mutating func ready(
        sequence number: UInt64, sessionID: String, resumeURL: String, now: UInt64, _ actions: inout [SessionAction]
    ) -> Bool {
        guard listening else { return false }
        guard resumable?.id != sessionID else {
            counters.duplicates += 1
            return false
        }
        sequence = number
        resumable = (sessionID, resumeURL)
        switch phase {
        case .identifying, .resuming: becomeActive(now: now, &actions)
        default: break
        }
        return true
    }

    /// Any payload that is not a dispatch. `flag` is the body of op 9, `interval` op 10's in milliseconds.
    package mutating func control(_ control: ControlPayload, now: UInt64, _ actions: inout [SessionAction]) {
        guard listening else { return }
        if case .closing = phase { return }
        switch control {
        case .heartbeatRequest:
            beat(scheduled: false, now: now, &actions)
        case .heartbeatAck:
            counters.heartbeatsAcknowledged += 1
            if let roundTrip = heartbeat?.acknowledged(now: now) {
                latency.record(roundTrip)
                actions.append(.report(.latency(roundTrip)))
            }
        case .hello(let milliseconds):
            hello(milliseconds: milliseconds, now: now, &actions)
        case .reconnect:
            noteAttemptFailed()
            close(
                code: 4000, reason: "the gateway asked to reconnect", then: .reconnect(notBefore: now), now: now,
                &actions)
        case .invalidSession(let mayResume):
            counters.invalidSessions += 1
            if mayResume, resumable != nil {
                noteAttemptFailed()
                close(
                    code: 4000, reason: "invalid session, may be resumed", then: .reconnect(notBefore: now), now: now,
                    &actions)
            } else {
                dropSession()
                let wait = UInt64.random(in: settings.invalidSessionWait, using: &random)
                close(
                    code: 1000, reason: "invalid session", then: .reconnect(notBefore: now + wait), now: now, &actions)
            }
        }
    }

    mutating func hello(milliseconds: UInt64, now: UInt64, _ actions: inout [SessionAction]) {
        guard case .awaitingHello = phase else { return }
        guard Self.heartbeatIntervals.contains(milliseconds) else {
            protocolFailed(
                GatewayError(.protocolViolation, "HELLO named a heartbeat interval of \(milliseconds) ms"),
                closeCode: 4000, now: now, &actions)
            return
        }
        let schedule = HeartbeatSchedule(interval: milliseconds * 1_000_000, now: now, random: &random)
        heartbeat = schedule
        sends.setHeartbeatInterval(schedule.interval)
        if let resumable {
            enter(.resuming(deadline: now + settings.resumeTimeout), &actions)
            sends.record(heartbeat: false, now: now)
            actions.append(.send(.resume(sessionID: resumable.id, sequence: sequence)))
        } else {
            enter(.awaitingIdentify, &actions)
            actions.append(.requestIdentify)
        }
    }

    mutating func becomeActive(now: UInt64, _ actions: inout [SessionAction]) {
        resumeHostFailures = 0
        enter(.active(since: now), &actions)
        sendCommands(now: now, &actions)
    }

    var isResuming: Bool {
        if case .resuming = phase { true } else { false }
    }
}
