/// Why a command is not sent.
package enum CommandError: Error, Equatable {
    /// It has more than `Payload.maximumSize` bytes.
    case tooLarge(bytes: Int)
    /// It is not JSON, or not an object with an opcode.
    case malformed(String)
    /// Its opcode belongs to the engine.
    case reserved(opcode: Int32)
    /// One of its values is outside of what the protocol allows.
    case invalid(String)

    /// What is wrong with which value, one sentence.
    package var message: String {
        switch self {
        case .tooLarge(let bytes):
            "The command has \(bytes) bytes; the gateway takes at most \(Payload.maximumSize)."
        case .malformed(let sentence), .invalid(let sentence):
            sentence
        case .reserved(let opcode):
            "Opcode \(opcode) is sent by the engine itself and cannot be sent as a command."
        }
    }
}
