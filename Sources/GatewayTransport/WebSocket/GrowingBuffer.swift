import CLinux

/// Bytes on the heap that grow by doubling, for the rare payloads that do not arrive in one piece.
///
/// A plain array would do, but pointers into it are only good inside a closure; a frame handed out by the decoder has to
/// stay valid until the next call. Nothing is allocated before the first byte is appended.
struct GrowingBuffer: ~Copyable {
    private var base: UnsafeMutableRawPointer?
    private(set) var count = 0
    private(set) var capacity = 0

    init() {}

    deinit {
        free(base)
    }

    /// The bytes so far; valid until the buffer is changed.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: UnsafeRawPointer(base), count: count)
    }

    /// Appends `bytes`, never reserving more than `limit` bytes in all.
    ///
    /// - Returns: false, with nothing changed, when the sum would exceed `limit` or the memory is not to be had.
    mutating func append(_ bytes: UnsafeRawBufferPointer, limit: Int) -> Bool {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return count <= limit }
        guard bytes.count <= limit, count <= limit &- bytes.count else { return false }
        let needed = count &+ bytes.count
        if needed > capacity {
            let doubled = capacity > limit / 2 ? limit : capacity &* 2
            let wanted = max(needed, doubled, min(4096, limit))
            guard let grown = realloc(base, wanted) else { return false }
            base = grown
            capacity = wanted
        }
        guard let target = base else { return false }
        (target + count).copyMemory(from: source, byteCount: bytes.count)
        count = needed
        return true
    }

    /// Gives the memory back.
    mutating func removeAll() {
        free(base)
        base = nil
        count = 0
        capacity = 0
    }
}
