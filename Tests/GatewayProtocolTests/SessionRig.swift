import Testing

@testable import GatewayProtocol

let millisecond: UInt64 = 1_000_000
private let second: UInt64 = 1_000_000_000

/// A session with a clock that only the test moves.
struct SessionRig {
    static let sessionID = "session-1"
    static let resumeURL = "wss://resume.example"

    var session: ShardSession
    /// Whether an attempt begins when it is asked for, or when the test says `connectBegan`.
    var connectsAtOnce = true
    var now: UInt64 = 5_000 * second

    init(
        seed: UInt64 = 1, resuming: ResumableSession? = nil, _ adjust: (inout SessionSettings) -> Void = { _ in }
    ) {
        var settings = SessionSettings()
        adjust(&settings)
        session = ShardSession(settings: settings, random: SessionRandom(seed: seed), resuming: resuming)
    }

    // MARK: Inputs

    mutating func start() -> [SessionAction] { act { $0.start(now: $1, &$2) } }
    mutating func connected() -> [SessionAction] { act { $0.connected(now: $1, &$2) } }
    mutating func hello(_ interval: UInt64 = 41_250) -> [SessionAction] { control(.hello(milliseconds: interval)) }
    mutating func control(_ payload: ControlPayload) -> [SessionAction] { act { $0.control(payload, now: $1, &$2) } }
    mutating func connectFailed(retryAfter: UInt64 = 0) -> [SessionAction] {
        act { $0.connectFailed(GatewayError(.network, "refused"), retryAfter: retryAfter, now: $1, &$2) }
    }
    mutating func disconnected(_ code: UInt16, _ reason: String = "") -> [SessionAction] {
        act { $0.disconnected(code: code, reason: reason, now: $1, &$2) }
    }
    mutating func shutdown(resumable: Bool) -> [SessionAction] {
        act { $0.shutdown(resumable: resumable, now: $1, &$2) }
    }
    mutating func restart(resuming: Bool) -> [SessionAction] { act { $0.restart(resuming: resuming, now: $1, &$2) } }
    mutating func tick() -> [SessionAction] { act { $0.tick(now: $1, &$2) } }

    mutating func enqueue(_ payload: [UInt8]) throws(GatewayError) -> [SessionAction] {
        var actions: [SessionAction] = []
        try session.enqueue(payload, now: now, &actions)
        return actions
    }

    /// Returns the actions, and whether the permit was used.
    mutating func granted() -> (actions: [SessionAction], used: Bool) {
        var actions: [SessionAction] = []
        let used = session.identifyGranted(now: now, &actions)
        return (actions, used)
    }

    /// Returns the actions, and whether the event is to be delivered.
    @discardableResult
    mutating func dispatch(_ sequence: UInt64, _ type: EventType? = .messageCreate)
        -> (actions: [SessionAction], delivered: Bool)
    {
        var actions: [SessionAction] = []
        session.noteRead()
        let delivered = session.dispatch(sequence: sequence, type: type, now: now, &actions)
        return (actions, delivered)
    }

    mutating func ready(_ id: String = sessionID, url: String = resumeURL, sequence: UInt64 = 1) -> [SessionAction] {
        takeReady(id, url: url, sequence: sequence).actions
    }

    /// Returns the actions, and whether the event is to be delivered.
    mutating func takeReady(
        _ id: String = sessionID, url: String = resumeURL, sequence: UInt64 = 1
    ) -> (actions: [SessionAction], delivered: Bool) {
        var actions: [SessionAction] = []
        session.noteRead()
        let delivered = session.ready(sequence: sequence, sessionID: id, resumeURL: url, now: now, &actions)
        return (actions, delivered)
    }

    private mutating func act(_ body: (inout ShardSession, UInt64, inout [SessionAction]) -> Void) -> [SessionAction] {
        var actions: [SessionAction] = []
        body(&session, now, &actions)
        if connectsAtOnce, !actions.connects.isEmpty { session.connectBegan(now: now) }
        return actions
    }

    // MARK: The clock

    /// Lets time pass, ticking at each deadline as it comes; `react` sees every action at its time.
    @discardableResult
    mutating func pass(
        _ duration: UInt64, _ react: (inout SessionRig, SessionAction) -> Void = { _, _ in }
    ) -> [(time: UInt64, action: SessionAction)] {
        var seen: [(time: UInt64, action: SessionAction)] = []
        let end = now + duration
        while let deadline = session.nextDeadline(now: now), deadline <= end {
            now = max(now, deadline)
            for action in tick() {
                seen.append((now, action))
                react(&self, action)
            }
        }
        now = end
        return seen
    }

    /// Lets time pass with a gateway that acknowledges every heartbeat at once.
    @discardableResult
    mutating func live(_ duration: UInt64) -> [(time: UInt64, action: SessionAction)] {
        pass(duration) { rig, action in
            if case .send(.heartbeat) = action { _ = rig.control(.heartbeatAck) }
        }
    }

    // MARK: Ways to a state

    /// A session that has just sent IDENTIFY.
    static func identifying(_ adjust: (inout SessionSettings) -> Void = { _ in }) -> SessionRig {
        var rig = SessionRig(adjust)
        _ = rig.start()
        _ = rig.connected()
        _ = rig.hello()
        _ = rig.granted()
        return rig
    }

    /// A session that is live, at sequence 1.
    static func active(_ adjust: (inout SessionSettings) -> Void = { _ in }) -> SessionRig {
        var rig = identifying(adjust)
        _ = rig.ready()
        return rig
    }

    /// A session that was at `sequence` and has just sent RESUME.
    static func resuming(_ sequence: UInt64 = 7, _ adjust: (inout SessionSettings) -> Void = { _ in }) -> SessionRig {
        var rig = SessionRig(resuming: stored(sequence), adjust)
        _ = rig.start()
        _ = rig.connected()
        _ = rig.hello()
        return rig
    }

    static func stored(_ sequence: UInt64 = 7) -> ResumableSession {
        ResumableSession(id: sessionID, resumeURL: resumeURL, sequence: sequence)
    }

    /// Waits for the backoff to end. Returns where the next attempt goes.
    mutating func reconnect() -> ConnectTarget? {
        #expect(session.state == .backoff)
        let backoff = session.nextDeadline(now: now) ?? now
        return pass(backoff - now).map(\.action).connects.first
    }

    /// One session per state it can be in, at sequence 7 with a session to resume unless it never had one.
    static func everyState() -> [(state: ShardState, rig: SessionRig)] {
        var rigs: [(ShardState, SessionRig)] = []
        var rig = SessionRig()
        rigs.append((.idle, rig))
        _ = rig.start()
        rigs.append((.connecting, rig))
        _ = rig.connected()
        rigs.append((.awaitingHello, rig))
        _ = rig.hello()
        rigs.append((.awaitingIdentify, rig))
        _ = rig.granted()
        rigs.append((.identifying, rig))
        rigs.append((.resuming, .resuming()))
        _ = rig.ready()
        rig.dispatch(7)
        rigs.append((.active, rig))
        var away = rig
        _ = away.disconnected(1006)
        rigs.append((.backoff, away))
        away = rig
        _ = away.control(.reconnect)
        rigs.append((.closing, away))
        _ = away.shutdown(resumable: true)
        _ = away.disconnected(4000)
        rigs.append((.stopped, away))
        away = rig
        _ = away.disconnected(4004)
        rigs.append((.fatal, away))
        for (state, rig) in rigs { #expect(rig.session.state == state) }
        return rigs
    }
}

extension SessionAction {
    var isHeartbeat: Bool {
        if case .send(.heartbeat) = self { true } else { false }
    }
}

extension [SessionAction] {
    var sends: [SessionAction.Outgoing] {
        compactMap { if case .send(let outgoing) = $0 { outgoing } else { nil } }
    }
    var connects: [ConnectTarget] {
        compactMap { if case .connect(let target) = $0 { target } else { nil } }
    }
    var closes: [UInt16] {
        compactMap { if case .close(let code, _) = $0 { code } else { nil } }
    }
    var drops: [UInt16] {
        compactMap { if case .drop(let code) = $0 { code } else { nil } }
    }
    var states: [ShardState] {
        compactMap { if case .report(.state(let state, _, _)) = $0 { state } else { nil } }
    }
    /// The waits that were reported, in nanoseconds.
    var delays: [UInt64] {
        compactMap { if case .report(.state(.backoff, _, let delay)) = $0 { delay } else { nil } }
    }
    var closed: [SessionReport] {
        compactMap {
            if case .report(let report) = $0, case .closed = report { report } else { nil }
        }
    }
    var errors: [GatewayError] {
        compactMap { if case .report(.error(let error)) = $0 { error } else { nil } }
    }
    var latencies: [UInt64] {
        compactMap { if case .report(.latency(let value)) = $0 { value } else { nil } }
    }
}
