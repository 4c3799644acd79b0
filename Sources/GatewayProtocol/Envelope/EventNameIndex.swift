/// Finds the event of a wire name with one multiplication and one comparison: a table of 256 slots, built once.
private struct EventNameIndex: @unchecked Sendable {
    // Unchecked because of the pointers, which lead to constants and to memory that is never written again.

    private struct Slot {
        var name: UnsafePointer<UInt8>?
        var length: Int
        var type: EventType
    }

    /// Spreads the events over the slots without two in one (found by trial). An event added later that falls into a
    /// taken slot goes to the next free one, which costs it one more comparison and nothing else.
    private static let multiplier: UInt64 = 0xFCE4_7A9C_B982_63B1

    static let shared = EventNameIndex()

    private let slots: UnsafeMutablePointer<Slot>

    private init() {
        slots = .allocate(capacity: 256)
        slots.initialize(repeating: Slot(name: nil, length: 0, type: .ready), count: 256)
        for type in EventType.allCases {
            let name = type.staticName
            var slot = EventNameIndex.slot(name.utf8Start, name.utf8CodeUnitCount)
            while slots[slot].name != nil { slot = (slot &+ 1) & 255 }
            slots[slot] = Slot(name: name.utf8Start, length: name.utf8CodeUnitCount, type: type)
        }
    }

    @inline(__always)
    func find(_ name: UnsafeRawPointer, _ length: Int) -> EventType? {
        var index = EventNameIndex.slot(name, length)
        while let known = slots[index].name {
            if slots[index].length == length, EventNameIndex.equal(name, UnsafeRawPointer(known), length) {
                return slots[index].type
            }
            index = (index &+ 1) & 255
        }
        return nil
    }

    /// From the first and the last eight bytes and the length, which tell all events apart.
    @inline(__always)
    private static func slot(_ name: UnsafeRawPointer, _ length: Int) -> Int {
        let first: UInt64
        let last: UInt64
        if length >= 8 {
            first = word(name, 0)
            last = word(name, length &- 8)
        } else {
            first = shortWord(name, length)
            last = first
        }
        let mixed = first ^ (last << 3 | last >> 61) ^ UInt64(truncatingIfNeeded: length)
        return Int(truncatingIfNeeded: (mixed &* multiplier) >> 56)
    }

    /// Whether two names of one length are the same, eight bytes at a time; the last word overlaps the one before.
    @inline(__always)
    private static func equal(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ length: Int) -> Bool {
        guard length >= 8 else { return shortWord(a, length) == shortWord(b, length) }
        var offset = 0
        while offset &+ 8 < length {
            if word(a, offset) != word(b, offset) { return false }
            offset &+= 8
        }
        return word(a, length &- 8) == word(b, length &- 8)
    }

    @inline(__always)
    private static func word(_ name: UnsafeRawPointer, _ offset: Int) -> UInt64 {
        UInt64(littleEndian: name.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    @inline(never)
    private static func shortWord(_ name: UnsafeRawPointer, _ length: Int) -> UInt64 {
        var word: UInt64 = 0
        for offset in 0..<length {
            word |= UInt64(name.load(fromByteOffset: offset, as: UInt8.self)) << UInt64(8 &* offset)
        }
        return word
    }
}

extension EventType {
    /// The event that the gateway calls `wireName` (`t`, byte for byte), nil for a name this build does not know.
    package init?(wireName: UnsafeRawBufferPointer) {
        guard let start = wireName.baseAddress, !wireName.isEmpty,
            let type = EventNameIndex.shared.find(start, wireName.count)
        else { return nil }
        self = type
    }
}
