import COpenSSL
import Foundation
import NIOHTTP1

/// A websocket upgrade (RFC 6455 §4.2).
struct UpgradeRequest: Sendable {
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    let uri: String
    let userAgent: String?
    let query: [String: String]
    /// `Sec-WebSocket-Accept`.
    let acceptKey: String

    static func isUpgrade(_ head: HTTPRequestHead) -> Bool {
        head.headers[canonicalForm: "Upgrade"].contains { $0.lowercased() == "websocket" }
    }

    init(_ head: HTTPRequestHead) throws(Problem) {
        guard head.method == .GET, head.version == .http1_1 else {
            throw Problem(description: "A websocket starts with GET and HTTP/1.1.")
        }
        guard head.headers[canonicalForm: "Connection"].contains(where: { $0.lowercased() == "upgrade" }) else {
            throw Problem(description: "Connection: Upgrade is missing.")
        }
        guard head.headers.first(name: "Sec-WebSocket-Version") == "13" else {
            throw Problem(description: "Sec-WebSocket-Version must be 13.")
        }
        guard let key = head.headers.first(name: "Sec-WebSocket-Key"), Data(base64Encoded: key)?.count == 16 else {
            throw Problem(description: "Sec-WebSocket-Key must be 16 bytes in Base64.")
        }
        uri = head.uri
        userAgent = head.headers.first(name: "User-Agent")
        query = Self.query(of: head.uri)
        acceptKey = Self.accept(key)
    }

    static func query(of uri: String) -> [String: String] {
        var query: [String: String] = [:]
        for pair in uri.drop(while: { $0 != "?" }).dropFirst().split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            query[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
        }
        return query
    }

    static func accept(_ key: String) -> String {
        let text = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
        var digest = [UInt8](repeating: 0, count: 20)
        EVP_Digest(text, text.count, &digest, nil, EVP_sha1(), nil)
        return Data(digest).base64EncodedString()
    }

    static func answer(key: String) -> String {
        [
            "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Accept: \(key)", "", "",
        ].joined(separator: "\r\n")
    }
}
