/// Why a field could not be read.
package enum JSONFieldError: Error, Equatable {
    /// Nothing is there: a key or index on the way is missing, or a scalar stands where the pointer goes on.
    case notFound
    /// Something is there, but not of the wanted type, or not within its range.
    case wrongType
    /// The text is not JSON as far as it was looked at.
    case malformed
    /// The pointer is neither empty nor begins with a slash, or has a `~` that neither 0 nor 1 follows.
    case badPointer
}

/// Reads single fields of raw JSON by RFC 6901 pointers, such as `/author/id` or `/mentions/0/id`, without building
/// anything from the rest of it.
///
/// Values beside the way are skipped by their brackets, without recursion, so nesting of any depth is fine; what is
/// skipped is not checked. Of several equal keys the first one counts. Nothing is allocated except by `double`.
package enum JSONField {
    /// The raw text of the value that `pointer` names, without whitespace around it. The empty pointer names the whole
    /// text. The result points into `json`.
    package static func find(
        _ json: UnsafeRawBufferPointer, pointer: UnsafeRawBufferPointer
    ) throws(JSONFieldError) -> UnsafeRawBufferPointer {
        var cursor = try locate(json, pointer: pointer)
        let start = cursor.position
        do { try cursor.skipValue() } catch { throw .malformed }
        return UnsafeRawBufferPointer(rebasing: json[start..<cursor.position])
    }

    /// At the start of the value that `pointer` names.
    private static func locate(
        _ json: UnsafeRawBufferPointer, pointer: UnsafeRawBufferPointer
    ) throws(JSONFieldError) -> JSONCursor {
        guard pointer.isEmpty || pointer[0] == UInt8(ascii: "/") else { throw .badPointer }
        guard var cursor = JSONCursor(json) else { throw .malformed }
        cursor.skipWhitespace()
        var rest = pointer
        while !rest.isEmpty {
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst())
            let length = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.count
            let token = try JSONPointerToken(UnsafeRawBufferPointer(rebasing: rest.prefix(length)))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(length))
            // A bad pointer is one wherever the way ends: check the rest of it before saying "not found".
            do throws(JSONFieldError) {
                try cursor.descend(to: token)
            } catch {
                try check(rest)
                throw error
            }
        }
        return cursor
    }

    private static func check(_ pointer: UnsafeRawBufferPointer) throws(JSONFieldError) {
        var rest = pointer
        while !rest.isEmpty {
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst())
            let length = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.count
            _ = try JSONPointerToken(UnsafeRawBufferPointer(rebasing: rest.prefix(length)))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(length))
        }
    }

    /// The string at `pointer`.
    package static func text(
        _ json: UnsafeRawBufferPointer, pointer: UnsafeRawBufferPointer
    ) throws(JSONFieldError) -> JSONText {
        var cursor = try locate(json, pointer: pointer)
        guard cursor.current == UInt8(ascii: "\"") else {
            do { try cursor.skipValue() } catch { throw .malformed }
            throw .wrongType
        }
        do {
            let (content, hasEscapes) = try cursor.string()
            return JSONText(cursor: cursor, content: content, hasEscapes: hasEscapes)
        } catch { throw .malformed }
    }

    /// Writes the string at `pointer`, unescaped, into `buffer` as far as it fits, and returns the bytes it needs.
    /// No NUL is written. A result above `buffer.count` means that the string was cut, maybe within a character.
    package static func string(
        _ json: UnsafeRawBufferPointer, pointer: UnsafeRawBufferPointer, into buffer: UnsafeMutableRawBufferPointer
    ) throws(JSONFieldError) -> Int {
        try text(json, pointer: pointer).write(into: buffer)
    }

    /// The unsigned integer at `pointer`: a number without fraction, or a string of digits such as a snowflake.
    package static func uint64(
        _ json: UnsafeRawBufferPointer, pointer: UnsafeRawBufferPointer
    ) throws(JSONFieldError) -> UInt64 {
        var cursor = try locate(json, pointer: pointer)
        var content = cursor.position..<cursor.position
        do {
            if cursor.current == UInt8(ascii: "\"") {
                content = try cursor.string().content
            } else {
                try cursor.skipValue()
                content = content.lowerBound..<cursor.position
            }
        } catch { throw .malformed }
        let digits = UnsafeRawBufferPointer(rebasing: json[content])
        guard !digits.isEmpty else { throw .wrongType }
        var result: UInt64 = 0
        for byte in digits {
            guard JSONCursor.isDigit(byte) else { throw .wrongType }
            let (product, tooLarge) = result.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = product.addingReportingOverflow(UInt64(byte &- UInt8(ascii: "0")))
            guard !tooLarge, !overflow else { throw .wrongType }
            result = sum
        }
        return result
    }

    /// The number at `pointer`, correctly rounded; infinite when it is larger than a double can be.
    package static func double(
        _ json: UnsafeRawBufferPointer, pointer: UnsafeRawBufferPointer
    ) throws(JSONFieldError) -> Double {
        let value = try find(json, pointer: pointer)
        guard let first = value.first, first == UInt8(ascii: "-") || JSONCursor.isDigit(first) else { throw .wrongType }
        // The grammar was checked. The standard library's conversion knows no locale.
        guard let result = Double(String(decoding: value, as: UTF8.self)) else { throw .malformed }
        return result
    }

    /// The boolean at `pointer`.
    package static func bool(
        _ json: UnsafeRawBufferPointer, pointer: UnsafeRawBufferPointer
    ) throws(JSONFieldError) -> Bool {
        switch try find(json, pointer: pointer).first {
        case UInt8(ascii: "t"): return true
        case UInt8(ascii: "f"): return false
        default: throw .wrongType
        }
    }
}

extension JSONCursor {
    /// From the start of a value to the start of the value in it that `token` names.
    fileprivate mutating func descend(to token: JSONPointerToken) throws(JSONFieldError) {
        switch current {
        case UInt8(ascii: "{"): try descendIntoObject(token)
        case UInt8(ascii: "["):
            guard let index = token.index else { throw .notFound }
            try descendIntoArray(index)
        default:
            do { try skipScalar() } catch { throw .malformed }
            throw .notFound
        }
    }

    private mutating func descendIntoObject(_ token: JSONPointerToken) throws(JSONFieldError) {
        position &+= 1
        skipWhitespace()
        if current == UInt8(ascii: "}") { throw .notFound }
        while true {
            do {
                let (content, hasEscapes) = try string()
                skipWhitespace()
                guard current == UInt8(ascii: ":") else { throw error("has no colon behind a key") }
                position &+= 1
                skipWhitespace()
                if token.matches(content, keyHasEscapes: hasEscapes, in: self) { return }
                try skipValue()
            } catch { throw .malformed }
            try nextElement(or: UInt8(ascii: "}"))
        }
    }

    private mutating func descendIntoArray(_ index: Int) throws(JSONFieldError) {
        position &+= 1
        skipWhitespace()
        if current == UInt8(ascii: "]") { throw .notFound }
        for _ in 0..<index {
            do { try skipValue() } catch { throw .malformed }
            try nextElement(or: UInt8(ascii: "]"))
        }
    }

    /// From behind an element to the next one.
    private mutating func nextElement(or closing: UInt8) throws(JSONFieldError) {
        skipWhitespace()
        if current == closing { throw .notFound }
        guard current == UInt8(ascii: ",") else { throw .malformed }
        position &+= 1
        skipWhitespace()
    }
}
