/// How long a server asks to wait (RFC 9110 §10.2.3; gateway.md §2).
enum RetryAfter {
    /// No server gets a client to wait longer than a day, 86,400 seconds (practice).
    static let mostSeconds = 86400.0

    /// Nanoseconds that the header `Retry-After` asks for; nil without a usable one.
    ///
    /// It has seconds, or a date. A date is taken relative to the answer's own `Date`, so that no clock has to agree.
    static func nanoseconds(_ head: HTTPResponseHead) -> UInt64? {
        guard let value = head.first("Retry-After") else { return nil }
        if let seconds = seconds(value) { return nanoseconds(seconds) }
        guard let until = HTTPDate.seconds(value), let now = head.first("Date").flatMap(HTTPDate.seconds) else {
            return nil
        }
        return nanoseconds(Double(max(0, until - now)))
    }

    /// A plain decimal number: digits, maybe a fraction; no sign, exponent, or word.
    static func seconds(_ text: String) -> Double? {
        guard !text.isEmpty, text.utf8.count <= 32, text.utf8.first != UInt8(ascii: "."),
            text.utf8.allSatisfy({ ($0 >= 0x30 && $0 <= 0x39) || $0 == UInt8(ascii: ".") })
        else { return nil }
        return Double(text)
    }

    /// Rounded up, within 0 and a day. Not-a-number counts as 0.
    static func nanoseconds(_ seconds: Double) -> UInt64 {
        guard seconds > 0 else { return 0 }
        let exact = min(seconds, mostSeconds) * 1e9
        let whole = UInt64(exact)
        return Double(whole) < exact ? whole + 1 : whole
    }
}
