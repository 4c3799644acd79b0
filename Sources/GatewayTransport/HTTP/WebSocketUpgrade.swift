import COpenSSL

/// The opening handshake of a WebSocket client (RFC 6455 §4.1). No extension and no subprotocol is offered.
package struct WebSocketUpgrade: Sendable {
    /// The bytes to send.
    package let request: [UInt8]
    /// What `Sec-WebSocket-Accept` has to be.
    let expectedAccept: String

    /// - Parameters:
    ///   - host: name or address; also goes into the `Host` header.
    ///   - isSecure: TLS; decides which port needs no mention.
    ///   - target: path and query, beginning with a slash.
    ///   - userAgent: gateway.md §2 wants `DiscordBot (<url>, <version>)`.
    ///   - nonce: 16 random bytes, fresh for each connection.
    ///   - headers: further ones, such as cookies of a proxy.
    /// - Throws: `invalidRequest` when a part cannot stand in a request.
    package init(
        host: String, port: UInt16, isSecure: Bool, target: String, userAgent: String, nonce: [UInt8],
        headers: [HTTPHeader] = []
    ) throws(HTTPError) {
        let key = Self.base64(nonce)
        let handshake = [
            HTTPHeader("User-Agent", userAgent), HTTPHeader("Upgrade", "websocket"),
            HTTPHeader("Connection", "Upgrade"),
            HTTPHeader("Sec-WebSocket-Key", key), HTTPHeader("Sec-WebSocket-Version", "13"),
        ]
        request = try HTTPRequest(
            host: host, port: port, isSecure: isSecure, target: target, headers: handshake + headers
        ).encoded()
        expectedAccept = Self.accept(key)
    }

    /// Judges the server's answer.
    ///
    /// - Parameter answer: read with `isUpgrade`, complete.
    package func check(_ answer: HTTPResponseReader) throws(UpgradeError) {
        guard let head = answer.head else {
            throw UpgradeError(kind: .invalid, status: 0, statusText: "", detail: "the answer is not complete")
        }
        try check(head, body: answer.body)
    }

    /// Judges a head, with what is known of the body.
    package func check(_ head: HTTPResponseHead, body: [UInt8] = []) throws(UpgradeError) {
        guard head.status == 101 else { throw Self.refusal(head, body: body) }
        let accepts = head.all("Sec-WebSocket-Accept")
        let fault: String? =
            if !head.listContains("Upgrade", "websocket") {
                "the answer does not upgrade to websocket"
            } else if !head.listContains("Connection", "upgrade") {
                "the answer's Connection header has no upgrade"
            } else if accepts.count != 1 || accepts.first != expectedAccept {
                "Sec-WebSocket-Accept is not the answer to our key"
            } else if !head.list("Sec-WebSocket-Extensions").isEmpty {
                "the server uses an extension that was not offered"
            } else if !head.list("Sec-WebSocket-Protocol").isEmpty {
                "the server uses a subprotocol that was not offered"
            } else {
                nil
            }
        if let fault {
            throw UpgradeError(kind: .invalid, status: 101, statusText: Self.reason(head), detail: fault)
        }
    }

    private static func refusal(_ head: HTTPResponseHead, body: [UInt8]) -> UpgradeError {
        let isRedirect = (300..<400).contains(head.status)
        let detail =
            isRedirect
            ? PrintableText.make((head.first("Location") ?? "").utf8, limit: HTTPResponseReader.refusalBodySize)
            : PrintableText.make(body, limit: HTTPResponseReader.refusalBodySize)
        return UpgradeError(
            kind: isRedirect ? .redirected : .refused, status: head.status, statusText: reason(head), detail: detail,
            retryAfter: RetryAfter.nanoseconds(head) ?? 0)
    }

    private static func reason(_ head: HTTPResponseHead) -> String {
        PrintableText.make(head.reason.utf8, limit: 64)
    }

    /// RFC 6455 §4.2.2: base64 of SHA-1 of the key and a fixed string.
    static func accept(_ key: String) -> String {
        let input = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
        var digest = [UInt8](repeating: 0, count: 20)
        SHA1(input, input.count, &digest)
        return base64(digest)
    }

    static func base64(_ bytes: [UInt8]) -> String {
        var text = [UInt8](repeating: 0, count: (bytes.count + 2) / 3 * 4 + 1)
        let length = EVP_EncodeBlock(&text, bytes, Int32(truncatingIfNeeded: bytes.count))
        return String(decoding: text.prefix(Int(max(0, length))), as: UTF8.self)
    }
}
