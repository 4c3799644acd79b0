/// Which task runs, as far as there are tasks.
enum CurrentTask {
    /// A number that no other running task has; nil outside of tasks.
    static var id: Int? {
        // The C library is built without Swift's concurrency runtime, which it has no use for: 0.9 MB.
        #if SWIFTGATEWAY_WITHOUT_CONCURRENCY
            nil
        #else
            withUnsafeCurrentTask { $0?.hashValue }
        #endif
    }
}
