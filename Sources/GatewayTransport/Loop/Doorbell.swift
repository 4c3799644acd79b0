import CLinux
import Synchronization

/// Where one thread sleeps until another one rings: a futex. As long as nobody sleeps, who would ring needs only to look,
/// and each sleep costs one system call on either side.
///
/// The sleeper announces itself, looks once more whether there is something to do, and then sleeps or withdraws. Who rings
/// makes something to do, lets a sequentially consistent fence follow, and rings where the sleeper is awaited: one of the
/// two sees what the other one did.
package final class Doorbell: @unchecked Sendable {
    // A heap cell: the kernel knows a sleeper by the address of the word. 1 while one has announced itself.
    private let word = UnsafeMutablePointer<Atomic<UInt32>>.allocate(capacity: 1)

    package init() { word.initialize(to: Atomic(0)) }

    deinit {
        word.deinitialize(count: 1)
        word.deallocate()
    }

    /// Has somebody announced to sleep, and was not rung for since?
    @inline(__always)
    package var isAwaited: Bool { word.pointee.load(ordering: .relaxed) != 0 }

    package func announce() {
        word.pointee.store(1, ordering: .relaxed)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }

    package func withdraw() { word.pointee.store(0, ordering: .relaxed) }

    /// Sleeps until somebody rings, not at all when that happened since `announce`. May return without it.
    package func sleep() {
        clinux_futex_wait(UnsafeMutableRawPointer(word), 1)
        withdraw()
    }

    package func ring() {
        if word.pointee.exchange(0, ordering: .sequentiallyConsistent) != 0 {
            clinux_futex_wake(UnsafeMutableRawPointer(word))
        }
    }
}
