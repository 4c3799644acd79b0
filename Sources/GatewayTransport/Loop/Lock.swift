import CLinux

/// A value that one thread at a time may touch. Used like the standard library's `Mutex`, whose place it takes: the thread
/// sanitizer sees what a pthread mutex orders, and takes what a `Mutex` guards for unguarded.
///
/// Locking it again inside `withLock` never returns. An uncontended lock costs two calls into the C library and no system
/// call; none is on the path of an event.
package struct Lock<Value>: ~Copyable, @unchecked Sendable {
    @usableFromInline
    struct Cell {
        @usableFromInline var mutex = pthread_mutex_t()
        @usableFromInline var value: Value

        init(_ value: Value) { self.value = value }
    }

    // On the heap: a pthread mutex must not move.
    @usableFromInline let cell: UnsafeMutablePointer<Cell>

    package init(_ value: consuming sending Value) {
        cell = .allocate(capacity: 1)
        cell.initialize(to: Cell(value))
        pthread_mutex_init(&cell.pointee.mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(&cell.pointee.mutex)
        cell.deinitialize(count: 1)
        cell.deallocate()
    }

    @inlinable
    package func withLock<R, E: Error>(_ body: (inout sending Value) throws(E) -> sending R) throws(E) -> sending R {
        pthread_mutex_lock(&cell.pointee.mutex)
        defer { pthread_mutex_unlock(&cell.pointee.mutex) }
        return try body(&cell.pointee.value)
    }
}
