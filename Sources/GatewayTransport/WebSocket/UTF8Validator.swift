import CLinuxSIMD

/// Checks UTF-8 that arrives in pieces (RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF).
///
/// A bad byte is reported in the piece that holds it, even when the character began in an earlier one. Runs of ASCII are
/// skipped 64 bytes at a time.
package struct UTF8Validator {
    /// Continuation bytes still owed to the current character.
    private var owed: UInt8 = 0
    /// Range of the next continuation byte: narrower than 80…BF after E0, ED, F0 and F4.
    private var low: UInt8 = 0x80
    private var high: UInt8 = 0xBF

    package init() {}

    /// True between characters: the text may end here.
    package var isComplete: Bool { owed == 0 }

    /// Checks the next piece.
    ///
    /// - Returns: false at the first byte that cannot be part of UTF-8. The validator is of no use after that.
    package mutating func consume(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress else { return true }
        let end = bytes.count
        var index = 0
        while index < end {
            if owed == 0 {
                index = Self.skipASCII(base, index, end)
                guard let next = Self.skipWholeCharacters(base, index, end) else { return false }
                index = next
                if index == end { return true }
                // ASCII again, or a character cut off by the end of this piece.
                let lead = base.load(fromByteOffset: index, as: UInt8.self)
                if lead < 0x80 { continue }
                begin(lead)
            } else {
                let byte = base.load(fromByteOffset: index, as: UInt8.self)
                guard byte >= low, byte <= high else { return false }
                owed &-= 1
                low = 0x80
                high = 0xBF
            }
            index &+= 1
        }
        return true
    }

    /// Starts a character whose lead byte `skipWholeCharacters` has accepted.
    private mutating func begin(_ lead: UInt8) {
        owed = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3
        low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80
        high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF
    }

    /// Index of the first byte at or after `start` with the high bit set, or `end`.
    @inline(__always)
    private static func skipASCII(_ base: UnsafeRawPointer, _ start: Int, _ end: Int) -> Int {
        var index = start
        if end >= 64 { return clinux_skip_ascii(base.assumingMemoryBound(to: UInt8.self), end, index) }
        while index < end, base.load(fromByteOffset: index, as: UInt8.self) < 0x80 { index &+= 1 }
        return index
    }

    /// Walks over characters of two to four bytes that are wholly there.
    ///
    /// - Returns: the index of the first byte that is ASCII or begins a character cut off by `end`; nil at a bad byte
    ///   among the whole characters or a bad lead byte.
    @inline(__always)
    private static func skipWholeCharacters(_ base: UnsafeRawPointer, _ start: Int, _ end: Int) -> Int? {
        var index = start
        while index < end {
            let at = base + index
            let lead = at.load(as: UInt8.self)
            let left = end &- index
            switch lead {
            case 0...0x7F:
                return index
            case 0xC2...0xDF:
                if left < 2 { return index }
                guard isContinuation(at, 1) else { return nil }
                index &+= 2
            case 0xE0...0xEF:
                if left < 3 { return index }
                let second = at.load(fromByteOffset: 1, as: UInt8.self)
                let low: UInt8 = lead == 0xE0 ? 0xA0 : 0x80
                let high: UInt8 = lead == 0xED ? 0x9F : 0xBF
                guard second >= low, second <= high, isContinuation(at, 2) else { return nil }
                index &+= 3
            case 0xF0...0xF4:
                if left < 4 { return index }
                let second = at.load(fromByteOffset: 1, as: UInt8.self)
                let low: UInt8 = lead == 0xF0 ? 0x90 : 0x80
                let high: UInt8 = lead == 0xF4 ? 0x8F : 0xBF
                guard second >= low, second <= high, isContinuation(at, 2), isContinuation(at, 3) else { return nil }
                index &+= 4
            default:
                return nil
            }
        }
        return index
    }

    @inline(__always)
    private static func isContinuation(_ at: UnsafeRawPointer, _ offset: Int) -> Bool {
        at.load(fromByteOffset: offset, as: UInt8.self) & 0xC0 == 0x80
    }
}
