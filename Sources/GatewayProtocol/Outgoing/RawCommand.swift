/// A payload that a user wrote whole.
package enum RawCommand {
    /// Opcodes whose place in the session only the engine knows (`gateway.md` §5): HEARTBEAT, IDENTIFY and RESUME.
    package static let reserved: [Opcode] = [.heartbeat, .identify, .resume]

    /// The opcode of a payload that may be sent as it is: one JSON object in UTF-8, of `Payload.maximumSize` bytes at
    /// most, with an opcode that is not reserved.
    package static func check(_ payload: [UInt8]) throws(CommandError) -> Int32 {
        guard payload.count <= Payload.maximumSize else { throw .tooLarge(bytes: payload.count) }
        let envelope: Envelope
        do throws(JSONSyntaxError) {
            try JSONCheck.validate(payload)
            envelope = try Envelope.scan(payload)
        } catch { throw .notJSON("command", error) }
        guard envelope.op >= 0 else { throw .malformed("The command has no \"op\".") }
        guard !reserved.contains(where: { $0.rawValue == envelope.op }) else { throw .reserved(opcode: envelope.op) }
        return envelope.op
    }
}
