/// Bytes between two positions of one allocation. A plain value over memory that its owner frees.
package struct ByteWindow {
    package var base: UnsafeMutableRawPointer
    package var capacity: Int
    package var start = 0
    package var end = 0

    package init(capacity: Int) {
        base = .allocate(byteCount: capacity, alignment: 64)
        self.capacity = capacity
    }

    package var count: Int { end - start }
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base + start, count: end - start) }
    package var free: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: base + end, count: capacity - end)
    }

    /// Moves what is there to the front.
    package mutating func compact() {
        guard start > 0 else { return }
        if end > start { base.copyMemory(from: base + start, byteCount: end - start) }
        end -= start
        start = 0
    }

    /// Makes room for `needed` bytes in all from `start`, keeping what is there.
    package mutating func grow(to needed: Int) {
        compact()
        guard needed > capacity else { return }
        let larger = UnsafeMutableRawPointer.allocate(byteCount: needed, alignment: 64)
        larger.copyMemory(from: base, byteCount: end)
        base.deallocate()
        base = larger
        capacity = needed
    }

    package func deallocate() { base.deallocate() }
}

/// What all connections of one loop share, because only one of them is being read at a time.
package final class LoopBuffers {
    /// Large, so that a busy socket is emptied with few system calls (as in the benchmark's floor program).
    package static let size = 256 * 1024

    /// What was read from a TLS socket and not yet taken by libssl. In a cell of its own: the BIO's C callbacks hold it.
    package let wire: UnsafeMutablePointer<ByteWindow>
    /// Decrypted bytes that are being parsed.
    package let plain: UnsafeMutablePointer<ByteWindow>

    package init() {
        wire = .allocate(capacity: 1)
        wire.initialize(to: ByteWindow(capacity: Self.size))
        plain = .allocate(capacity: 1)
        plain.initialize(to: ByteWindow(capacity: Self.size))
    }

    deinit {
        for window in [wire, plain] {
            window.pointee.deallocate()
            window.deallocate()
        }
    }
}
