/// Stands between stored properties of a class that different threads write all the time: as long as they share a line of
/// the cache, each write takes it away from the other core, a hundred cycles each time. 64 bytes, a line of every
/// processor this runs on, so that the neighbours are apart wherever the object lies.
package struct CacheGap: Sendable {
    private let words: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)

    package init() {}
}
