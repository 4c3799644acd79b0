/// Which dispatches are wanted, by name: a bit for each event of the table, and the names that are not in it.
package struct EventSet: Sendable, Equatable {
    /// The events by their raw values, 0…127.
    private var known: (UInt64, UInt64)
    /// Wanted names this build does not know, sorted by their bytes.
    private var unknown: [[UInt8]]
    /// Whether every name that is not in the table is wanted.
    private var everyUnknown: Bool

    /// Every dispatch, also of names that no table has yet.
    package static let all = EventSet(known: (.max, .max), unknown: [], everyUnknown: true)

    /// The dispatches with these names and no others. A name that is no known event is kept and compared with the
    /// wire's; an empty list wants nothing.
    package init(names: some Sequence<String>) {
        self.init(known: (0, 0), unknown: [], everyUnknown: false)
        for name in names {
            let bytes = Array(name.utf8)
            if let type = bytes.withUnsafeBytes({ EventType(wireName: $0) }) {
                insert(type)
            } else if !unknown.contains(bytes) {
                unknown.append(bytes)
            }
        }
        unknown.sort { $0.lexicographicallyPrecedes($1) }
    }

    private init(known: (UInt64, UInt64), unknown: [[UInt8]], everyUnknown: Bool) {
        self.known = known
        self.unknown = unknown
        self.everyUnknown = everyUnknown
    }

    private mutating func insert(_ type: EventType) {
        let bit = UInt64(1) << UInt64(type.rawValue & 63)
        if type.rawValue < 64 { known.0 |= bit } else { known.1 |= bit }
    }

    /// Whether a dispatch is wanted. `type` is what `EventType(wireName:)` made of `name`.
    @inline(__always)
    package func contains(type: EventType?, name: UnsafeRawBufferPointer) -> Bool {
        guard let type else { return everyUnknown || containsUnknown(name) }
        let half = type.rawValue < 64 ? known.0 : known.1
        return half >> UInt64(type.rawValue & 63) & 1 == 1
    }

    @inline(never)
    private func containsUnknown(_ name: UnsafeRawBufferPointer) -> Bool {
        var range = 0..<unknown.count
        while !range.isEmpty {
            let middle = (range.lowerBound &+ range.upperBound) / 2
            if unknown[middle].elementsEqual(name) { return true }
            if unknown[middle].lexicographicallyPrecedes(name) {
                range = (middle &+ 1)..<range.upperBound
            } else {
                range = range.lowerBound..<middle
            }
        }
        return false
    }

    package static func == (a: EventSet, b: EventSet) -> Bool {
        a.known == b.known && a.unknown == b.unknown && a.everyUnknown == b.everyUnknown
    }
}
