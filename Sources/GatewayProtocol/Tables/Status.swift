/// What went wrong, as a number: the `sg_status` of the C API. Zero is success and never thrown.
public enum Status: UInt32, CaseIterable, Sendable {
    case ok = 0
    case invalidArgument = 1
    case invalidState = 2
    case notFound = 3
    case payloadTooLarge = 4
    case queueFull = 5
    case timeout = 6
    case cancelled = 7
    case wouldDeadlock = 8
    case bufferTooSmall = 9
    case network = 20
    case tls = 21
    case http = 22
    case unauthorized = 23
    case rateLimited = 24
    case sessionLimit = 25
    case gatewayClosed = 26
    case protocolViolation = 27
    case file = 28
    case unsupported = 29
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
    public var status: Status
    public var message: String

    public init(_ status: Status, _ message: String) {
        self.status = status
        self.message = message
    }

    public var description: String { "\(status.constantName): \(message)" }
}
