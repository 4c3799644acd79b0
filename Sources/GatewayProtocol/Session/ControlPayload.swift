/// A payload of the gateway that is not a dispatch, with the part of its body that matters.
package enum ControlPayload: Equatable, Sendable {
    /// Op 1: beat at once.
    case heartbeatRequest
    /// Op 7.
    case reconnect
    /// Op 9: may the session be resumed?
    case invalidSession(resumable: Bool)
    /// Op 10, with the interval in milliseconds.
    case hello(milliseconds: UInt64)
    /// Op 11.
    case heartbeatAck
}
