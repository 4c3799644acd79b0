/// Joins a client's data frames to messages (RFC 6455 §5.4).
struct MessageAssembler {
    enum Outcome: Equatable {
        /// The message goes on in another frame.
        case incomplete
        case message([UInt8], isText: Bool)
        /// The client broke the rules; the close code to say so with.
        case violation(String, code: Int)
    }

    /// A client message may be larger than the payload limit, to be told so; but not without bound.
    static let limit = 1 << 20

    private var parts: [UInt8]?
    private var isText = false

    mutating func start(_ payload: [UInt8], isText: Bool, isFinal: Bool) -> Outcome {
        guard parts == nil else { return .violation("new message within a fragmented one", code: 1002) }
        if isFinal { return .message(payload, isText: isText) }
        parts = payload
        self.isText = isText
        return .incomplete
    }

    mutating func `continue`(_ payload: [UInt8], isFinal: Bool) -> Outcome {
        guard var joined = parts else { return .violation("continuation without a start", code: 1002) }
        joined += payload
        guard joined.count <= Self.limit else { return .violation("message too large", code: 1009) }
        parts = isFinal ? nil : joined
        return isFinal ? .message(joined, isText: isText) : .incomplete
    }
}
