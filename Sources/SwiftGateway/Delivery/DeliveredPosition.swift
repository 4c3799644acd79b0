/// How far a shard's events have been delivered: which of its sessions, and which sequence in it, in one word that can
/// be stored atomically.
struct DeliveredPosition: Equatable, Sendable {
    /// The session's number is in the upper 16 bits, the sequence in the lower 48: at a thousand
    /// events a second they last for nine thousand years.
    let raw: UInt64

    static let none = DeliveredPosition(raw: 0)

    init(raw: UInt64) { self.raw = raw }

    init(epoch: UInt16, sequence: UInt64) { raw = UInt64(epoch) << 48 | sequence & ((1 << 48) - 1) }

    var epoch: UInt16 { UInt16(truncatingIfNeeded: raw >> 48) }
    var sequence: UInt64 { raw & ((1 << 48) - 1) }
}
