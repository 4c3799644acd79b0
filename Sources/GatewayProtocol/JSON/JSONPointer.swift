/// One part of an RFC 6901 pointer, between two slashes, still escaped: `~0` stands for `~` and `~1` for `/`.
struct JSONPointerToken {
    private let bytes: UnsafeRawBufferPointer
    private let hasEscapes: Bool

    init(_ bytes: UnsafeRawBufferPointer) throws(JSONFieldError) {
        var escapes = false
        for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "~") {
            escapes = true
            guard index + 1 < bytes.count,
                bytes[index + 1] == UInt8(ascii: "0") || bytes[index + 1] == UInt8(ascii: "1")
            else { throw .badPointer }
        }
        self.bytes = bytes
        hasEscapes = escapes
    }

    /// Whether the key with this content in the text of `cursor` is the one the token names.
    @inline(__always)
    func matches(_ content: Range<Int>, keyHasEscapes: Bool, in cursor: JSONCursor) -> Bool {
        // Most keys differ in their length already.
        if !hasEscapes, !keyHasEscapes, content.count != bytes.count { return false }
        return equals(content, keyHasEscapes: keyHasEscapes, in: cursor)
    }

    private func equals(_ content: Range<Int>, keyHasEscapes: Bool, in cursor: JSONCursor) -> Bool {
        if !hasEscapes, !keyHasEscapes {
            for index in 0..<bytes.count where bytes[index] != cursor[content.lowerBound &+ index] { return false }
            return true
        }
        var key = JSONStringDecoder(cursor, content)
        var index = 0
        while index < bytes.count {
            var byte = bytes[index]
            index += 1
            if byte == UInt8(ascii: "~") {
                byte = bytes[index] == UInt8(ascii: "0") ? UInt8(ascii: "~") : UInt8(ascii: "/")
                index += 1
            }
            guard key.next() == byte else { return false }
        }
        return key.next() == nil
    }

    /// The array index the token is, nil when it is none: digits without a leading zero. (`-`, the place behind the
    /// last element, never has a value.)
    var index: Int? {
        guard let first = bytes.first, bytes.count == 1 || first != UInt8(ascii: "0"), bytes.count <= 18 else {
            return nil
        }
        var value = 0
        for byte in bytes {
            guard JSONCursor.isDigit(byte) else { return nil }
            value = value &* 10 &+ Int(byte &- UInt8(ascii: "0"))
        }
        return value
    }
}
