/// How often things happened since the session machine was made.
package struct SessionCounters: Equatable, Sendable {
    package var heartbeatsSent: UInt64 = 0
    package var heartbeatsAcknowledged: UInt64 = 0
    package var reconnects: UInt64 = 0
    package var resumes: UInt64 = 0
    package var identifies: UInt64 = 0
    package var invalidSessions: UInt64 = 0
    package var zombies: UInt64 = 0
    /// Dispatches that came again and were not delivered again.
    package var duplicates: UInt64 = 0

    package init() {}
}
