extension JournalEntry {
    /// The entry as the control endpoint gives it.
    public var json: JSON {
        let (seconds, attoseconds) = time.components
        var members: [String: JSON] = [
            "index": JSON(index), "time": .double(Double(seconds) + Double(attoseconds) / 1e18),
            "connection": JSON(connection), "endpoint": JSON(endpoint?.rawValue), "shard": JSON(shard),
        ]
        for (key, value) in event.members { members[key] = value }
        return .object(members)
    }
}

extension JournalEvent {
    /// The event's name and what belongs to it.
    fileprivate var members: [String: JSON] {
        switch self {
        case .accepted: ["event": "accepted"]
        case .handshakeFailed(let problem): ["event": "handshake-failed", "problem": .string(problem)]
        case .rest(let method, let path, let status, let userAgent):
            [
                "event": "rest", "method": .string(method), "path": .string(path), "status": JSON(status),
                "user_agent": JSON(userAgent),
            ]
        case .upgraded(let uri, let userAgent):
            ["event": "upgraded", "uri": .string(uri), "user_agent": JSON(userAgent)]
        case .upgradeRefused(let status): ["event": "upgrade-refused", "status": JSON(status)]
        case .helloSent: ["event": "hello-sent"]
        case .heartbeat(let sequence): ["event": "heartbeat", "sequence": sequence.map { .integer($0) } ?? .null]
        case .identify(let payload): ["event": "identify", "payload": .string(payload)]
        case .resume(let session, let sequence):
            ["event": "resume", "session": .string(session), "sequence": .integer(sequence)]
        case .ready(let session): ["event": "ready", "session": .string(session)]
        case .resumed(let session, let replayed):
            ["event": "resumed", "session": .string(session), "replayed": JSON(replayed)]
        case .invalidSession(let resumable): ["event": "invalid-session", "resumable": .bool(resumable)]
        case .reconnectSent: ["event": "reconnect-sent"]
        case .command(let opcode, let payload):
            ["event": "command", "opcode": JSON(opcode), "payload": .string(payload)]
        case .pong: ["event": "pong"]
        case .closed(let peer, let code, let reason):
            ["event": "closed", "by": .string(peer.rawValue), "code": JSON(code), "reason": .string(reason)]
        case .closeAnswered(let code): ["event": "close-answered", "code": JSON(code)]
        case .violation(let problem): ["event": "violation", "problem": .string(problem)]
        case .disconnected: ["event": "disconnected"]
        case .sessionEnded(let session): ["event": "session-ended", "session": .string(session)]
        case .fault(let name): ["event": "fault", "fault": .string(name)]
        }
    }
}
