/// Finds the event of a wire name with one multiplication and two comparisons: a table of 256 slots, built once.
package struct EventNameIndex: @unchecked Sendable {
    // Unchecked because of the pointers, which lead to constants and to memory that is never written again.

    /// What the slot is found by: it tells all events apart but for what stands between the words.
    private struct Key: Equatable {
        /// The first and the last eight bytes, which overlap in a name of less than sixteen.
        var first: UInt64
        var last: UInt64
        var length: Int

        @inline(__always)
        init(_ name: UnsafeRawPointer, _ length: Int) {
            self.length = length
            if length >= 8 {
                first = EventNameIndex.word(name, 0)
                last = EventNameIndex.word(name, length &- 8)
            } else {
                first = EventNameIndex.shortWord(name, length)
                last = first
            }
        }

        @inline(__always)
        var slot: Int {
            let mixed = first ^ (last << 3 | last >> 61) ^ UInt64(truncatingIfNeeded: length)
            return Int(truncatingIfNeeded: (mixed &* EventNameIndex.multiplier) >> 56)
        }
    }

    struct Event {
        /// In static storage, with a NUL behind it that is not counted.
        var name: UnsafeRawBufferPointer
        var type: EventType
    }

    private struct Slot {
        var key: Key
        var event: Event
    }

    /// Spreads the events over the slots without two in one (found by trial). An event added later that falls into a
    /// taken slot goes to the next free one, which costs it one more comparison and nothing else.
    private static let multiplier: UInt64 = 0xFCE4_7A9C_B982_63B1

    package static let shared = EventNameIndex()

    private let slots: UnsafeMutablePointer<Slot>

    private init() {
        slots = .allocate(capacity: 256)
        // Free slots hold the empty name, which nobody asks for.
        let none: StaticString = ""
        let free = Event(name: UnsafeRawBufferPointer(start: none.utf8Start, count: 0), type: .ready)
        slots.initialize(repeating: Slot(key: Key(none.utf8Start, 0), event: free), count: 256)
        for type in EventType.allCases {
            let name = type.wireName
            guard let start = name.baseAddress else { continue }
            let key = Key(start, name.count)
            var slot = key.slot
            while slots[slot].key.length != 0 { slot = (slot &+ 1) & 255 }
            slots[slot] = Slot(key: key, event: Event(name: name, type: type))
        }
    }

    /// `length` is not zero.
    @inline(__always)
    func find(_ name: UnsafeRawPointer, _ length: Int) -> Event? {
        let key = Key(name, length)
        var slot = key.slot
        while slots[slot].key.length != 0 {
            let candidate = slots + slot
            if candidate.pointee.key == key,
                length <= 16 || EventNameIndex.equal(name, candidate.pointee.event.name.baseAddress, length)
            {
                return candidate.pointee.event
            }
            slot = (slot &+ 1) & 255
        }
        return nil
    }

    /// Whether two names of one length, more than 16, are the same between their first and last eight bytes.
    @inline(__always)
    private static func equal(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer?, _ length: Int) -> Bool {
        guard let b else { return false }
        var offset = 8
        while offset < length &- 8 {
            // The last of these words may reach into the last eight bytes, which are the same anyway.
            if word(a, offset) != word(b, offset) { return false }
            offset &+= 8
        }
        return true
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
            let event = EventNameIndex.shared.find(start, wireName.count)
        else { return nil }
        self = event.type
    }
}
