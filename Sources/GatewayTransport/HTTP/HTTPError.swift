/// Why a request could not be built or its answer not be read.
package struct HTTPError: Error, Equatable {
    package enum Kind {
        /// The answer breaks the rules of HTTP/1.1 (RFC 9112).
        case malformed
        /// Head or body exceed their limit.
        case tooLarge
        /// The connection ended within the answer.
        case truncated
        /// Legal HTTP that this client has no use for.
        case unsupported
        /// The request's own parts cannot stand in a request.
        case invalidRequest
    }

    package var kind: Kind
    /// One plain sentence, without values that may be secret.
    package var reason: StaticString

    package init(_ kind: Kind, _ reason: StaticString) {
        self.kind = kind
        self.reason = reason
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.kind == right.kind && left.reason.description == right.reason.description
    }
}
