/// What a gateway frame says about itself (`gateway.md` §4), and where in the frame its body lies.
package struct Envelope: Equatable, Sendable {
    /// `op`, −1 when the key is missing.
    package var op: Int32 = -1
    /// `s`, zero when the key is missing or null.
    package var sequence: UInt64 = 0
    /// The raw bytes of `t` between its quotes, empty when the key is missing or null.
    package var name: Range<Int> = 0..<0
    /// Whether `name` holds backslash escapes and so is not the event's name byte for byte.
    package var nameHasEscapes = false
    /// The whole value of `d`, empty when the key is missing.
    package var data: Range<Int> = 0..<0

    package init() {}

    /// The event's name: what lies at `name` in the frame that was scanned, with its escapes undone. For names that have
    /// some; others can be taken as they lie.
    package func decodedName(in frame: UnsafeRawBufferPointer) -> [UInt8] {
        guard let cursor = JSONCursor(frame) else { return [] }
        var decoder = JSONStringDecoder(cursor, name)
        var bytes: [UInt8] = []
        while let byte = decoder.next() { bytes.append(byte) }
        return bytes
    }
}

/// Why a frame is no envelope.
package typealias EnvelopeError = JSONSyntaxError
