/// What a peer did against RFC 6455, with the close code to answer.
package struct WebSocketError: Error, Equatable {
    /// 1002 (protocol error), 1007 (text that is not UTF-8) or 1009 (message too big), RFC 6455 §7.4.1.
    package var closeCode: UInt16
    /// One plain sentence.
    package var reason: StaticString

    package init(closeCode: UInt16, reason: StaticString) {
        self.closeCode = closeCode
        self.reason = reason
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.closeCode == right.closeCode && left.reason.description == right.reason.description
    }
}
