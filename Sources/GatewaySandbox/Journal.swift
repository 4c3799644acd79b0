/// Which of the sandbox's two addresses a connection came to.
public enum Endpoint: String, Sendable, CaseIterable {
    /// The address from `/gateway` and `/gateway/bot`.
    case main
    /// The address that READY names in `resume_gateway_url`.
    case resume
}

/// Who did something.
public enum Peer: String, Sendable {
    case client, server
}

/// Something the sandbox saw or did.
public enum JournalEvent: Sendable, Equatable {
    /// A TCP connection was accepted.
    case accepted
    /// The TLS handshake failed, as it does when the client rejects the certificate.
    case handshakeFailed(String)
    /// A REST request was answered.
    case rest(method: String, path: String, status: Int, userAgent: String?)
    /// A websocket upgrade was accepted.
    case upgraded(uri: String, userAgent: String?)
    /// A websocket upgrade was answered with something else.
    case upgradeRefused(status: Int)
    case helloSent
    /// The client's heartbeat; nil is `d: null`.
    case heartbeat(sequence: Int64?)
    /// IDENTIFY, the whole frame as the client wrote it.
    case identify(payload: String)
    /// RESUME; -1 stands for a missing or malformed sequence.
    case resume(session: String, sequence: Int64)
    /// A session began.
    case ready(session: String)
    /// A resume succeeded, with so many missed dispatches before RESUMED.
    case resumed(session: String, replayed: UInt64)
    /// Op 9 was sent.
    case invalidSession(resumable: Bool)
    /// Op 7 was sent.
    case reconnectSent
    /// Opcodes 3, 4, 8, 31, 43: the whole frame.
    case command(opcode: Int, payload: String)
    case pong
    /// The close frame that began the closing handshake; nil is a frame without code.
    case closed(by: Peer, code: Int?, reason: String)
    /// The client's close frame in answer to the server's.
    case closeAnswered(code: Int?)
    /// The client broke RFC 6455.
    case violation(String)
    /// The TCP connection ended.
    case disconnected
    /// A session can no longer be resumed.
    case sessionEnded(session: String)
    /// A fault was applied, by its name.
    case fault(String)
}

/// One line of the journal.
public struct JournalEntry: Sendable {
    /// Position since the start of the sandbox, from 0, without gaps.
    public let index: Int
    /// Since the start of the sandbox.
    public let time: Duration
    /// Number of the connection, from 1 in the order of acceptance; nil for what concerns none.
    public let connection: Int?
    public let endpoint: Endpoint?
    /// Shard of the session that the connection serves.
    public let shard: Int?
    public let event: JournalEvent
}

/// What the sandbox saw, oldest first.
public struct Journal: Sendable {
    public private(set) var entries: [JournalEntry] = []
    let limit: Int

    init(limit: Int) { self.limit = max(16, limit) }

    /// Index of the entry that comes next.
    public private(set) var nextIndex = 0

    mutating func append(
        _ event: JournalEvent, time: Duration, connection: Int? = nil, endpoint: Endpoint? = nil, shard: Int? = nil
    ) {
        // Half at a time, so that the cost of moving entries is spread.
        if entries.count >= limit { entries.removeFirst(limit / 2) }
        entries.append(
            JournalEntry(
                index: nextIndex, time: time, connection: connection, endpoint: endpoint, shard: shard, event: event
            )
        )
        nextIndex += 1
    }

    /// Entries from an index on.
    public func entries(from index: Int) -> ArraySlice<JournalEntry> {
        let first = nextIndex - entries.count
        return entries[min(entries.count, max(0, index - first))...]
    }

    /// How many entries are of this kind.
    public func count(where matches: (JournalEvent) -> Bool) -> Int { entries.count { matches($0.event) } }

    /// The IDENTIFY frames.
    public var identifies: [String] {
        entries.compactMap { if case .identify(let payload) = $0.event { payload } else { nil } }
    }

    /// The RESUMEs.
    public var resumes: [(session: String, sequence: Int64)] {
        entries.compactMap {
            if case .resume(let session, let sequence) = $0.event { (session, sequence) } else { nil }
        }
    }

    /// Times and sequences of the heartbeats.
    public var heartbeats: [(time: Duration, sequence: Int64?)] {
        entries.compactMap { if case .heartbeat(let sequence) = $0.event { ($0.time, sequence) } else { nil } }
    }

    /// The close codes with which clients began to close; nil is a close frame without code.
    public var clientCloseCodes: [Int?] {
        entries.compactMap { if case .closed(.client, let code, _) = $0.event { .some(code) } else { nil } }
    }
}
