extension Envelope {
    /// Reads the envelope of one frame without reading its body.
    ///
    /// Keys may come in any order, with any whitespace, with escapes, and more than once (the last one counts, as in
    /// most JSON readers); unknown ones are skipped. Keys inside the body are never mistaken for the envelope's.
    ///
    /// - `op` must be an integer from 0 to 2³¹ − 1, `s` null or an integer from 0 to 2⁶⁴ − 1, `t` null or a string.
    /// - Outside of objects and arrays the text is checked to the letter. Inside of them strings must end and brackets
    ///   must balance; the rest is for those who read fields of the body.
    ///
    /// - Throws: `EnvelopeError` with the offset of the first byte that does not fit.
    package static func scan(_ bytes: UnsafeRawBufferPointer) throws(EnvelopeError) -> Envelope {
        if let dispatch = UsualDispatch(bytes, names: .shared) { return Envelope(dispatch, in: bytes) }
        guard var cursor = JSONCursor(bytes) else { throw EnvelopeError(offset: 0, reason: "is not a JSON object") }
        return try cursor.envelope()
    }

    /// The same for bytes in an array, without the short cut: it is for what is not received.
    package static func scan(_ bytes: [UInt8]) throws(EnvelopeError) -> Envelope {
        try bytes.span.withUnsafeBytes { (bytes) throws(EnvelopeError) in
            guard var cursor = JSONCursor(bytes) else { throw EnvelopeError(offset: 0, reason: "is not a JSON object") }
            return try cursor.envelope()
        }
    }

    fileprivate enum Field {
        case op, sequence, name, data, other
    }
}

extension JSONCursor {
    /// Reads an envelope of any shape.
    @inline(never)
    fileprivate mutating func envelope() throws(JSONSyntaxError) -> Envelope {
        var envelope = Envelope()
        skipWhitespace()
        guard current == UInt8(ascii: "{") else { throw error("is not a JSON object") }
        position &+= 1
        skipWhitespace()
        if current == UInt8(ascii: "}") {
            try end()
            return envelope
        }
        while true {
            let field = try key()
            try value(of: field, &envelope)
            skipWhitespace()
            switch current {
            case UInt8(ascii: "}"):
                try end()
                return envelope
            case UInt8(ascii: ","):
                position &+= 1
                skipWhitespace()
            default:
                throw error("has no comma or closing brace behind a value")
            }
        }
    }

    /// Moves over a key and its colon to the value.
    fileprivate mutating func key() throws(JSONSyntaxError) -> Envelope.Field {
        let (content, hasEscapes) = try string()
        let field = hasEscapes ? try escapedField(content) : plainField(content)
        skipWhitespace()
        guard current == UInt8(ascii: ":") else { throw error("has no colon behind a key") }
        position &+= 1
        skipWhitespace()
        return field
    }

    private func plainField(_ content: Range<Int>) -> Envelope.Field {
        switch content.count {
        case 1: Envelope.Field(self[content.lowerBound], nil)
        case 2: Envelope.Field(self[content.lowerBound], self[content.lowerBound &+ 1])
        default: .other
        }
    }

    /// A key such as `"\u006fp"`. The names sought are ASCII, two characters at most: more need not be decoded.
    private func escapedField(_ content: Range<Int>) throws(JSONSyntaxError) -> Envelope.Field {
        var characters: (UInt8?, UInt8?) = (nil, nil)
        var offset = content.lowerBound
        while offset < content.upperBound {
            var character = self[offset]
            offset &+= 1
            if character == UInt8(ascii: "\\") {
                // The string was checked: another byte follows, and four digits behind a u.
                guard self[offset] == UInt8(ascii: "u") else { return .other }
                var unit: UInt16 = 0
                for digit in 1...4 { unit = unit << 4 | (JSONCursor.hexDigit(self[offset &+ digit]) ?? 0) }
                guard unit < 0x80 else { return .other }
                character = UInt8(truncatingIfNeeded: unit)
                offset &+= 5
            }
            if characters.0 == nil {
                characters.0 = character
            } else if characters.1 == nil {
                characters.1 = character
            } else {
                return .other
            }
        }
        guard let first = characters.0 else { return .other }
        return Envelope.Field(first, characters.1)
    }

    @inline(__always)
    fileprivate mutating func value(of field: Envelope.Field, _ envelope: inout Envelope) throws(JSONSyntaxError) {
        switch field {
        case .data:
            let start = position
            try skipValue()
            envelope.data = start..<position
        case .op:
            let start = position
            let op = try unsignedInteger()
            guard let op = Int32(exactly: op) else {
                position = start
                throw error("has an opcode that does not fit in 31 bits")
            }
            envelope.op = op
        case .sequence:
            if current == UInt8(ascii: "n") {
                try literal()
                envelope.sequence = 0
            } else {
                envelope.sequence = try unsignedInteger()
            }
        case .name:
            if current == UInt8(ascii: "n") {
                try literal()
                (envelope.name, envelope.nameHasEscapes) = (0..<0, false)
            } else {
                (envelope.name, envelope.nameHasEscapes) = try string()
            }
        case .other:
            try skipValue()
        }
    }

    /// At the brace that closes the envelope: only whitespace may follow.
    @inline(__always)
    fileprivate mutating func end() throws(JSONSyntaxError) {
        position &+= 1
        skipWhitespace()
        guard position == count else { throw error("goes on behind its closing brace") }
    }
}

extension Envelope.Field {
    fileprivate init(_ first: UInt8, _ second: UInt8?) {
        switch (first, second) {
        case (UInt8(ascii: "o"), UInt8(ascii: "p")): self = .op
        case (UInt8(ascii: "s"), nil): self = .sequence
        case (UInt8(ascii: "t"), nil): self = .name
        case (UInt8(ascii: "d"), nil): self = .data
        default: self = .other
        }
    }
}
