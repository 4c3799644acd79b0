/// Something a gateway, a network or a broken server does to a client.
///
/// `description` is also how faults are named in flags and in the control endpoint, see `FaultOrder(parsing:)`.
public enum Fault: Sendable, Equatable {
    // MARK: Ending or stalling a connection

    /// The TCP connection ends without a close frame: RST, or FIN without TLS close_notify.
    case drop(reset: Bool = true)
    /// Neither reads nor writes any more, the TCP connection stays.
    case halfOpen
    /// Stops reading; goes on writing.
    case stopReading
    /// A close frame; nil sends one without a code.
    case close(code: Int?, reason: String = "")
    /// Nothing where an answer is due: no HELLO, no READY, no RESUMED.
    case silence

    // MARK: Gateway signals

    /// Op 7.
    case reconnect
    /// Op 9; false also makes the server forget the session.
    case invalidSession(resumable: Bool)
    /// Op 1 from the server.
    case requestHeartbeat
    /// Heartbeats get no op 11 any more (false), or do again (true).
    case acknowledge(Bool)
    /// Op 11 comes this much later.
    case delayAcks(Duration)
    /// The server loses the session without a word.
    case forgetSession

    // MARK: How bytes travel

    /// Everything is written this much later.
    case delay(Duration)
    /// Each payload is spread over websocket messages of at most so many bytes (zlib-stream only; as `fragment`
    /// elsewhere). 0 ends it.
    case split(bytes: Int)
    /// Each message is spread over websocket fragments of at most so many bytes, with pings between them. 0 ends it.
    case fragment(bytes: Int)
    /// So many bytes at a time, with a pause after each. 0 bytes end it.
    case drip(bytes: Int, every: Duration)

    // MARK: Content

    /// A message that no decompressor takes.
    case corruptCompression
    /// A payload that is no JSON.
    case corruptJSON
    /// The newest dispatch again.
    case duplicateDispatch
    /// An opcode nobody knows.
    case unknownOpcode
    /// A dispatch with an unknown name.
    case unknownEvent
    /// Dispatches with an array, null, a string and a number as `d`, and one without `s`.
    case oddDispatches
    /// A dispatch with its keys in another order, blanks between them, and `d` full of look-alike keys.
    case reorderedDispatch
    /// A dispatch of at least so many bytes.
    case hugeDispatch(bytes: Int)
    /// READY of at least so many bytes, for all later sessions. 0 ends it.
    case hugeReady(bytes: Int)
    /// The next dispatch's sequence is this much higher than it would be. What came before is not replayed any more.
    case sequenceGap(Int)
    /// A short message that inflates to so many megabytes.
    case bomb(megabytes: Int)

    // MARK: Websocket and TCP

    /// One websocket frame, any which way.
    case frame(RawFrame)
    /// Bytes inside TLS.
    case raw([UInt8])
    /// Bytes below TLS.
    case rawTCP([UInt8])

    // MARK: New connections

    /// The port is closed: connection refused.
    case refuse
    /// Connections are accepted and never answered.
    case acceptThenHang
    /// Connections get a certificate of this kind.
    case certificate(CertificateKind)
    /// Websocket upgrades get this answer.
    case answerUpgrade(HTTPAnswer)
    /// Websocket upgrades get 101 with a wrong `Sec-WebSocket-Accept`.
    case wrongAcceptKey
    /// `/gateway` and `/gateway/bot` get this answer.
    case answerREST(HTTPAnswer)
}

/// An HTTP answer.
public struct HTTPAnswer: Sendable, Equatable {
    public var status: Int
    public var headers: [String: String]
    public var body: String

    public init(status: Int, headers: [String: String] = [:], body: String = "") {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// A websocket frame as it goes on the wire, valid or not.
public struct RawFrame: Sendable, Equatable {
    /// 0…15; 1 is text, 2 binary, 8 close, 9 ping, 10 pong.
    public var opcode: UInt8
    public var isFinal: Bool
    /// RSV1 to RSV3 as the three low bits, RSV1 highest.
    public var reserved: UInt8
    /// Mask the payload as only clients may.
    public var isMasked: Bool
    public var payload: [UInt8]
    /// What the header claims, if not the payload's length.
    public var claimedLength: UInt64?

    public init(
        opcode: UInt8, isFinal: Bool = true, reserved: UInt8 = 0, isMasked: Bool = false, payload: [UInt8] = [],
        claimedLength: UInt64? = nil
    ) {
        self.opcode = opcode
        self.isFinal = isFinal
        self.reserved = reserved
        self.isMasked = isMasked
        self.payload = payload
        self.claimedLength = claimedLength
    }
}

extension Fault {
    /// A text frame with RSV1 set.
    public static let reservedBits = Fault.frame(RawFrame(opcode: 1, reserved: 4, payload: Array("{}".utf8)))
    /// A frame of opcode 3.
    public static let reservedOpcode = Fault.frame(RawFrame(opcode: 3))
    /// A masked text frame.
    public static let maskedFrame = Fault.frame(RawFrame(opcode: 1, isMasked: true, payload: Array("{\"op\":11}".utf8)))
    /// A text frame that is not UTF-8.
    public static let invalidUTF8 = Fault.frame(RawFrame(opcode: 1, payload: [0x7B, 0x22, 0xFF, 0xC0, 0x22, 0x7D]))
    /// A binary frame of bytes that mean nothing.
    public static let unsolicitedBinary = Fault.frame(RawFrame(opcode: 2, payload: [0xDE, 0xAD, 0xBE, 0xEF]))
    /// A heartbeat ACK as a text frame, also on compressed connections.
    public static let plainText = Fault.frame(
        RawFrame(opcode: 1, payload: Array("{\"t\":null,\"s\":null,\"op\":11,\"d\":null}".utf8)))
    public static let ping = Fault.frame(RawFrame(opcode: 9, payload: Array("sandbox".utf8)))
    public static let unsolicitedPong = Fault.frame(RawFrame(opcode: 10, payload: Array("sandbox".utf8)))
    /// A ping of 126 bytes, one more than control frames may carry.
    public static let oversizeControl = Fault.frame(RawFrame(opcode: 9, payload: Array(repeating: 0x70, count: 126)))
    /// A ping that is not final.
    public static let fragmentedControl = Fault.frame(RawFrame(opcode: 9, isFinal: false))
    /// A continuation of nothing.
    public static let orphanContinuation = Fault.frame(RawFrame(opcode: 0, payload: Array("{}".utf8)))
    /// A close frame whose body is one byte.
    public static let shortClose = Fault.frame(RawFrame(opcode: 8, payload: [0x03]))
    /// A frame header that announces more bytes than anyone has; the bytes do not come.
    public static func oversizeFrame(length: UInt64 = 1 << 62) -> Fault {
        .frame(RawFrame(opcode: 2, claimedLength: length))
    }
}

extension Fault {
    /// Faults that end a connection, after each of which a good client resumes and has lost nothing.
    public static let survivable: [Fault] = [
        .drop(reset: true), .drop(reset: false), .close(code: 4000), .close(code: 4008), .close(code: 1001),
        .close(code: nil),
        .reconnect, .invalidSession(resumable: true), .halfOpen, .corruptCompression, .corruptJSON, .reservedBits,
        .reservedOpcode, .maskedFrame, .oversizeControl, .orphanContinuation, .shortClose, .oversizeFrame(),
        .rawTCP([0xDE, 0xAD, 0xBE, 0xEF, 0, 0, 0, 0]),
    ]
}

/// Certificates the sandbox can show.
public enum CertificateKind: String, Sendable, CaseIterable {
    /// Signed by the CA of `caFile`, for localhost, 127.0.0.1 and ::1.
    case valid
    /// As `valid`, but expired yesterday.
    case expired
    /// As `valid`, but for `wrong.example.invalid`.
    case wrongHost = "wrong-host"
    /// As `valid`, but from a CA that is not in `caFile`.
    case untrusted
    /// Signed by itself.
    case selfSigned = "self-signed"
}
