/// A timer of one event loop: made once, set and cleared often. Confined to the loop's thread.
package final class LoopTimer {
    fileprivate(set) var deadline: UInt64 = 0
    /// Where it stands in the heap; -1 when it is not set.
    fileprivate var index = -1
    fileprivate let fire: (UInt64) -> Void

    package init(_ fire: @escaping (UInt64) -> Void) { self.fire = fire }

    package var isSet: Bool { index >= 0 }
}

/// The set timers of a loop, soonest first: a binary heap whose entries know their place, so that moving one is
/// O(log n) and clearing one leaves nothing behind.
struct TimerHeap {
    private var heap: [LoopTimer] = []

    var soonest: UInt64? { heap.first?.deadline }

    mutating func set(_ timer: LoopTimer, at deadline: UInt64) {
        if timer.index < 0 {
            timer.deadline = deadline
            timer.index = heap.count
            heap.append(timer)
            siftUp(timer.index)
        } else if deadline != timer.deadline {
            let sooner = deadline < timer.deadline
            timer.deadline = deadline
            if sooner { siftUp(timer.index) } else { siftDown(timer.index) }
        }
    }

    mutating func clear(_ timer: LoopTimer) {
        let index = timer.index
        guard index >= 0 else { return }
        timer.index = -1
        let last = heap.removeLast()
        guard index < heap.count else { return }
        heap[index] = last
        last.index = index
        siftUp(index)
        siftDown(last.index)
    }

    /// Takes one timer that is due out of the heap.
    mutating func popDue(now: UInt64) -> LoopTimer? {
        guard let first = heap.first, first.deadline <= now else { return nil }
        clear(first)
        return first
    }

    mutating func clearAll() {
        for timer in heap { timer.index = -1 }
        heap = []
    }

    private mutating func siftUp(_ start: Int) {
        var index = start
        while index > 0 {
            let parent = (index - 1) / 2
            guard heap[index].deadline < heap[parent].deadline else { return }
            swap(index, parent)
            index = parent
        }
    }

    private mutating func siftDown(_ start: Int) {
        var index = start
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2]
            where child < heap.count && heap[child].deadline < heap[least].deadline {
                least = child
            }
            guard least != index else { return }
            swap(index, least)
            index = least
        }
    }

    private mutating func swap(_ a: Int, _ b: Int) {
        heap.swapAt(a, b)
        heap[a].index = a
        heap[b].index = b
    }
}

extension LoopTimer {
    func run(now: UInt64) { fire(now) }
}
