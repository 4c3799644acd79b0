/// One gateway session as a state machine: inputs come with the time, decisions go out as actions.
///
/// It opens no socket, reads no clock and draws no randomness of its own, so every rule of the protocol can be tested
/// with virtual time. The driver calls one input at a time, carries out the actions in order, and calls `tick` when
/// `nextDeadline` has come.
package struct ShardSession: Sendable {
    private enum Phase: Equatable {
        case idle
        case backoff(until: UInt64)
        case connecting(ConnectTarget, deadline: UInt64)
        case awaitingHello(deadline: UInt64)
        case awaitingIdentify
        case identifying
        case resuming(deadline: UInt64)
        case active(since: UInt64)
        case closing(deadline: UInt64, sent: UInt16, reason: String, then: Sequel)
        case stopped
        case fatal

        /// What follows a close that this side began.
        enum Sequel: Equatable {
            case reconnect(notBefore: UInt64)
            case stop
        }
    }

    /// How many attempts at the resume host may fail before the main URL is used (issue: two; `gateway.md` §8: 2 or 3).
    private static let resumeHostAttempts = 2
    /// HELLO intervals outside this range are a protocol error: 0 would beat without pause, a day is no heartbeat.
    private static let heartbeatIntervals: ClosedRange<UInt64> = 1...86_400_000

    package let settings: SessionSettings
    private var phase = Phase.idle
    private var random: SessionRandom
    private var heartbeat: HeartbeatSchedule?
    package private(set) var sends: SendWindow
    private var commands = CommandQueue()
    /// Attempts that did not come to last; decides the next backoff.
    private var failures = 0
    private var resumeHostFailures = 0
    private var readPaused = false
    /// This side did not read for some of the time that HELLO or a replay was waited for.
    private var silenceExcused = false
    /// Whether what the connection brings counts: from its opening until it is gone, its session is dropped or its
    /// owner shuts down. Events that come later are not counted either, so that a later RESUME brings them again.
    private var listening = false
    /// What can be resumed; its sequence is `sequence`.
    private var resumable: (id: String, url: String)?
    /// The newest sequence received in this session; 0 before the first.
    package private(set) var sequence: UInt64 = 0
    package private(set) var counters = SessionCounters()
    package private(set) var latency = LatencyWindow()

    package init(settings: SessionSettings, random: SessionRandom, resuming session: ResumableSession? = nil) {
        self.settings = settings
        self.random = random
        sends = SendWindow(limit: settings.sendLimit, window: settings.sendWindow)
        if let session {
            resumable = (session.id, session.resumeURL)
            sequence = session.sequence
        }
    }

    // MARK: What it is

    package var state: ShardState {
        switch phase {
        case .idle: .idle
        case .backoff: .backoff
        case .connecting: .connecting
        case .awaitingHello: .awaitingHello
        case .awaitingIdentify: .awaitingIdentify
        case .identifying: .identifying
        case .resuming: .resuming
        case .active: .active
        case .closing: .closing
        case .stopped: .stopped
        case .fatal: .fatal
        }
    }

    /// What a later RESUME needs, or nil when there is no session.
    package var resumableSession: ResumableSession? {
        resumable.map { ResumableSession(id: $0.id, resumeURL: $0.url, sequence: sequence) }
    }

    private var isResuming: Bool {
        if case .resuming = phase { true } else { false }
    }

    package var queuedCommands: Int { commands.count }

    /// The heartbeat interval in milliseconds; 0 when not connected.
    package var heartbeatInterval: UInt32 { UInt32(clamping: (heartbeat?.interval ?? 0) / 1_000_000) }

    /// When `tick` must be called at the latest; nil when nothing is due.
    package func nextDeadline(now: UInt64) -> UInt64? {
        var deadline: UInt64?
        switch phase {
        case .idle, .stopped, .fatal: return nil
        case .backoff(let until): return until
        case .connecting(_, let at): return at == .max ? nil : at
        case .closing(let at, _, _, _): return at
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

    // MARK: The owner's inputs

    /// Begins. Ignored unless idle or stopped.
    package mutating func start(now: UInt64, _ actions: inout [SessionAction]) {
        guard phase == .idle || phase == .stopped || phase == .fatal else { return }
        failures = 0
        resumeHostFailures = 0
        connect(now: now, &actions)
    }

    /// Ends. With `resumable` the gateway keeps the session for a few minutes (close 4000), otherwise it is over (1000).
    package mutating func shutdown(resumable keep: Bool, now: UInt64, _ actions: inout [SessionAction]) {
        let code: UInt16 = keep ? 4000 : 1000
        switch phase {
        case .stopped, .fatal: return
        case .idle, .backoff, .connecting: stop(dropping: phase != .idle, &actions)
        case .closing(let deadline, let sent, let reason, _):
            phase = .closing(deadline: deadline, sent: sent, reason: reason, then: .stop)
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
        case .closing(let deadline, let sent, let reason, _):
            phase = .closing(deadline: deadline, sent: sent, reason: reason, then: .reconnect(notBefore: now))
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

    /// Queues a command payload; it is sent once the session is live and the send window lets it through. Commands
    /// survive reconnects. Throws `payloadTooLarge`, `queueFull` or `invalidState`.
    package mutating func enqueue(
        _ payload: [UInt8], now: UInt64, _ actions: inout [SessionAction]
    ) throws(GatewayError) {
        guard payload.count <= CommandQueue.payloadLimit else {
            throw GatewayError(
                .payloadTooLarge,
                "the command has \(payload.count) bytes; the gateway takes \(CommandQueue.payloadLimit) at most")
        }
        if phase == .stopped || phase == .fatal {
            throw GatewayError(.invalidState, "the shard has stopped and sends nothing any more")
        }
        guard commands.count < settings.commandLimit else {
            throw GatewayError(.queueFull, "\(settings.commandLimit) commands are waiting to be sent already")
        }
        commands.append(payload)
        sendCommands(now: now, &actions)
    }

    // MARK: The transport's inputs

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
        case .closing(_, let sent, let sentReason, let sequel):
            leaveConnection(&actions)
            // The peer answers with the code it was sent; another code is its own judgement and counts as such.
            let reaction = code == sent || code == 1006 || code == 1005 ? nil : CloseCode.reaction(to: code)
            let told = reaction == nil ? (sent, sentReason) : (code, reason)
            if reaction == .identify { dropSession() }
            switch sequel {
            case .stop:
                actions.append(.report(.closed(code: told.0, reason: told.1, next: .stopped)))
                enter(.stopped, &actions)
            case .reconnect where reaction == .stop:
                end(code: code, reason: reason, &actions)
            case .reconnect(let notBefore):
                actions.append(.report(.closed(code: told.0, reason: told.1, next: .backoff)))
                backOff(atLeast: notBefore > now ? notBefore - now : 0, now: now, &actions)
            }
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
        default:
            actions.append(.report(.error(error)))
            actions.append(.drop(code: closeCode))
            disconnected(code: 1006, reason: error.message, now: now, &actions)
        }
    }

    /// The identify queue lets this shard through. Returns whether the permit was used.
    package mutating func identifyGranted(now: UInt64, _ actions: inout [SessionAction]) -> Bool {
        guard phase == .awaitingIdentify else { return false }
        counters.identifies += 1
        sequence = 0
        enter(.identifying, &actions)
        sends.record(heartbeat: false, now: now)
        actions.append(.send(.identify))
        return true
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
        case .closing(let deadline, _, _, _):
            guard now >= deadline else { return }
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

    // MARK: The gateway's inputs

    /// A dispatch came in. Returns whether it is to be delivered: not when it was delivered before, nor while shutting
    /// down. READY must be followed by `ready`.
    package mutating func dispatch(
        sequence number: UInt64, type: EventType?, now: UInt64, _ actions: inout [SessionAction]
    ) -> Bool {
        guard listening else { return false }
        if type == .ready {
            sequence = number
            return true
        }
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

    /// READY came in, and `dispatch` took it: a session began (`gateway.md` §7).
    package mutating func ready(
        sessionID: String, resumeURL: String, now: UInt64, _ actions: inout [SessionAction]
    ) {
        resumable = (sessionID, resumeURL)
        switch phase {
        case .identifying, .resuming: becomeActive(now: now, &actions)
        default: break
        }
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

    // MARK: Steps

    private mutating func hello(milliseconds: UInt64, now: UInt64, _ actions: inout [SessionAction]) {
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

    private mutating func becomeActive(now: UInt64, _ actions: inout [SessionAction]) {
        resumeHostFailures = 0
        enter(.active(since: now), &actions)
        sendCommands(now: now, &actions)
    }

    private mutating func beat(scheduled: Bool, now: UInt64, _ actions: inout [SessionAction]) {
        switch phase {
        case .awaitingHello, .awaitingIdentify, .identifying, .resuming, .active: break
        default: return
        }
        counters.heartbeatsSent += 1
        heartbeat?.sent(now: now, scheduled: scheduled)
        sends.record(heartbeat: true, now: now)
        actions.append(.send(.heartbeat(sequence: sequence == 0 ? nil : sequence)))
    }

    private mutating func sendCommands(now: UInt64, _ actions: inout [SessionAction]) {
        guard case .active = phase else { return }
        while !commands.isEmpty, sends.permits(now: now) > 0, let command = commands.popFirst() {
            sends.record(heartbeat: false, now: now)
            actions.append(.send(.command(command)))
        }
    }

    /// Where to resume, as long as it is worth trying; nil for the main URL.
    private var resumeHost: String? {
        guard let resumable, !resumable.url.isEmpty, resumeHostFailures < Self.resumeHostAttempts else { return nil }
        return resumable.url
    }

    private mutating func connect(now: UInt64, _ actions: inout [SessionAction]) {
        let target = resumeHost.map { ConnectTarget.resumeHost($0) } ?? .main
        sends.reset()
        enter(.connecting(target, deadline: .max), &actions)
        actions.append(.connect(target))
    }

    /// Gives up a connection that is open but dead: no close handshake.
    private mutating func giveUp(reason: String, now: UInt64, _ actions: inout [SessionAction]) {
        actions.append(.drop(code: 4000))
        lost(code: 1006, reason: reason, now: now, &actions)
    }

    /// An open connection is gone; what follows depends on the code.
    private mutating func lost(code: UInt16, reason: String, now: UInt64, _ actions: inout [SessionAction]) {
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

    /// The connection ends before the session is live: counts against the resume host.
    private mutating func noteAttemptFailed() {
        switch phase {
        case .awaitingHello, .resuming: if resumable != nil { resumeHostFailures += 1 }
        default: break
        }
    }

    /// Codes that say the client did something wrong (`gateway.md` §10): reconnecting at once could loop for ever.
    private static func isOwnMistake(_ code: UInt16) -> Bool {
        switch CloseCode(rawValue: code) {
        case .unknownOpcode, .decodeError, .alreadyAuthenticated, .rateLimited: true
        default: false
        }
    }

    private mutating func end(code: UInt16, reason: String, _ actions: inout [SessionAction]) {
        dropSession()
        actions.append(.report(.closed(code: code, reason: reason, next: .fatal)))
        let known = CloseCode(rawValue: code)
        let name = known?.name ?? "unknown code"
        let advice = known?.advice.map { "; \($0)" } ?? ""
        let status: Status = code == CloseCode.authenticationFailed.rawValue ? .unauthorized : .gatewayClosed
        enterFatal(GatewayError(status, "the gateway closed with \(code) (\(name)): \(reason)\(advice)"), &actions)
    }

    private mutating func enterFatal(_ error: GatewayError, _ actions: inout [SessionAction]) {
        phase = .fatal
        actions.append(.report(.error(error)))
        reportState(&actions)
    }

    private mutating func stop(dropping: Bool, _ actions: inout [SessionAction]) {
        if dropping { actions.append(.drop(code: 4000)) }
        leaveConnection(&actions)
        enter(.stopped, &actions)
    }

    private mutating func close(
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

    /// Whether a server that was not heard for a whole timeout may have spoken all the same.
    private mutating func excusesSilence() -> Bool {
        let excused = readPaused || silenceExcused
        silenceExcused = readPaused
        return excused
    }

    /// What ends with every connection.
    private mutating func leaveConnection(_ actions: inout [SessionAction]) {
        if phase == .awaitingIdentify { actions.append(.cancelIdentify) }
        heartbeat = nil
        listening = false
    }

    private mutating func dropSession() {
        listening = false
        resumable = nil
        sequence = 0
        resumeHostFailures = 0
    }

    private mutating func backOff(atLeast minimum: UInt64, now: UInt64, _ actions: inout [SessionAction]) {
        let delay = max(settings.backoff.delay(attempt: failures, using: &random), minimum)
        failures += 1
        counters.reconnects += 1
        let (until, overflow) = now.addingReportingOverflow(delay)
        phase = .backoff(until: overflow ? .max : until)
        actions.append(.report(.state(.backoff, code: UInt32(clamping: failures), delay: delay)))
    }

    private mutating func enter(_ next: Phase, _ actions: inout [SessionAction]) {
        phase = next
        reportState(&actions)
    }

    private func reportState(_ actions: inout [SessionAction]) {
        let code: UInt32
        switch phase {
        case .connecting: code = UInt32(clamping: failures + 1)
        case .awaitingIdentify, .identifying, .resuming, .active:
            code = heartbeatInterval
        default: code = 0
        }
        actions.append(.report(.state(state, code: code, delay: 0)))
    }
}
