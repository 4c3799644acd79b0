import CLinux

/// Where inflated payloads land: one buffer for all connections of a loop, since only one payload is being handled at a
/// time. It grows by doubling and gives the memory back when large payloads have become rare.
package final class InflateScratch {
    /// 64 KiB hold nearly every payload but the READY and GUILD_CREATE of large bots (practice).
    package static let initialCapacity = 64 << 10
    /// A larger buffer goes back to the initial size after this many payloads in a row that would have fit in a quarter
    /// of it: enough for a start with many guilds not to allocate for each (practice).
    static let patience = 32

    private(set) var base: UnsafeMutableRawPointer?
    package private(set) var capacity = 0
    private var smallInARow = 0

    /// Allocates nothing before the first payload.
    package init() {}

    deinit {
        free(base)
    }

    /// Makes room for at least `wanted` bytes, keeping what is there.
    ///
    /// - Returns: false when the memory is not to be had; nothing has changed then.
    func reserve(_ wanted: Int) -> Bool {
        if wanted <= capacity { return true }
        // realloc moves pages instead of bytes for buffers of this size.
        guard let grown = realloc(base, wanted) else { return false }
        base = grown
        capacity = wanted
        return true
    }

    /// The payload before is not in use any more: the time to shrink.
    @inline(__always)
    func beginPayload() {
        if smallInARow >= Self.patience { trim() }
    }

    /// A payload of `size` bytes lies in the buffer.
    @inline(__always)
    func endPayload(size: Int) {
        guard capacity > Self.initialCapacity else { return }
        smallInARow = size > capacity / 4 ? 0 : smallInARow &+ 1
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
