/// One gateway session as a state machine: inputs come with the time, decisions go out as actions.
///
/// It opens no socket, reads no clock and draws no randomness of its own, so every rule of the protocol can be tested
/// with virtual time. The driver calls one input at a time, carries out the actions in order, and calls `tick` when
/// `nextDeadline` has come.
package struct ShardSession: Sendable {
    /// What it is doing, with what is needed to go on. Its inputs are in the extensions.
    enum Phase: Equatable {
        case idle
        case backoff(until: UInt64)
        case connecting(ConnectTarget, deadline: UInt64)
        case awaitingHello(deadline: UInt64)
        case awaitingIdentify
        case identifying
        case resuming(deadline: UInt64)
        case active(since: UInt64)
        case closing(Closing)
        case stopped
        case fatal

        /// A close that this side began.
        struct Closing: Equatable {
            var deadline: UInt64
            /// The code that went out.
            var sent: UInt16
            var reason: String
            var sequel: Sequel
            /// The connection was live for long enough to start the backoff over.
            var wasGood: Bool
        }

        /// What follows a close that this side began.
        enum Sequel: Equatable {
            case reconnect(notBefore: UInt64)
            case stop
        }
    }

    package let settings: SessionSettings
    var phase = Phase.idle
    var random: SessionRandom
    var heartbeat: HeartbeatSchedule?
    package internal(set) var sends: SendWindow
    var commands = CommandQueue()
    /// Attempts that did not come to last; decides the next backoff.
    var failures = 0
    var resumeHostFailures = 0
    var readPaused = false
    /// This side did not read for some of the time that HELLO or a replay was waited for.
    var silenceExcused = false
    /// Whether what the connection brings counts: from its opening until it is gone, its session is dropped or its
    /// owner shuts down. Events that come later are not counted either, so that a later RESUME brings them again.
    package internal(set) var listening = false
    /// What can be resumed; its sequence is `sequence`.
    var resumable: (id: String, url: String)?
    /// The newest sequence received in this session; 0 before the first.
    package internal(set) var sequence: UInt64 = 0
    package internal(set) var counters = SessionCounters()
    package internal(set) var latency = LatencyWindow()

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

    package var queuedCommands: Int { commands.count }

    /// The heartbeat interval in milliseconds; 0 when not connected.
    package var heartbeatInterval: UInt32 { UInt32(clamping: (heartbeat?.interval ?? 0) / 1_000_000) }

    // MARK: Changing state

    mutating func enter(_ next: Phase, _ actions: inout [SessionAction]) {
        phase = next
        reportState(&actions)
    }

    func reportState(_ actions: inout [SessionAction]) {
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
