import GatewayProtocol

extension Event {
    /// What an event says, by its kind: for `switch`.
    public enum Details: Sendable, Equatable {
        /// A dispatch; its JSON is in the event's `bytes` and fields. `type` is nil for a name this build does not know.
        case dispatch(EventType?)
        /// The shard's state changed. `wait` is how long a shard in `backoff` waits before it connects, otherwise zero.
        case state(ShardState, wait: Duration)
        /// A connection ended: the close code (1006 without a close frame), its reason, and the state that follows.
        case closed(code: UInt16, reason: String, next: ShardState)
        /// A heartbeat was acknowledged after this round trip.
        case latency(Duration)
        /// Something went wrong. The shard goes on unless `state` is `fatal`.
        case error(GatewayError, state: ShardState)
        /// A whole payload, before it is handled. Only with `EventKinds.payload`.
        case payload
    }

    /// What the event says. Makes a string of a close reason or an error's sentence, and nothing of a dispatch.
    public var details: Details {
        switch kind {
        case .dispatch: .dispatch(type)
        case .state: .state(state, wait: .nanoseconds(Int64(clamping: value)))
        case .closed: .closed(code: UInt16(clamping: code), reason: text, next: state)
        case .latency: .latency(.nanoseconds(Int64(clamping: value)))
        case .error: .error(GatewayError(status, text), state: state)
        case .payload: .payload
        }
    }

    /// The error of an error event; nil for other kinds.
    public var error: GatewayError? { kind == .error ? GatewayError(status, text) : nil }
}

extension Event: CustomStringConvertible {
    /// One line for a log, without the event's JSON.
    public var description: String {
        switch details {
        case .dispatch: "shard \(shardID): \(name) \(sequence), \(byteCount) bytes"
        case .state(let state, let wait): "shard \(shardID): \(state)" + (wait > .zero ? " for \(wait)" : "")
        case .closed(let code, let reason, let next):
            "shard \(shardID): closed with \(code) \"\(reason)\", then \(next)"
        case .latency(let time): "shard \(shardID): latency \(time)"
        case .error(let error, let state): "shard \(shardID): \(error) (\(state))"
        case .payload: "shard \(shardID): a payload of \(byteCount) bytes"
        }
    }
}
