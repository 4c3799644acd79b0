import CLinuxSIMD

/// A position in JSON text that moves over one token at a time. It never reads outside the text and never allocates.
///
/// Scalars are checked to the letter. Objects and arrays can be skipped whole, which looks at strings, escapes and the
/// balance of brackets only: sixty-four bytes at a time, that is what makes reading an envelope cheap.
struct JSONCursor {
    let base: UnsafeRawPointer
    let count: Int
    var position: Int

    /// Nil for a buffer without memory, which is no JSON either.
    @inline(__always)
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return nil }
        self.base = base
        count = bytes.count
        position = 0
    }

    /// The byte at the position, zero at the end of the text. A zero byte in the text fits no token either.
    @inline(__always)
    var current: UInt8 { position < count ? self[position] : 0 }

    /// The byte at `offset`, which the caller has compared with `count`.
    @inline(__always)
    subscript(offset: Int) -> UInt8 { base.load(fromByteOffset: offset, as: UInt8.self) }

    func error(_ reason: StaticString) -> JSONSyntaxError { JSONSyntaxError(offset: position, reason: reason) }

    @inline(__always)
    mutating func skipWhitespace() {
        // The gateway writes none: one comparison tells.
        while position < count, self[position] <= UInt8(ascii: " ") {
            switch self[position] {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"): position &+= 1
            default: return
            }
        }
    }
}

// MARK: - Strings

extension JSONCursor {
    /// Moves over a string that begins here and gives the range between its quotes, and whether it holds escapes.
    mutating func string() throws(JSONSyntaxError) -> (content: Range<Int>, hasEscapes: Bool) {
        guard current == UInt8(ascii: "\"") else { throw error("has something else where a string belongs") }
        let start = position &+ 1
        var escapes = false
        position = start
        while true {
            skipPlainCharacters()
            switch current {
            case UInt8(ascii: "\""):
                let end = position
                position &+= 1
                return (start..<end, escapes)
            case UInt8(ascii: "\\"):
                escapes = true
                try skipEscape()
            default:
                guard position < count else { throw error("ends inside a string") }
                throw error("has an unescaped control character in a string")
            }
        }
    }

    /// Moves to the next quote, backslash or control character, sixteen bytes at a time while there are sixteen.
    @inline(__always)
    mutating func skipPlainCharacters() {
        while count &- position >= 16 {
            let distance = clinux_special_within_16((base + position).assumingMemoryBound(to: UInt8.self))
            position &+= Int(distance)
            if distance < 16 { return }
        }
        while position < count {
            let byte = self[position]
            if byte == 0x22 || byte == 0x5C || byte < 0x20 { return }
            position &+= 1
        }
    }

    mutating func skipEscape() throws(JSONSyntaxError) {
        position &+= 1
        switch current {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position &+= 1
        case UInt8(ascii: "u"):
            position &+= 1
            for _ in 0..<4 {
                guard JSONCursor.hexDigit(current) != nil else { throw error("has a \\u escape without four digits") }
                position &+= 1
            }
        default:
            throw error("has an escape that JSON does not know")
        }
    }

    static func hexDigit(_ byte: UInt8) -> UInt16? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt16(byte &- UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt16(byte &- UInt8(ascii: "a") &+ 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt16(byte &- UInt8(ascii: "A") &+ 10)
        default: nil
        }
    }
}

// MARK: - Numbers and literals

extension JSONCursor {
    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    @inline(__always)
    private mutating func skipDigits() {
        while position < count, JSONCursor.isDigit(self[position]) { position &+= 1 }
    }

    /// Moves over a number of any kind.
    mutating func number() throws(JSONSyntaxError) {
        if current == UInt8(ascii: "-") { position &+= 1 }
        guard JSONCursor.isDigit(current) else { throw error("has a number without digits") }
        if current == UInt8(ascii: "0") { position &+= 1 } else { skipDigits() }
        guard !JSONCursor.isDigit(current) else { throw error("has a number with a leading zero") }
        if current == UInt8(ascii: ".") {
            position &+= 1
            guard JSONCursor.isDigit(current) else { throw error("has a number without digits after the point") }
            skipDigits()
        }
        if current | 0x20 == UInt8(ascii: "e") {
            position &+= 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position &+= 1 }
            guard JSONCursor.isDigit(current) else { throw error("has a number without digits in its exponent") }
            skipDigits()
        }
    }

    /// Moves over a number that must be an integer from 0 to 2⁶⁴ − 1, written without point or exponent.
    @inline(__always)
    mutating func unsignedInteger() throws(JSONSyntaxError) -> UInt64 {
        let start = position
        var value: UInt64 = 0
        while position < count {
            let digit = self[position] &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            value = value &* 10 &+ UInt64(digit)
            position &+= 1
        }
        let digits = position &- start
        // Nineteen digits always fit, so the common case needs no check per digit.
        guard digits > 0, digits < 20, digits == 1 || self[start] != UInt8(ascii: "0") else {
            return try unusualInteger(from: start)
        }
        let next = current
        guard next != UInt8(ascii: "."), next | 0x20 != UInt8(ascii: "e") else {
            throw error("has a fraction or an exponent where an integer belongs")
        }
        return value
    }

    @inline(never)
    private mutating func unusualInteger(from start: Int) throws(JSONSyntaxError) -> UInt64 {
        let end = position
        position = start
        guard end > start else { throw error("has something else where a non-negative integer belongs") }
        guard self[start] != UInt8(ascii: "0") else { throw error("has a number with a leading zero") }
        var value: UInt64 = 0
        for offset in start..<end {
            let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = product.addingReportingOverflow(UInt64(self[offset] &- UInt8(ascii: "0")))
            guard !tooLarge, !overflow else { throw error("has an integer that does not fit in 64 bits") }
            value = sum
        }
        position = end
        guard current != UInt8(ascii: "."), current | 0x20 != UInt8(ascii: "e") else {
            throw error("has a fraction or an exponent where an integer belongs")
        }
        return value
    }

    /// Moves over `true`, `false` or `null`.
    @inline(__always)
    mutating func literal() throws(JSONSyntaxError) {
        // Words compare faster than letters, where there are five to look at.
        if count &- position >= 5 {
            let word = UInt32(littleEndian: base.loadUnaligned(fromByteOffset: position, as: UInt32.self))
            // null, true, fals
            if word == 0x6C6C_756E || word == 0x6575_7274 {
                position &+= 4
                return
            }
            if word == 0x736C_6166, self[position &+ 4] == UInt8(ascii: "e") {
                position &+= 5
                return
            }
        }
        try unusualLiteral()
    }

    @inline(never)
    private mutating func unusualLiteral() throws(JSONSyntaxError) {
        let text: StaticString
        switch current {
        case UInt8(ascii: "t"): text = "true"
        case UInt8(ascii: "f"): text = "false"
        case UInt8(ascii: "n"): text = "null"
        default:
            guard position < count else { throw error("ends where a value belongs") }
            throw error("has something else where a value belongs")
        }
        for offset in 0..<text.utf8CodeUnitCount {
            guard current == text.utf8Start[offset] else { throw error("has a misspelt literal") }
            position &+= 1
        }
    }
}

// MARK: - Whole values

extension JSONCursor {
    /// Moves over the value that begins here: a scalar to the letter, an object or array by its brackets.
    @inline(__always)
    mutating func skipValue() throws(JSONSyntaxError) {
        switch current {
        case UInt8(ascii: "{"), UInt8(ascii: "["): try skipContainer()
        default: try skipScalar()
        }
    }

    /// Moves over a string, number or literal.
    @inline(never)
    mutating func skipScalar() throws(JSONSyntaxError) {
        switch current {
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try number()
        default: try literal()
        }
    }

    /// Moves over the object or array that begins here. Brackets of both kinds are counted together and the last one
    /// is compared with the first: telling the kinds apart all the way costs a third more, and whoever reads a field
    /// in between notices.
    mutating func skipContainer() throws(JSONSyntaxError) {
        let start = position
        // Empty ones are many, and not worth the set-up.
        if start &+ 1 < count, self[start &+ 1] == self[start] &+ 2 {
            position = start &+ 2
            return
        }
        let end = count >= 64 ? closing(behind: start) : closingInShortText(behind: start)
        guard end != 0 else {
            position = count
            throw error("ends inside an object or array")
        }
        position = end
        // In ASCII each closing bracket stands two after its opening one.
        guard self[end &- 1] == self[start] &+ 2 else {
            position = end &- 1
            throw error("closes an object or array with the other kind of bracket")
        }
    }

    /// The end of the container whose opening bracket is at `start`, or 0, in a text of 64 bytes or more.
    @inline(__always)
    private func closing(behind start: Int) -> Int {
        var wide = clinux_wide()
        return clinux_json_close(base.assumingMemoryBound(to: UInt8.self), count, start &+ 1, &wide)
    }

    /// The same for a shorter text, which is copied to 64 bytes first. The zeros behind it are no brackets.
    @inline(never)
    private func closingInShortText(behind start: Int) -> Int {
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 16) { block in
            block.initializeMemory(as: UInt8.self, repeating: 0)
            block.copyMemory(from: UnsafeRawBufferPointer(start: base, count: count))
            guard let text = block.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return 0 }
            var wide = clinux_wide()
            return clinux_json_close(text, 64, start &+ 1, &wide)
        }
    }
}
