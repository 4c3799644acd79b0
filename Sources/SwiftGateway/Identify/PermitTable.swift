import GatewayTransport

/// The permits of this process that may be granted. A permit is a number, so that one that is stale, cancelled, used or
/// invented can be told from a good one.
package enum PermitTable {
    private static let open = Lock<[UInt64: @Sendable () -> Void]>([:])

    /// A number for a permit. Random, so that no number that is made up names one; below 2^53, which even a language
    /// whose numbers are all floating-point keeps exactly.
    package static func newNumber() -> UInt64 { UInt64.random(in: 1..<1 << 53) }

    /// From here on the permit may be granted, once: then `onGrant` is called on the thread that grants.
    package static func add(_ number: UInt64, onGrant: @escaping @Sendable () -> Void) {
        open.withLock { $0[number] = onGrant }
    }

    package static func remove(_ number: UInt64) { open.withLock { $0[number] = nil } }

    /// Throws `notFound`.
    package static func grant(_ number: UInt64) throws(GatewayError) {
        guard let onGrant = open.withLock({ $0.removeValue(forKey: number) }) else {
            throw GatewayError(
                .notFound, "there is no permit \(number) to grant: it was granted or cancelled, or never asked for")
        }
        onGrant()
    }
}
