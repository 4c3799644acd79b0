/// When a fault happens.
public enum Moment: String, Sendable, CaseIterable {
    /// At once, to connections that are open.
    case now
    /// When a connection is accepted.
    case accept
    /// When a client asks for a websocket.
    case upgrade
    /// In place of HELLO.
    case hello
    /// In place of the answer to IDENTIFY.
    case identify
    /// In place of the answer to RESUME.
    case resume
    /// After READY and the guilds, or after RESUMED, have been written.
    case started
    /// When `/gateway` or `/gateway/bot` is asked for.
    case rest
}

/// A fault, whom it hits, when, and how often.
public struct FaultOrder: Sendable, Equatable {
    public var fault: Fault
    public var moment: Moment
    /// Only connections of this shard; nil hits all. Before IDENTIFY or RESUME a connection has none.
    public var shard: Int?
    /// Only connections to this address; nil hits both.
    public var endpoint: Endpoint?
    /// How often it happens; nil until cleared. Without meaning for `now` and for `refuse`.
    public var times: Int?
    /// Wait this long first.
    public var after: Duration?
    /// And do it again and again, this far apart.
    public var every: Duration?

    /// - Parameter moment: nil takes the moment that suits the fault, for most `now`.
    public init(
        _ fault: Fault, at moment: Moment? = nil, shard: Int? = nil, endpoint: Endpoint? = nil, times: Int? = nil,
        after: Duration? = nil, every: Duration? = nil
    ) {
        self.fault = fault
        self.moment = moment ?? fault.naturalMoment
        self.shard = shard
        self.endpoint = endpoint
        self.times = times
        self.after = after
        self.every = every
    }
}

extension Fault {
    var naturalMoment: Moment {
        switch self {
        case .refuse, .acceptThenHang, .certificate: .accept
        case .answerUpgrade, .wrongAcceptKey: .upgrade
        case .answerREST: .rest
        case .silence: .hello
        default: .now
        }
    }

    /// At `hello`, `identify` and `resume`: the fault stands in for the answer. The others happen beside it.
    var replacesAnswer: Bool {
        switch self {
        case .drop, .halfOpen, .close, .silence, .reconnect, .invalidSession: true
        default: false
        }
    }
}
