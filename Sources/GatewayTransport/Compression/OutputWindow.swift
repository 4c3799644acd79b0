/// The output side of one decompression: room in the scratch, grown by doubling, never past the limit.
struct OutputWindow {
    let scratch: InflateScratch
    /// Most bytes of one payload.
    let limit: Int
    var produced = 0

    /// Begins a payload.
    @inline(__always)
    init(scratch: InflateScratch, limit: Int) throws(InflateError) {
        self.scratch = scratch
        self.limit = limit
        scratch.beginPayload()
        guard scratch.reserve(min(InflateScratch.initialCapacity, max(limit, 1))) else {
            throw .unavailable("no memory for the payload")
        }
    }

    /// Bytes that may still be written without growing.
    @inline(__always)
    var room: Int { min(scratch.capacity, limit) &- produced }

    /// Where the next byte goes.
    @inline(__always)
    var next: UnsafeMutableRawPointer? { scratch.base.map { $0 + produced } }

    /// Ends the payload: all that was written.
    @inline(__always)
    func finish() -> UnsafeRawBufferPointer {
        scratch.endPayload(size: produced)
        return UnsafeRawBufferPointer(start: scratch.base, count: produced)
    }

    /// Makes more room.
    ///
    /// - Returns: false when the limit has been reached: whether there is more output then has to be tried with a byte
    ///   elsewhere, so that a bomb is found out without memory beyond the limit.
    mutating func grow() throws(InflateError) -> Bool {
        if scratch.capacity >= limit { return false }
        let doubled = scratch.capacity > limit / 2 ? limit : scratch.capacity &* 2
        scratch.beginPayload()
        guard scratch.reserve(doubled) else { throw .unavailable("no memory for the payload") }
        return true
    }
}
