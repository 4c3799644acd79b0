/// The UTF-8 bytes that the content of a JSON string stands for, one after the other.
///
/// Escaped surrogate pairs become one character; a surrogate without its other half becomes U+FFFD, as JSON allows it
/// and UTF-8 has no bytes for it. Other bytes are passed on as they are.
struct JSONStringDecoder {
    private let cursor: JSONCursor
    private var offset: Int
    private let end: Int
    /// Decoded bytes not handed out yet, the next one lowest, and how many.
    private var pending: UInt32 = 0
    private var pendingCount = 0

    /// `content` is the range between the quotes of a string that the cursor has moved over, so its escapes are sound.
    init(_ cursor: JSONCursor, _ content: Range<Int>) {
        self.cursor = cursor
        offset = content.lowerBound
        end = content.upperBound
    }

    mutating func next() -> UInt8? {
        if pendingCount > 0 {
            let byte = UInt8(truncatingIfNeeded: pending)
            pending >>= 8
            pendingCount &-= 1
            return byte
        }
        guard offset < end else { return nil }
        let byte = cursor[offset]
        offset &+= 1
        guard byte == UInt8(ascii: "\\"), offset < end else { return byte }
        let escape = cursor[offset]
        offset &+= 1
        switch escape {
        case UInt8(ascii: "b"): return 0x08
        case UInt8(ascii: "f"): return 0x0C
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "u"): return character()
        default: return escape
        }
    }

    private func unit(at offset: Int) -> UInt16 {
        var unit: UInt16 = 0
        for index in offset..<min(offset &+ 4, end) { unit = unit << 4 | (JSONCursor.hexDigit(cursor[index]) ?? 0) }
        return unit
    }

    /// The first byte of the character whose `\u` was just read; the others wait their turn.
    private mutating func character() -> UInt8 {
        let first = unit(at: offset)
        offset = min(offset &+ 4, end)
        var value = UInt32(first)
        if UTF16.isLeadSurrogate(first), offset &+ 6 <= end, cursor[offset] == UInt8(ascii: "\\"),
            cursor[offset &+ 1] == UInt8(ascii: "u")
        {
            let second = unit(at: offset &+ 2)
            if UTF16.isTrailSurrogate(second) {
                value = 0x10000 &+ (UInt32(first &- 0xD800) << 10 | UInt32(second &- 0xDC00))
                offset &+= 6
            }
        }
        let scalar = Unicode.Scalar(value) ?? "\u{FFFD}"
        var bytes: UInt32 = 0
        var count = 0
        for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
            bytes |= UInt32(byte) << UInt32(8 &* count)
            count &+= 1
        }
        pending = bytes >> 8
        pendingCount = count &- 1
        return UInt8(truncatingIfNeeded: bytes)
    }
}
