/// Whether bytes are JSON to the letter: for what users hand in, before it is sent in their name.
package enum JSONCheck {
    /// The deepest nesting accepted (practice: the usual limit of JSON readers, and far above any payload).
    package static let maximumDepth = 1_000

    /// Throws unless `bytes` are exactly one well-formed JSON value in UTF-8, with whitespace around it at most.
    package static func validate(_ bytes: UnsafeRawBufferPointer) throws(JSONSyntaxError) {
        guard var cursor = JSONCursor(bytes) else { throw JSONSyntaxError(offset: 0, reason: "is empty") }
        do {
            _ = try UTF8Span(validating: bytes.bindMemory(to: UInt8.self).span)
        } catch {
            throw JSONSyntaxError(offset: error.byteOffsets.lowerBound, reason: "is not UTF-8")
        }
        cursor.skipWhitespace()
        guard cursor.position < cursor.count else { throw cursor.error("is empty") }
        try cursor.checkValue()
        cursor.skipWhitespace()
        guard cursor.position == cursor.count else { throw cursor.error("goes on behind its value") }
    }
}

extension JSONCheck {
    package static func validate(_ bytes: [UInt8]) throws(JSONSyntaxError) {
        try bytes.span.withUnsafeBytes { (bytes) throws(JSONSyntaxError) in try validate(bytes) }
    }
}

extension JSONCursor {
    /// Moves over one value and checks all of it. The stack is a bit for each open bracket, set for an object.
    fileprivate mutating func checkValue() throws(JSONSyntaxError) {
        var kinds = InlineArray<16, UInt64>(repeating: 0)
        var depth = 0
        while true {
            // In front of a value.
            let opening = current
            if opening == UInt8(ascii: "{") || opening == UInt8(ascii: "[") {
                guard depth < JSONCheck.maximumDepth else { throw error("is nested deeper than 1000 levels") }
                let bit = UInt64(1) << UInt64(depth & 63)
                if opening == UInt8(ascii: "{") { kinds[depth >> 6] |= bit } else { kinds[depth >> 6] &= ~bit }
                depth &+= 1
                position &+= 1
                skipWhitespace()
                if current != opening &+ 2 {
                    if opening == UInt8(ascii: "{") { try checkKey() }
                    continue
                }
                position &+= 1
                depth &-= 1
            } else {
                try skipScalar()
            }
            // Behind a value: close what ends here, up to the next value.
            while true {
                if depth == 0 { return }
                let inObject = kinds[(depth &- 1) >> 6] >> UInt64((depth &- 1) & 63) & 1 == 1
                skipWhitespace()
                if current == UInt8(ascii: ",") {
                    position &+= 1
                    skipWhitespace()
                    if inObject { try checkKey() }
                    break
                }
                guard current == (inObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
                    guard position < count else { throw error("ends inside an object or array") }
                    throw error("has something else where a comma or closing bracket belongs")
                }
                position &+= 1
                depth &-= 1
            }
        }
    }

    private mutating func checkKey() throws(JSONSyntaxError) {
        _ = try string()
        skipWhitespace()
        guard current == UInt8(ascii: ":") else { throw error("has no colon behind a key") }
        position &+= 1
        skipWhitespace()
    }
}
