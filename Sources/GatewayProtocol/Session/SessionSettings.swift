/// The rules of a session that its owner may vary. Times are nanoseconds.
package struct SessionSettings: Sendable {
    /// What to do when a heartbeat is not acknowledged by the next one.
    package enum ZombiePolicy: UInt32, Sendable {
        /// Dead at once when nothing at all was read since; one interval of grace while data flows.
        case grace = 0
        /// Dead at once.
        case strict = 1
    }

    package var backoff = Backoff(first: 1_000_000_000, limit: 60_000_000_000)
    /// From the start of an attempt to the open websocket (`gateway.md` §20: 10–30 s).
    package var connectTimeout: UInt64 = 10_000_000_000
    /// From the open websocket to HELLO (`gateway.md` §21).
    package var helloTimeout: UInt64 = 20_000_000_000
    /// How long a sent close frame waits for its answer (`gateway.md` §20: 1–5 s).
    package var closeTimeout: UInt64 = 2_000_000_000
    /// Without any dispatch for this long a RESUME counts as failed (`gateway.md` §20: 30–60 s).
    package var resumeTimeout: UInt64 = 60_000_000_000
    /// The random wait after op 9 with `d` false (`gateway.md` §9).
    package var invalidSessionWait: ClosedRange<UInt64> = 1_000_000_000...5_000_000_000
    package var zombiePolicy = ZombiePolicy.grace
    /// Sends per window and connection, heartbeats included (`gateway.md` §12); 0 for no limit.
    package var sendLimit = 120
    package var sendWindow: UInt64 = 60_000_000_000
    /// Commands that may wait for a live connection or a send permit.
    package var commandLimit = 1_024

    package init() {}
}
