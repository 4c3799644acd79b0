import GatewayProtocol

/// What a connection does in answer to a client frame.
enum ServerAction {
    case acknowledge
    case invalidSession(resumable: Bool, after: Duration)
    case close(Refusal)
    /// Serve this session from sequence `from` on.
    case attach(session: String, from: UInt64)
    /// The session's buffer has something new.
    case pump
    /// The session is gone.
    case forget(session: String)
    /// End every session with 4004: the token was reset.
    case revokeEverything
    case note(JournalEvent)
}

/// The rules of one connection (`gateway.md` §22), without its socket.
struct ConnectionLogic {
    enum Phase: Equatable {
        case unidentified
        case serving(session: String)
    }

    private(set) var phase = Phase.unidentified
    private var window: FrameWindow
    private let payloadLimit: Int
    /// When the last heartbeat came, or the connection began; nanoseconds.
    private(set) var lastHeartbeat: UInt64

    init(configuration: SandboxConfiguration, now: UInt64) {
        window = FrameWindow(limit: configuration.frameLimit, window: configuration.frameWindow.nanoseconds)
        payloadLimit = configuration.payloadLimit
        lastHeartbeat = now
    }

    var session: String? {
        if case .serving(let session) = phase { session } else { nil }
    }

    /// What the query of the gateway URL is refused for (`gateway.md` §3).
    static func refusal(version: String?, encoding: String?, compress: String?, hasZstd: Bool) -> Refusal? {
        guard version == "10" || version == "9" else { return Refusal(.invalidApiVersion, "Invalid API version.") }
        switch encoding {
        case nil, "json": break
        case "etf": return Refusal(.decodeError, "The sandbox speaks JSON only.")
        default: return Refusal(.decodeError, "Unknown encoding.")
        }
        switch compress {
        case nil, "", "zlib-stream": return nil
        case "zstd-stream":
            return hasZstd ? nil : Refusal(.decodeError, "The sandbox found no libzstd.so.1, so it has no zstd-stream.")
        default: return Refusal(.decodeError, "Unknown compression.")
        }
    }

    /// The session went away under the connection; it may identify again (`gateway.md` §9).
    mutating func sessionEnded() { phase = .unidentified }

    mutating func receive(
        _ payload: [UInt8], isText: Bool, at now: UInt64, state: inout GatewayState
    ) -> [ServerAction] {
        guard window.admit(at: now) else { return [.close(Refusal(.rateLimited, "Rate limited."))] }
        guard payload.count <= payloadLimit else {
            return [.close(Refusal(.decodeError, "Payload of \(payload.count) bytes, \(payloadLimit) are allowed."))]
        }
        guard isText else { return [.close(Refusal(.decodeError, "JSON goes in text messages."))] }
        guard let frame = try? JSON(parsing: payload), frame.object != nil else {
            return [.close(Refusal(.decodeError, "Error while decoding payload."))]
        }
        guard let number = frame["op"]?.integer, let opcode = Int32(exactly: number).flatMap(Opcode.init(rawValue:))
        else { return [.close(Refusal(.unknownOpcode, "Unknown opcode."))] }
        let body = frame["d"] ?? .null
        switch opcode {
        case .heartbeat: return heartbeat(body, at: now)
        case .identify: return identify(body, payload, at: now, state: &state)
        case .resume: return resume(body, at: now, state: &state)
        case .presenceUpdate, .voiceStateUpdate, .requestGuildMembers, .requestSoundboardSounds, .requestChannelInfo:
            return command(opcode, body, payload, at: now, state: &state)
        case .dispatch, .reconnect, .invalidSession, .hello, .heartbeatAck:
            return [.close(Refusal(.unknownOpcode, "Opcode \(number) is for servers."))]
        }
    }

    private mutating func heartbeat(_ body: JSON, at now: UInt64) -> [ServerAction] {
        guard body.isNull || (body.integer ?? -1) >= 0 else {
            return [.close(Refusal(.unknownOpcode, "A heartbeat's d must be a sequence or null."))]
        }
        lastHeartbeat = now
        return [.note(.heartbeat(sequence: body.integer)), .acknowledge]
    }

    private mutating func identify(
        _ body: JSON, _ payload: [UInt8], at now: UInt64, state: inout GatewayState
    ) -> [ServerAction] {
        let note = ServerAction.note(.identify(payload: String(decoding: payload, as: UTF8.self)))
        guard phase == .unidentified else {
            return [note, .close(Refusal(.alreadyAuthenticated, "Already authenticated."))]
        }
        switch state.identify(body, at: now) {
        case .session(let id):
            phase = .serving(session: id)
            return [note, .note(.ready(session: id)), .attach(session: id, from: 1)]
        case .tooEarly:
            return [note, .invalidSession(resumable: false, after: state.configuration.identifyRejectionDelay)]
        case .startLimitReached:
            let refusal = Refusal(.authenticationFailed, "No identifies left: the token was reset.")
            return state.isTokenRevoked ? [note, .close(refusal), .revokeEverything] : [note, .close(refusal)]
        case .refused(let refusal): return [note, .close(refusal)]
        }
    }

    private mutating func resume(_ body: JSON, at now: UInt64, state: inout GatewayState) -> [ServerAction] {
        let note = ServerAction.note(
            .resume(session: body["session_id"]?.string ?? "", sequence: body["seq"]?.integer ?? -1)
        )
        guard phase == .unidentified else {
            return [note, .close(Refusal(.alreadyAuthenticated, "Already authenticated."))]
        }
        switch state.resume(body, at: now) {
        case .resumed(let session, let from, let missed):
            phase = .serving(session: session)
            return [note, .note(.resumed(session: session, replayed: missed)), .attach(session: session, from: from)]
        case .invalid: return [note, .invalidSession(resumable: false, after: .zero)]
        case .refused(let refusal): return [note, .close(refusal)]
        }
    }

    private mutating func command(
        _ opcode: Opcode, _ body: JSON, _ payload: [UInt8], at now: UInt64, state: inout GatewayState
    ) -> [ServerAction] {
        let note = ServerAction.note(
            .command(opcode: Int(opcode.rawValue), payload: String(decoding: payload, as: UTF8.self))
        )
        guard case .serving(let session) = phase else {
            return [note, .close(Refusal(.notAuthenticated, "Not authenticated."))]
        }
        do {
            switch state.perform(try ClientCommand(opcode, body), session: session, at: now) {
            case .answered: return [note, .pump]
            case .sessionCrashed:
                phase = .unidentified
                return [note, .forget(session: session), .invalidSession(resumable: false, after: .zero)]
            }
        } catch {
            return [note, .close(error)]
        }
    }
}
