/// A GET request, checked so that no value can smuggle in another header or request.
package struct HTTPRequest: Sendable {
    /// Name or address; IPv6 addresses with or without brackets.
    package var host: String
    package var port: UInt16
    /// TLS: decides the port that needs no mention.
    package var isSecure: Bool
    /// Path and query, beginning with a slash.
    package var target: String
    /// Sent after `Host`, in this order.
    package var headers: [HTTPHeader]

    package init(host: String, port: UInt16, isSecure: Bool, target: String, headers: [HTTPHeader]) {
        self.host = host
        self.port = port
        self.isSecure = isSecure
        self.target = target
        self.headers = headers
    }

    /// The bytes to send.
    ///
    /// - Throws: `invalidRequest` when a part has characters that it must not have.
    package func encoded() throws(HTTPError) -> [UInt8] {
        guard target.utf8.first == UInt8(ascii: "/"),
            target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") })
        else { throw HTTPError(.invalidRequest, "a path with characters that must be escaped") }
        var text = "GET \(target) HTTP/1.1\r\nHost: \(try hostField())\r\n"
        for header in headers {
            guard !header.name.isEmpty, header.name.utf8.allSatisfy(HTTPSyntax.isToken) else {
                throw HTTPError(.invalidRequest, "a header name with characters that it must not have")
            }
            guard header.value.utf8.allSatisfy(HTTPSyntax.isFieldValue) else {
                throw HTTPError(.invalidRequest, "a header value with control characters")
            }
            text += "\(header.name): \(header.value)\r\n"
        }
        return Array((text + "\r\n").utf8)
    }

    /// RFC 9110 §7.2: the port unless it is the scheme's own; brackets around IPv6, without a zone (RFC 6874 §4).
    private func hostField() throws(HTTPError) -> String {
        var name = Substring(host)
        if name.first == "[", name.last == "]" { name = name.dropFirst().dropLast() }
        let isIPv6 = name.utf8.contains(UInt8(ascii: ":"))
        if isIPv6, let zone = name.firstIndex(of: "%") { name = name[..<zone] }
        let isGood = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
                UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: "."):
                true
            case UInt8(ascii: ":"): isIPv6
            case UInt8(ascii: "g")...UInt8(ascii: "z"), UInt8(ascii: "G")...UInt8(ascii: "Z"), UInt8(ascii: "-"),
                UInt8(ascii: "_"):
                !isIPv6
            default: false
            }
        }
        guard !name.isEmpty, isGood else {
            throw HTTPError(.invalidRequest, "a host name with characters that it must not have")
        }
        let bare = isIPv6 ? "[\(name)]" : String(name)
        return port == (isSecure ? 443 : 80) ? bare : "\(bare):\(port)"
    }
}
