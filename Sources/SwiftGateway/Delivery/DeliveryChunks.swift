/// The memory of a delivery queue, as the producer and the consumer see it: positions count up for ever, and each
/// `size` of them lie in one chunk.
///
/// A queue that keeps up lives in two or three chunks, whatever its capacity: the chunk that was emptied last is filled
/// next, so that its bytes are still in the processor's cache, and memory that never had to hold anything is never touched.
struct DeliveryChunks: Sendable {
    /// Bytes of a chunk of a large queue: a few of them fit into the second level of a cache, and what remains unused at
    /// the end of each, half a message on average, vanishes.
    private static let largest = 128 * 1024
    /// A queue is of so many chunks at least: where less than three quarters of it are in use, at the beginning of one chunk
    /// and the end of another, one is free, and a record of half a chunk finds room with another one behind it.
    private static let fewest = 8

    /// A power of two.
    let size: Int
    private let shift: Int
    // Where each chunk of positions lies, by its number. Those in use follow each other, so that no two of them share an
    // entry. The producer writes an entry before it publishes the first position in it.
    nonisolated(unsafe) private let table: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    private let mask: Int

    /// `capacity`: a power of two.
    fileprivate init(capacity: Int) {
        size = min(Self.largest, capacity / Self.fewest)
        shift = size.trailingZeroBitCount
        mask = capacity / size - 1
        table = .allocate(capacity: mask + 1)
        table.initialize(repeating: nil, count: mask + 1)
    }

    fileprivate func deallocate() { table.deallocate() }

    fileprivate func number(of position: Int) -> Int { position >> shift }

    fileprivate func chunk(_ number: Int) -> UnsafeMutableRawPointer? { table[number & mask] }

    fileprivate func set(_ chunk: UnsafeMutableRawPointer, for number: Int) { table[number & mask] = chunk }

    /// Bytes from a position to the end of its chunk.
    @inline(__always)
    func rest(at position: Int) -> Int { size - (position & (size - 1)) }

    /// Where the byte at a position that is in use lies.
    @inline(__always)
    func address(of position: Int) -> UnsafeMutableRawPointer {
        // Set before the position was published.
        table[(position >> shift) & mask].unsafelyUnwrapped + (position & (size - 1))
    }
}

/// The producer's side: which chunks are free.
struct ChunkSupply: ~Copyable {
    let map: DeliveryChunks
    /// The first position that has no chunk yet.
    private(set) var end = 0
    private let memory: UnsafeMutableRawPointer
    private let capacity: Int
    /// Bytes of the memory that were ever used.
    private var touched = 0
    /// Chunks that were given back, the newest last.
    private var free: [UnsafeMutableRawPointer] = []
    /// The number of the oldest chunk that was not given back.
    private var oldest = 0

    /// `capacity`: a power of two.
    init(capacity: Int) {
        self.capacity = capacity
        map = DeliveryChunks(capacity: capacity)
        memory = .allocate(byteCount: capacity, alignment: 64)
        free.reserveCapacity(capacity / map.size)
    }

    deinit {
        map.deallocate()
        memory.deallocate()
    }

    /// Puts a chunk behind `end`; everything before `tail` is given back first. Returns false when none is free.
    mutating func extend(tail: Int) -> Bool {
        let emptied = map.number(of: tail)
        while oldest < emptied {
            if let chunk = map.chunk(oldest) { free.append(chunk) }
            oldest += 1
        }
        if let chunk = free.popLast() {
            map.set(chunk, for: map.number(of: end))
        } else if touched < capacity {
            map.set(memory + touched, for: map.number(of: end))
            touched += map.size
        } else {
            return false
        }
        end += map.size
        return true
    }
}
