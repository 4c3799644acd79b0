/// Reads the head of an answer line by line as it arrives. Interim answers (1xx) are skipped, except 101, which ends HTTP.
struct HTTPHeadParser {
    /// Most bytes of all heads of one answer, interim ones included: what large web servers send by default (practice).
    static let maxSize = 16 << 10
    /// Most headers of one head (practice: Discord's answers have under 30).
    static let maxHeaders = 64

    private var head: HTTPResponseHead?
    private var size = 0

    /// Takes what there is of the head.
    ///
    /// - Parameter consumed: offset into `input` of the first unused byte; moved behind each complete line. An incomplete
    ///   line has to be offered again.
    /// - Returns: the head when it is complete; the body begins at `consumed`.
    mutating func consume(
        _ input: UnsafeRawBufferPointer, consumed: inout Int
    ) throws(HTTPError) -> HTTPResponseHead? {
        while true {
            if head == nil { try checkStart(input, at: consumed) }
            let start = consumed
            guard let line = try HTTPLine.next(input, consumed: &consumed, limit: Self.maxSize &- size) else {
                return nil
            }
            size &+= consumed &- start
            guard var current = head else {
                head = try Self.parseStatus(line)
                continue
            }
            if line.isEmpty {
                if (100..<200).contains(current.status), current.status != 101 {
                    head = nil
                    continue
                }
                return current
            }
            guard current.headers.count < Self.maxHeaders else { throw HTTPError(.tooLarge, "too many headers") }
            current.headers.append(try Self.parseHeader(line))
            head = current
        }
    }

    /// A peer that does not speak HTTP is found out by its first bytes: it may never send a line's end.
    private func checkStart(_ input: UnsafeRawBufferPointer, at start: Int) throws(HTTPError) {
        let expected: StaticString = "HTTP/1."
        let count = min(input.count &- start, expected.utf8CodeUnitCount)
        for index in 0..<max(0, count) where input[start &+ index] != expected.utf8Start[index] {
            throw HTTPError(.malformed, "the answer is not HTTP/1.1")
        }
    }

    /// `HTTP/1.1 200 OK`; the reason may be empty or missing.
    private static func parseStatus(_ line: UnsafeRawBufferPointer) throws(HTTPError) -> HTTPResponseHead {
        let malformed = HTTPError(.malformed, "malformed status line")
        guard line.count >= 12, line[7] == UInt8(ascii: "1") || line[7] == UInt8(ascii: "0"), line[8] == 0x20 else {
            throw malformed
        }
        var status = 0
        for index in 9..<12 {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(line[index]) else { throw malformed }
            status = status &* 10 &+ Int(line[index] &- UInt8(ascii: "0"))
        }
        guard status >= 100, line.count == 12 || line[12] == 0x20 else { throw malformed }
        let reason = UnsafeRawBufferPointer(rebasing: line[min(13, line.count)...])
        guard reason.allSatisfy(HTTPSyntax.isFieldValue) else { throw malformed }
        return HTTPResponseHead(status: status, reason: String(decoding: reason, as: UTF8.self))
    }

    private static func parseHeader(_ line: UnsafeRawBufferPointer) throws(HTTPError) -> HTTPHeader {
        guard !HTTPSyntax.isWhitespace(line[0]) else { throw HTTPError(.malformed, "folded header") }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0 else {
            throw HTTPError(.malformed, "header without a name")
        }
        let name = UnsafeRawBufferPointer(rebasing: line[..<colon])
        guard name.allSatisfy(HTTPSyntax.isToken) else { throw HTTPError(.malformed, "malformed header name") }
        let value = UnsafeRawBufferPointer(rebasing: line[(colon + 1)...])
        guard value.allSatisfy(HTTPSyntax.isFieldValue) else { throw HTTPError(.malformed, "malformed header value") }
        let text = String(decoding: value, as: UTF8.self)
        return HTTPHeader(String(decoding: name, as: UTF8.self), String(HTTPSyntax.trim(text[...])))
    }
}
