/// Why a server did not become a WebSocket.
package struct UpgradeError: Error, Equatable, CustomStringConvertible {
    package enum Kind {
        /// An HTTP answer other than 101.
        case refused
        /// A redirect; they are not followed, since the token would go where the redirect wants.
        case redirected
        /// 101, but against the rules of RFC 6455 §4.1.
        case invalid
    }

    package var kind: Kind
    /// HTTP status.
    package var status: Int
    /// The status line's text; may be empty.
    package var statusText: String
    /// For `refused`: the start of the answer's body, printable, at most 512 bytes. For `redirected`: where to. For
    /// `invalid`: what is wrong.
    package var detail: String
    /// Nanoseconds the server asked to wait, at most a day; 0 when it did not.
    package var retryAfter: UInt64

    package init(kind: Kind, status: Int, statusText: String, detail: String, retryAfter: UInt64 = 0) {
        self.kind = kind
        self.status = status
        self.statusText = statusText
        self.detail = detail
        self.retryAfter = retryAfter
    }

    /// One plain sentence.
    package var description: String {
        let answer = statusText.isEmpty ? "HTTP \(status)" : "HTTP \(status) \(statusText)"
        switch kind {
        case .refused: return detail.isEmpty ? answer : "\(answer): \(detail)"
        case .redirected:
            return detail.isEmpty
                ? "\(answer), and redirects are not followed"
                : "\(answer) redirects to \(detail), which is not followed"
        case .invalid: return "\(answer), but \(detail)"
        }
    }
}

/// Foreign text for a log line.
enum PrintableText {
    /// At most `limit` bytes, whole characters; controls and bad UTF-8 become spaces, runs of spaces one space.
    static func make(_ bytes: some Sequence<UInt8>, limit: Int) -> String {
        var text = ""
        var size = 0
        var isPending = false
        for scalar in String(decoding: Array(bytes.prefix(limit)), as: UTF8.self).unicodeScalars {
            let isBlank =
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator, .spaceSeparator, .surrogate, .unassigned,
                    .privateUse:
                    true
                default: scalar == "\u{FFFD}"
                }
            if isBlank {
                isPending = !text.isEmpty
                continue
            }
            let width = UTF8.width(scalar) + (isPending ? 1 : 0)
            if size + width > limit { break }
            if isPending { text.unicodeScalars.append(" ") }
            text.unicodeScalars.append(scalar)
            size += width
            isPending = false
        }
        return text
    }
}
