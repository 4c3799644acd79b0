/// A whole answer.
package struct HTTPResponse: Equatable, Sendable {
    package var head: HTTPResponseHead
    package var body: [UInt8]

    package init(head: HTTPResponseHead, body: [UInt8]) {
        self.head = head
        self.body = body
    }

    package var status: Int { head.status }

    /// What an error answer says, for a log line: the message and code of Discord's JSON errors, otherwise the start of
    /// the body, which may be HTML or text of a proxy (gateway.md §2). Printable, at most 512 bytes.
    package var excerpt: String {
        let limit = HTTPResponseReader.refusalBodySize
        return body.withUnsafeBytes { bytes in
            guard let message = JSONBody.string(bytes, "/message") else {
                return PrintableText.make(bytes, limit: limit)
            }
            let text = PrintableText.make(message.utf8, limit: limit - 32)
            guard let code = JSONBody.uint64(bytes, "/code"), code > 0 else { return text }
            return "\(text) (code \(code))"
        }
    }

    /// How long a 429 asks to wait, in nanoseconds.
    package var rateLimitWait: UInt64 { RateLimitAnswer(self).wait }
}

extension HTTPResponseReader {
    /// The answer, when it is complete.
    package var response: HTTPResponse? {
        guard isComplete, let head else { return nil }
        return HTTPResponse(head: head, body: body)
    }
}
