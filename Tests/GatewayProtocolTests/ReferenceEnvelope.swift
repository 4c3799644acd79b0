@testable import GatewayProtocol

/// The envelope's rules written the slow and obvious way, one byte after the other, to compare the scanner with.
struct ReferenceEnvelope {
    private struct Malformed: Error {}

    private let bytes: [UInt8]
    private var at = 0

    /// Nil when the bytes are no envelope.
    static func scan(_ bytes: [UInt8]) -> Envelope? {
        var reader = ReferenceEnvelope(bytes: bytes)
        return try? reader.envelope()
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private var byte: UInt8? { at < bytes.count ? bytes[at] : nil }

    private mutating func take(_ wanted: Character) throws {
        guard let byte, byte == wanted.asciiValue else { throw Malformed() }
        at += 1
    }

    private mutating func whitespace() {
        while let byte, [9, 10, 13, 32].contains(byte) { at += 1 }
    }

    private mutating func envelope() throws -> Envelope {
        var envelope = Envelope()
        whitespace()
        try take("{")
        whitespace()
        if byte == UInt8(ascii: "}") {
            at += 1
        } else {
            while true {
                try field(&envelope)
                whitespace()
                if byte == UInt8(ascii: "}") {
                    at += 1
                    break
                }
                try take(",")
                whitespace()
            }
        }
        whitespace()
        guard at == bytes.count else { throw Malformed() }
        return envelope
    }

    private mutating func field(_ envelope: inout Envelope) throws {
        let key = try string().text
        whitespace()
        try take(":")
        whitespace()
        let start = at
        let isNull = byte == UInt8(ascii: "n")
        let isString = byte == UInt8(ascii: "\"")
        try value()
        let raw = Array(bytes[start..<at])
        switch key {
        case "op":
            guard let op = Int32(raw.text), op >= 0, raw.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { throw Malformed() }
            envelope.op = op
        case "s":
            if isNull {
                envelope.sequence = 0
            } else {
                guard raw.allSatisfy({ $0 >= 48 && $0 <= 57 }), let s = UInt64(raw.text) else { throw Malformed() }
                envelope.sequence = s
            }
        case "t":
            guard isNull || isString else { throw Malformed() }
            envelope.name = isNull ? 0..<0 : (start + 1)..<(at - 1)
            envelope.nameHasEscapes = isString && raw.contains(UInt8(ascii: "\\"))
        case "d":
            envelope.data = start..<at
        default:
            break
        }
    }

    private mutating func value() throws {
        switch byte {
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "{"), UInt8(ascii: "["): try container()
        case UInt8(ascii: "t"): for c in "true" { try take(c) }
        case UInt8(ascii: "f"): for c in "false" { try take(c) }
        case UInt8(ascii: "n"): for c in "null" { try take(c) }
        default: try number()
        }
    }

    private mutating func container() throws {
        let opening = bytes[at]
        var depth = 0
        var inString = false
        while let byte {
            at += 1
            if inString {
                if byte == UInt8(ascii: "\\") {
                    at += 1
                } else if byte == UInt8(ascii: "\"") {
                    inString = false
                }
            } else if byte == UInt8(ascii: "\"") {
                inString = true
            } else if byte == UInt8(ascii: "\\") {
                // No JSON, but nobody looks at it here: it hides the next byte when that is a quote.
                if self.byte == UInt8(ascii: "\"") || self.byte == UInt8(ascii: "\\") { at += 1 }
            } else if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
                depth += 1
            } else if byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") {
                depth -= 1
                if depth == 0 {
                    guard byte == (opening == UInt8(ascii: "{") ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
                        throw Malformed()
                    }
                    return
                }
            }
        }
        throw Malformed()
    }

    private mutating func digits() throws {
        guard let byte, byte >= 48, byte <= 57 else { throw Malformed() }
        while let byte = self.byte, byte >= 48, byte <= 57 { at += 1 }
    }

    private mutating func number() throws {
        if byte == UInt8(ascii: "-") { at += 1 }
        let start = at
        try digits()
        guard bytes[start] != UInt8(ascii: "0") || at == start + 1 else { throw Malformed() }
        if byte == UInt8(ascii: ".") {
            at += 1
            try digits()
        }
        if byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
            at += 1
            if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { at += 1 }
            try digits()
        }
    }

    /// The string's content, decoded.
    private mutating func string() throws -> [UInt8] {
        try take("\"")
        var units: [UInt16] = []
        var plain: [UInt8] = []
        var decoded = ""
        func flush() {
            decoded += String(decoding: plain, as: UTF8.self) + String(decoding: units, as: UTF16.self)
            plain = []
            units = []
        }
        while let byte {
            at += 1
            switch byte {
            case UInt8(ascii: "\""):
                flush()
                return Array(decoded.utf8)
            case 0..<0x20:
                throw Malformed()
            case UInt8(ascii: "\\"):
                guard let escape = self.byte else { throw Malformed() }
                at += 1
                if escape == UInt8(ascii: "u") {
                    guard at + 4 <= bytes.count,
                        bytes[at..<at + 4].allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
                        let unit = UInt16(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16)
                    else { throw Malformed() }
                    if units.isEmpty { flush() }
                    units.append(unit)
                    at += 4
                } else {
                    guard let known = Array("\"\\/bfnrt".utf8).firstIndex(of: escape) else { throw Malformed() }
                    flush()
                    plain.append(Array("\"\\/\u{8}\u{C}\n\r\t".utf8)[known])
                }
            default:
                if !units.isEmpty { flush() }
                plain.append(byte)
            }
        }
        throw Malformed()
    }
}
