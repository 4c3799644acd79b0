/// A `ws`, `wss`, `http` or `https` URL, as far as connecting needs it.
package struct GatewayURL: Sendable, Equatable {
    package enum Scheme: String, Sendable, CaseIterable {
        case ws, wss, http, https

        package var isSecure: Bool { self == .wss || self == .https }
        package var isWebSocket: Bool { self == .ws || self == .wss }
        package var defaultPort: UInt16 { isSecure ? 443 : 80 }
    }

    package let scheme: Scheme
    /// In lower case, an IPv6 address without its brackets.
    package let host: String
    package let port: UInt16
    /// Empty or beginning with a slash.
    package let path: String
    /// What stands behind the question mark, nil without one.
    package let query: String?
    /// Whether `host` is an IPv6 address.
    package let isIPv6: Bool

    /// The longest URL accepted, in bytes (practice: what web servers take).
    package static let maximumLength = 2_048

    package init(_ text: String) throws(GatewayURLError) {
        guard text.utf8.count <= GatewayURL.maximumLength else {
            throw GatewayURLError("The URL has \(text.utf8.count) bytes; at most 2048 are accepted.")
        }
        // What is not printable ASCII would have to be encoded, and could end a line of the HTTP request.
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw GatewayURLError("The URL must not contain spaces, control or non-ASCII characters.")
        }
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else {
            throw GatewayURLError("The URL \"\(text)\" has no scheme, such as wss://.")
        }
        let name = text[..<colon]
        guard let scheme = Scheme(rawValue: name.lowercased()) else {
            throw GatewayURLError("The URL's scheme must be wss, ws, https or http, not \"\(name)\".")
        }
        let rest = text[colon...].dropFirst(3)
        guard !rest.contains("#") else { throw GatewayURLError("The URL must not have a fragment (#).") }

        let authorityEnd = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let authority = rest[..<authorityEnd]
        // Not quoted: it may be a password.
        guard !authority.contains("@") else {
            throw GatewayURLError("The URL must not contain a user name or password.")
        }
        self.scheme = scheme
        (host, isIPv6, port) = try GatewayURL.split(authority, scheme)

        let target = rest[authorityEnd...]
        let question = target.firstIndex(of: "?")
        path = String(target[..<(question ?? target.endIndex)])
        query = question.map { String(target[target.index(after: $0)...]) }
    }

    private static func split(
        _ authority: Substring, _ scheme: Scheme
    ) throws(GatewayURLError) -> (host: String, isIPv6: Bool, port: UInt16) {
        let host: Substring
        let behind: Substring
        let isIPv6 = authority.first == "["
        if isIPv6 {
            guard let end = authority.firstIndex(of: "]") else {
                throw GatewayURLError("The URL's IPv6 address \"\(authority)\" has no closing bracket.")
            }
            host = authority[..<end].dropFirst()
            behind = authority[authority.index(after: end)...]
            guard host.contains(":"), host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else {
                throw GatewayURLError("\"\(host)\" is no IPv6 address.")
            }
        } else {
            let colon = authority.firstIndex(of: ":") ?? authority.endIndex
            host = authority[..<colon]
            behind = authority[colon...]
            guard host.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "." || $0 == "-" || $0 == "_" }) else {
                throw GatewayURLError("\"\(host)\" is no host name.")
            }
        }
        guard !host.isEmpty else { throw GatewayURLError("The URL has no host.") }
        guard host.utf8.count <= 253 else { throw GatewayURLError("The URL's host has more than 253 characters.") }
        guard !behind.isEmpty else { return (host.lowercased(), isIPv6, scheme.defaultPort) }

        let digits = behind.dropFirst()
        // Only digits: the conversion alone would take a sign.
        guard behind.first == ":", digits.allSatisfy({ $0.isNumber }), let port = UInt16(digits), port > 0 else {
            throw GatewayURLError("The URL's port must be a number from 1 to 65535, not \"\(digits)\".")
        }
        return (host.lowercased(), isIPv6, port)
    }

    /// The host as URLs and the `Host` header write it: with brackets around an IPv6 address, and the port where it is
    /// not the scheme's own.
    package var authority: String {
        let name = isIPv6 ? "[\(host)]" : host
        return port == scheme.defaultPort ? name : "\(name):\(port)"
    }

    /// Path and query as they are, for an HTTP request.
    package var target: String { (path.isEmpty ? "/" : path) + (query.map { "?" + $0 } ?? "") }

    /// Path and query of a gateway connection: `/?v=10&encoding=json`, and `&compress=…` if given (`gateway.md` §3).
    /// A path and other parameters of the URL stay; parameters that the engine sets replace the URL's.
    package func connectionTarget(compress: String? = nil) -> String {
        let own = ["v", "encoding", "compress"]
        var parameters = (query ?? "").split(separator: "&").filter { parameter in
            !own.contains(String(parameter.prefix { $0 != "=" }))
        }
        parameters += ["v=10", "encoding=json"]
        if let compress { parameters.append("compress=\(compress)") }
        return (path.isEmpty ? "/" : path) + "?" + parameters.joined(separator: "&")
    }
}

/// Text that is no URL to connect to.
package struct GatewayURLError: Error, Equatable {
    /// What is wrong with which part, one sentence.
    package var message: String

    package init(_ message: String) { self.message = message }
}
