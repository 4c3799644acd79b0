/// The bot's status and activities: the body of opcode 3 and of IDENTIFY's `presence` (`gateway.md` §13).
package struct PresenceUpdate: Sendable, Equatable {
    /// The object, checked and complete.
    package let json: [UInt8]

    /// What `status` may be (`gateway.md` §13).
    package static let statuses = ["online", "dnd", "idle", "invisible", "offline"]

    /// Takes a JSON object as a user writes it, such as `{"status":"idle"}`. The gateway requires all of `since`,
    /// `activities`, `status` and `afk`; missing ones are added as null, `[]`, `"online"` and false.
    package init(json user: [UInt8]) throws(CommandError) {
        do throws(JSONSyntaxError) { try JSONCheck.validate(user) } catch { throw .notJSON("presence", error) }
        guard user.first(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }) == UInt8(ascii: "{") else {
            throw .invalid("The presence must be a JSON object.")
        }
        var additions: [(key: String, value: String)] = []
        func check(
            _ key: String, default value: String, _ allowed: String, _ isAllowed: (UnsafeRawBufferPointer) -> Bool
        ) throws(CommandError) {
            let found = user.withUnsafeBytes { bytes in
                Array("/\(key)".utf8).withUnsafeBytes { pointer in
                    (try? JSONField.find(bytes, pointer: pointer)).map(isAllowed)
                }
            }
            switch found {
            case nil: additions.append((key, value))
            case false?: throw .invalid("The presence's \"\(key)\" must be \(allowed).")
            case true?: break
            }
        }
        try check("since", default: "null", "null or a number of milliseconds") {
            $0.first == UInt8(ascii: "n") || $0.allSatisfy(JSONCursor.isDigit)
        }
        try check("activities", default: "[]", "an array") { $0.first == UInt8(ascii: "[") }
        try check("status", default: "\"online\"", "one of \(PresenceUpdate.statuses.joined(separator: ", "))") { raw in
            PresenceUpdate.statuses.contains { "\"\($0)\"".utf8.elementsEqual(raw) }
        }
        try check("afk", default: "false", "true or false") {
            $0.first == UInt8(ascii: "t") || $0.first == UInt8(ascii: "f")
        }
        json = PresenceUpdate.complete(user, with: additions)
    }

    /// The object with more keys at its end.
    private static func complete(_ object: [UInt8], with additions: [(key: String, value: String)]) -> [UInt8] {
        guard !additions.isEmpty, let end = object.lastIndex(of: UInt8(ascii: "}")) else { return object }
        let isEmpty = object[..<end].last { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: "{")
        let text = additions.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
        return object[..<end] + Array((isEmpty ? text : "," + text).utf8) + [UInt8(ascii: "}")]
    }

    /// The payload of opcode 3.
    package func payload() throws(CommandError) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: json.count + 16)
        writer.beginObject()
        writer.key("op")
        writer.number(Opcode.presenceUpdate.rawValue)
        writer.key("d")
        writer.raw(json)
        writer.endObject()
        return try Payload.checkSize(writer.bytes)
    }
}

extension CommandError {
    static func notJSON(_ what: String, _ error: JSONSyntaxError) -> CommandError {
        .malformed("The \(what) \(error.reason) (at byte \(error.offset)).")
    }
}
