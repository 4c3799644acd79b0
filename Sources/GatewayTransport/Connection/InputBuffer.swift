import CLinux

/// The bytes that a connection has received and not yet used up.
///
/// While it is being read, a connection works in the loop's shared buffer; what is left over afterwards moves to an
/// allocation of its own, of just that size, so that an idle connection holds nothing. A frame larger than the shared
/// buffer is collected in the own allocation, which grows as the bytes arrive, never by what a header claims.
struct InputBuffer: ~Copyable {
    private let shared: UnsafeMutablePointer<ByteWindow>
    private var own: ByteWindow?
    private var working = false

    init(shared: UnsafeMutablePointer<ByteWindow>) { self.shared = shared }

    deinit { own?.deallocate() }

    /// Begins a turn of reading.
    mutating func begin() {
        working = true
        guard let left = own else {
            shared.pointee.start = 0
            shared.pointee.end = 0
            return
        }
        guard left.count <= shared.pointee.capacity / 2 else { return }
        shared.pointee.base.copyMemory(from: left.base + left.start, byteCount: left.count)
        shared.pointee.start = 0
        shared.pointee.end = left.count
        left.deallocate()
        own = nil
    }

    /// Ends a turn; the shared buffer is free for others afterwards.
    mutating func end() {
        guard working else { return }
        working = false
        if let window = own {
            if window.count == 0 {
                window.deallocate()
                own = nil
            }
            return
        }
        let count = shared.pointee.count
        guard count > 0 else { return }
        var window = ByteWindow(capacity: count)
        window.base.copyMemory(from: shared.pointee.base + shared.pointee.start, byteCount: count)
        window.end = count
        own = window
    }

    var isEmpty: Bool { own.map { $0.count == 0 } ?? true }

    /// What is there, unused.
    var bytes: UnsafeRawBufferPointer { own?.bytes ?? shared.pointee.bytes }

    mutating func consume(_ count: Int) {
        if own != nil {
            own?.start += count
            return
        }
        shared.pointee.start += count
        if shared.pointee.start == shared.pointee.end {
            shared.pointee.start = 0
            shared.pointee.end = 0
        }
    }

    /// Space to read into, when `needed` bytes in all are wanted from the first unused one.
    mutating func space(needed: Int) -> UnsafeMutableRawBufferPointer {
        if own == nil {
            if shared.pointee.capacity - shared.pointee.start < needed || shared.pointee.free.count < 4096 {
                shared.pointee.compact()
            }
            if needed <= shared.pointee.capacity && shared.pointee.free.count > 0 { return shared.pointee.free }
            // Too large for the shared buffer: move out.
            var window = ByteWindow(capacity: shared.pointee.capacity * 2)
            window.base.copyMemory(from: shared.pointee.base + shared.pointee.start, byteCount: shared.pointee.count)
            window.end = shared.pointee.count
            shared.pointee.start = 0
            shared.pointee.end = 0
            own = window
        }
        if own?.free.count ?? 0 < 4096 {
            own?.compact()
            let capacity = own?.capacity ?? 0
            if own?.free.count ?? 0 < 4096 { own?.grow(to: capacity * 2) }
        }
        return own?.free ?? UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    mutating func produced(_ count: Int) {
        if own != nil { own?.end += count } else { shared.pointee.end += count }
    }
}
