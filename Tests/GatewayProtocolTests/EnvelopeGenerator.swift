/// Makes frames that are envelopes, and changes them so that they may not be any more.
enum EnvelopeGenerator {
    static func frame(_ random: inout SeededGenerator) -> [UInt8] {
        if Int.random(in: 0..<3, using: &random) == 0 {
            let name = ["MESSAGE_CREATE", "READY", "X", ""].randomElement(using: &random) ?? ""
            let s = UInt64.random(in: 0...(.max >> UInt64.random(in: 0..<64, using: &random)), using: &random)
            return bytes(#"{"t":"\#(name)","s":\#(s),"op":0,"d":\#(value(4, &random))}"#)
        }
        var text = space(&random) + "{" + space(&random)
        let fields = Int.random(in: 0..<6, using: &random)
        for field in 0..<fields {
            if field > 0 { text += "," + space(&random) }
            let key = keys.randomElement(using: &random) ?? "d"
            text += "\"\(key)\"" + space(&random) + ":" + space(&random)
            switch key {
            case "op", "\\u006fp": text += "\(Int.random(in: 0..<50, using: &random))"
            case "s", "\\u0073":
                text += Bool.random(using: &random) ? "null" : "\(Int.random(in: 0..<9999, using: &random))"
            case "t", "\\u0074": text += Bool.random(using: &random) ? "null" : string(&random)
            default: text += value(4, &random)
            }
            text += space(&random)
        }
        return bytes(text + "}" + space(&random))
    }

    static func mutate(_ frame: inout [UInt8], _ random: inout SeededGenerator) {
        let interesting = Array("{}[]\":,\\u0 ntf-.e\n".utf8)
        let byte = interesting[Int.random(in: 0..<interesting.count, using: &random)]
        let at = Int.random(in: 0..<max(frame.count, 1), using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0 where at < frame.count: frame[at] = byte
        case 1 where at < frame.count: frame.remove(at: at)
        case 2: frame = Array(frame[..<min(at, frame.count)])
        default: frame.insert(byte, at: min(at, frame.count))
        }
    }

    private static let keys = [
        "op", "s", "t", "d", "\\u006fp", "\\u0073", "\\u0074", "\\u0064", "x", "", "opp", "o", "dd", "trace", "\\n",
        "ö",
    ]

    private static func space(_ random: inout SeededGenerator) -> String {
        ["", "", "", " ", "\n", "\t \r\n"].randomElement(using: &random) ?? ""
    }

    private static func string(_ random: inout SeededGenerator) -> String {
        var text = "\""
        for _ in 0..<Int.random(in: 0..<40, using: &random) {
            text +=
                ["a", "B", "_", "{", "}", "[", "]", ",", ":", "\\\"", "\\\\", "\\u00e9", "é", "😀", "op"]
                .randomElement(using: &random) ?? ""
        }
        return text + "\""
    }

    private static func value(_ depth: Int, _ random: inout SeededGenerator) -> String {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 5), using: &random) {
        case 0: return string(&random)
        case 1:
            return ["0", "-1", "12.5", "1e9", "-0.25E-3", "123456789012345678901234567890"].randomElement(
                using: &random)!
        case 2: return ["true", "false", "null"].randomElement(using: &random)!
        case 3: return "[]"
        case 4: return "{}"
        case 5:
            let items = (0..<Int.random(in: 0..<5, using: &random)).map { _ in value(depth - 1, &random) }
            return "[" + items.joined(separator: "," + space(&random)) + "]"
        default:
            let items = (0..<Int.random(in: 0..<6, using: &random)).map { _ in
                "\"" + (keys.randomElement(using: &random) ?? "") + "\":" + value(depth - 1, &random)
            }
            return "{" + items.joined(separator: "," + space(&random)) + "}"
        }
    }
}
