/// Why a compressed payload could not be read. The connection's compression context is lost with it: close with a code
/// that keeps the session, and resume on a new connection (gateway.md §14).
package struct InflateError: Error, Equatable {
    package enum Kind {
        /// The bytes are not what the compression promises.
        case corrupt
        /// The payload, or its compressed form, exceeds the limit.
        case tooLarge
        /// The library is missing, or memory has run out.
        case unavailable
    }

    package var kind: Kind
    /// One plain sentence.
    package var reason: StaticString

    package init(kind: Kind, reason: StaticString) {
        self.kind = kind
        self.reason = reason
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.kind == right.kind && left.reason.description == right.reason.description
    }

    static func corrupt(_ reason: StaticString) -> InflateError { InflateError(kind: .corrupt, reason: reason) }
    static func tooLarge(_ reason: StaticString) -> InflateError { InflateError(kind: .tooLarge, reason: reason) }
    static func unavailable(_ reason: StaticString) -> InflateError { InflateError(kind: .unavailable, reason: reason) }
}

/// The transport compressions of gateway.md §14.
package enum CompressionKind: Sendable {
    case none
    case zlibStream
    case zstdStream
}
