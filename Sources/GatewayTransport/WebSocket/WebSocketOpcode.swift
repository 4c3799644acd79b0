/// Frame types of RFC 6455 §5.2.
package enum WebSocketOpcode: UInt8 {
    case continuation = 0
    case text = 1
    case binary = 2
    case close = 8
    case ping = 9
    case pong = 10
}

/// The two kinds of message.
package enum MessageKind {
    case text
    case binary
    /// Text whose UTF-8 is yet to be checked, by whoever takes it: see ``TextCheck/byOwner``.
    case uncheckedText
}

/// Who checks that text messages are UTF-8, as RFC 6455 §8.1 asks.
package enum TextCheck {
    case none
    /// The decoder, byte for byte as they arrive.
    case byDecoder
    /// The owner, for messages that arrived in one piece, because it goes over their bytes anyway; the decoder for the
    /// others.
    case byOwner
}

/// Which close codes may stand in a close frame (RFC 6455 §7.4 and the IANA registry it founded).
package enum WebSocketCloseCode {
    /// What a close frame without a code counts as; never on the wire.
    package static let none: UInt16 = 1005

    /// True for 1000–1003, 1007–1014 and 3000–4999. 1004 has no meaning, 1005, 1006 and 1015 are for local use only, the
    /// rest below 3000 is reserved for future revisions.
    package static func isValidOnWire(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
