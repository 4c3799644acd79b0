import CLinux

/// Where inflated payloads land: one buffer for all connections of a loop, since only one payload is being handled at a
/// time. It grows by doubling and gives the memory back when large payloads have become rare.
package final class InflateScratch {
    /// 64 KiB hold nearly every payload but the READY and GUILD_CREATE of large bots (practice).
    package static let initialCapacity = 64 << 10
    /// A larger buffer goes back to the initial size after this many payloads in a row that would have fit in a quarter
    /// of it: enough for a start with many guilds not to allocate for each (practice).
    static let patience = 32

    private var base: UnsafeMutableRawPointer?
    package private(set) var capacity = 0
    private var smallInARow = 0
    /// Of the payload being written.
    private var limit = 0
    private var produced = 0

    /// Allocates nothing before the first payload.
    package init() {}

    deinit {
        free(base)
    }

    // MARK: Writing one payload

    /// Begins a payload of at most `limit` bytes. The one before it is not in use any more: the time to shrink.
    @inline(__always)
    func begin(limit: Int) throws(InflateError) {
        if smallInARow >= Self.patience { trim() }
        self.limit = limit
        produced = 0
        if capacity == 0 || capacity < min(Self.initialCapacity, limit) {
            try reserve(min(Self.initialCapacity, max(limit, 1)))
        }
    }

    /// Bytes that may still be written without growing.
    @inline(__always)
    var room: Int { min(capacity, limit) &- produced }

    /// Where the next byte goes.
    @inline(__always)
    var next: UnsafeMutableRawPointer? { base.map { $0 + produced } }

    /// `count` bytes have been written at ``next``.
    @inline(__always)
    func advance(_ count: Int) {
        produced &+= count
    }

    /// Makes more room.
    ///
    /// - Returns: false when the limit has been reached: whether there is more output then has to be tried with a byte
    ///   elsewhere, so that a bomb is found out without memory beyond the limit.
    func grow() throws(InflateError) -> Bool {
        if capacity >= limit { return false }
        try reserve(capacity > limit / 2 ? limit : capacity &* 2)
        return true
    }

    /// Ends the payload: all that was written.
    @inline(__always)
    func finish() -> UnsafeRawBufferPointer {
        if capacity > Self.initialCapacity {
            smallInARow = produced > capacity / 4 ? 0 : smallInARow &+ 1
        }
        return UnsafeRawBufferPointer(start: base, count: produced)
    }

    private func reserve(_ wanted: Int) throws(InflateError) {
        // realloc moves pages instead of bytes for buffers of this size.
        guard let grown = realloc(base, wanted) else { throw .unavailable("no memory for the payload") }
        base = grown
        capacity = wanted
    }

    /// Gives a grown buffer back at once. The last payload must not be in use any more.
    package func trim() {
        smallInARow = 0
        guard capacity > Self.initialCapacity else { return }
        free(base)
        base = nil
        capacity = 0
    }
}
