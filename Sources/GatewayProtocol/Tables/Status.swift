/// What went wrong, as a number: the `sg_status` of the C API. Zero is success and never thrown.
public enum Status: UInt32, CaseIterable, Sendable {
    /// Success; never thrown.
    case ok = 0
    /// A value that is impossible, out of range or malformed.
    case invalidArgument = 1
    /// A call that the object's state forbids.
    case invalidState = 2
    /// There is no such shard, or no such field.
    case notFound = 3
    /// A command of more bytes than the gateway takes.
    case payloadTooLarge = 4
    /// Too many commands of a shard wait already.
    case queueFull = 5
    /// It took longer than the caller would wait.
    case timeout = 6
    /// The wait was ended by a shutdown or by cancelling its task.
    case cancelled = 7
    /// A call that waits for the handler came from inside it.
    case wouldDeadlock = 8
    /// C only: the caller's buffer is too small.
    case bufferTooSmall = 9
    /// Resolving, connecting, reading or writing failed.
    case network = 20
    /// A certificate or handshake was refused.
    case tls = 21
    /// The API or the gateway gave an HTTP answer that is no use.
    case http = 22
    /// The token was refused.
    case unauthorized = 23
    /// The API asked for fewer requests.
    case rateLimited = 24
    /// The daily budget of identifies is used up.
    case sessionLimit = 25
    /// The gateway closed the connection with a code that would repeat itself.
    case gatewayClosed = 26
    /// The gateway sent what its protocol does not allow.
    case protocolViolation = 27
    /// A file could not be read, written or understood.
    case file = 28
    /// This machine or build lacks what is asked for.
    case unsupported = 29
    /// The system refused a thread, a descriptor or memory, or the engine broke its own rules.
    case internalError = 99

    /// The constant's name in the C API, in static storage.
    public var constantName: StaticString {
        switch self {
        case .ok: "SG_OK"
        case .invalidArgument: "SG_ERROR_INVALID_ARGUMENT"
        case .invalidState: "SG_ERROR_INVALID_STATE"
        case .notFound: "SG_ERROR_NOT_FOUND"
        case .payloadTooLarge: "SG_ERROR_PAYLOAD_TOO_LARGE"
        case .queueFull: "SG_ERROR_QUEUE_FULL"
        case .timeout: "SG_ERROR_TIMEOUT"
        case .cancelled: "SG_ERROR_CANCELLED"
        case .wouldDeadlock: "SG_ERROR_WOULD_DEADLOCK"
        case .bufferTooSmall: "SG_ERROR_BUFFER_TOO_SMALL"
        case .network: "SG_ERROR_NETWORK"
        case .tls: "SG_ERROR_TLS"
        case .http: "SG_ERROR_HTTP"
        case .unauthorized: "SG_ERROR_UNAUTHORIZED"
        case .rateLimited: "SG_ERROR_RATE_LIMITED"
        case .sessionLimit: "SG_ERROR_SESSION_LIMIT"
        case .gatewayClosed: "SG_ERROR_GATEWAY_CLOSED"
        case .protocolViolation: "SG_ERROR_PROTOCOL"
        case .file: "SG_ERROR_FILE"
        case .unsupported: "SG_ERROR_UNSUPPORTED"
        case .internalError: "SG_ERROR_INTERNAL"
        }
    }
}

/// A failure of the engine: what kind, and one plain sentence that says what was wrong with which value. The token is
/// never part of it.
public struct GatewayError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure it is.
    public var status: Status
    /// One plain sentence; never with the token.
    public var message: String

    /// An error of the given kind, with a sentence about it.
    public init(_ status: Status, _ message: String) {
        self.status = status
        self.message = message
    }

    public var description: String { "\(status.constantName): \(message)" }
}
