import Synchronization

/// A row of counters that one thread writes and any thread may read. Counting is a load, an addition and a store: no
/// locked instruction.
final class CounterRow: @unchecked Sendable {
    // Unchecked because of the pointer, which leads to atomics and lives as long as this.
    private let cells: UnsafeMutablePointer<Atomic<UInt64>>
    let count: Int

    init(count: Int) {
        self.count = count
        cells = .allocate(capacity: count)
        for index in 0..<count { (cells + index).initialize(to: Atomic(0)) }
    }

    deinit {
        cells.deinitialize(count: count)
        cells.deallocate()
    }

    /// Only the one writer may call this. `index` is below `count`.
    @inline(__always)
    func add(_ amount: UInt64 = 1, at index: Int) { cells[index].addByOnlyWriter(amount) }

    /// Any thread.
    var values: [UInt64] { (0..<count).map { cells[$0].load(ordering: .relaxed) } }
}

extension [UInt64] {
    /// Adds counters of the same meaning, one by one.
    static func += (sums: inout [UInt64], more: CounterRow) {
        for (index, value) in more.values.enumerated() where index < sums.count { sums[index] &+= value }
    }
}
