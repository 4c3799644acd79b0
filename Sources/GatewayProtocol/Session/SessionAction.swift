/// Where a connection attempt goes.
package enum ConnectTarget: Equatable, Sendable {
    /// The URL from `/gateway/bot` or the configuration.
    case main
    /// The `resume_gateway_url` of the session (`gateway.md` §3: for RESUME only).
    case resumeHost(String)
}

/// What the session asks its driver to do, in order. The session itself does nothing but decide.
package enum SessionAction: Equatable, Sendable {
    /// Open a websocket; answer with `connectBegan` when its turn has come, then `connected` or `connectFailed`.
    case connect(ConnectTarget)
    /// Send a payload on the open connection. The token is the driver's to add: the session never sees it.
    case send(Outgoing)
    /// Send a close frame and keep reading; the session bounds the wait itself.
    case close(code: UInt16, reason: String)
    /// Give the connection up at once, without waiting: a close frame with `code` is sent if it can be without blocking.
    case drop(code: UInt16)
    /// Ask the identify queue for a permit; answer with `identifyGranted`.
    case requestIdentify
    /// The request is void: the connection went away before its turn.
    case cancelIdentify
    /// Tell the user.
    case report(SessionReport)

    package enum Outgoing: Equatable, Sendable {
        case heartbeat(sequence: UInt64?)
        case identify
        case resume(sessionID: String, sequence: UInt64)
        case command([UInt8])
    }
}

/// What the user hears of a session beside its dispatches.
package enum SessionReport: Equatable, Sendable {
    /// `code` is the attempt number for `connecting` and `backoff`, the heartbeat interval in milliseconds for
    /// the states that follow HELLO; `delay` is the wait in nanoseconds for `backoff`.
    case state(ShardState, code: UInt32, delay: UInt64)
    /// The connection ended: with which code (1006 without a close frame), why, and what follows.
    case closed(code: UInt16, reason: String, next: ShardState)
    /// A heartbeat was acknowledged after this many nanoseconds.
    case latency(UInt64)
    /// Something went wrong.
    case error(GatewayError)
}
