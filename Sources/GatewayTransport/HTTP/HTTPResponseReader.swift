/// Reads one answer as it arrives: head, then body. For requests other than HEAD.
package struct HTTPResponseReader {
    /// Most bytes of a body when the caller names no other limit: 1 MiB (practice; the bootstrap answers have under 1 KB).
    package static let defaultMaxBodySize = 1 << 20
    /// How much of the body of a refused upgrade is read, in bytes: enough to say why (practice).
    package static let refusalBodySize = 512

    /// Nil until it is complete.
    package private(set) var head: HTTPResponseHead?
    private let maxBodySize: Int
    private var parser = HTTPHeadParser()
    private var content: HTTPBody?
    package private(set) var isComplete = false

    package init(maxBodySize: Int = defaultMaxBodySize) {
        self.maxBodySize = max(0, maxBodySize)
    }

    /// What there is of the body.
    package var body: [UInt8] { content?.bytes ?? [] }

    /// Takes what there is.
    ///
    /// - Parameters:
    ///   - input: bytes from the server.
    ///   - consumed: offset into `input` of the first unused byte; moved on. The rest has to be offered again.
    ///   - isUpgrade: the request was an upgrade: status 101 ends HTTP, what follows it is left in the input. Of the body
    ///     of any other answer only the start is read.
    /// - Returns: true when the answer is complete, or as much of it as is wanted.
    package mutating func consume(
        _ input: UnsafeRawBufferPointer, consumed: inout Int, isUpgrade: Bool = false
    ) throws(HTTPError) -> Bool {
        if isComplete { return true }
        if head == nil {
            guard let found = try parser.consume(input, consumed: &consumed) else { return false }
            guard isUpgrade || found.status != 101 else {
                throw HTTPError(.malformed, "the server switches protocols unasked")
            }
            // Nothing was offered, so nothing may be applied.
            guard isUpgrade || found.list("Content-Encoding").allSatisfy({ HTTPSyntax.isEqual($0, "identity") }) else {
                throw HTTPError(.unsupported, "compressed answer that was not asked for")
            }
            content = try HTTPBody(
                head: found, limit: isUpgrade ? min(maxBodySize, Self.refusalBodySize) : maxBodySize, isCut: isUpgrade)
            head = found
        }
        isComplete = try content?.consume(input, consumed: &consumed) ?? false
        return isComplete
    }

    /// The connection has ended: the answer is complete if its body had no other end, or if all that is wanted of it is
    /// why an upgrade was refused.
    package mutating func finish(isUpgrade: Bool = false) throws(HTTPError) {
        if isComplete { return }
        guard head != nil else { throw HTTPError(.truncated, "the connection ended before the answer") }
        guard isUpgrade || content?.framing == .untilEnd else {
            throw HTTPError(.truncated, "the connection ended within the answer")
        }
        isComplete = true
    }
}
