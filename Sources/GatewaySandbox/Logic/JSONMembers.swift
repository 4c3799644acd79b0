/// Where the members of a JSON object lie in its text.
///
/// Only for text that is known to be valid JSON (the sample catalogue): it finds the ends of values, it does not check
/// them.
struct JSONMembers {
    /// Key and the bytes of its value, in the order of the text.
    private(set) var members: [(key: String, value: Range<Int>)] = []

    /// The members of the object that starts at `start` (a `{`).
    init(of bytes: [UInt8], at start: Int = 0) {
        var at = start + 1
        while at < bytes.count, bytes[at] != UInt8(ascii: "}") {
            guard bytes[at] == UInt8(ascii: "\"") else {
                at += 1
                continue
            }
            let keyEnd = Self.end(of: bytes, at: at)
            let key = String(decoding: bytes[at + 1..<keyEnd - 1], as: UTF8.self)
            at = keyEnd
            while at < bytes.count, bytes[at] == UInt8(ascii: ":") || bytes[at] == 0x20 { at += 1 }
            let valueEnd = Self.end(of: bytes, at: at)
            members.append((key, at..<valueEnd))
            at = valueEnd
        }
    }

    subscript(key: String) -> Range<Int>? { members.first { $0.key == key }?.value }

    /// The index just after the value that starts at `start`.
    private static func end(of bytes: [UInt8], at start: Int) -> Int {
        var at = start
        var depth = 0
        while at < bytes.count {
            switch bytes[at] {
            case UInt8(ascii: "\""):
                at += 1
                while at < bytes.count, bytes[at] != UInt8(ascii: "\"") {
                    at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1
                }
                at += 1
                if depth == 0 { return min(at, bytes.count) }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                at += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return at }
                depth -= 1
                at += 1
                if depth == 0 { return at }
            case UInt8(ascii: ",") where depth == 0: return at
            default: at += 1
            }
        }
        return bytes.count
    }
}
