import GatewayProtocol

/// What all connections share: sessions, identify rules, the token. A value without clocks or sockets; times come in as
/// nanoseconds of any steady clock.
struct GatewayState {
    let configuration: SandboxConfiguration
    let catalogue = Catalogue.shared
    var resumeURL = ""
    var sessions: [String: Session] = [:]
    var startLimit: SessionStartLimit
    /// The token was reset because identifies ran out; nothing authenticates until it is restored.
    var isTokenRevoked = false
    /// READY is padded to at least so many bytes.
    var readyPadding: Int
    private var nextSerial = 0
    private var gate: IdentifyGate
    private var wholeListRequests: [UInt64: UInt64] = [:]
    var random: SandboxRandom

    init(_ configuration: SandboxConfiguration, now: UInt64 = 0) {
        self.configuration = configuration
        gate = IdentifyGate(
            maxConcurrency: configuration.maxConcurrency, window: configuration.identifyWindow.nanoseconds
        )
        startLimit = SessionStartLimit(
            total: configuration.sessionStartTotal,
            remaining: configuration.sessionStartRemaining ?? configuration.sessionStartTotal,
            period: configuration.sessionStartPeriod.nanoseconds, now: now
        )
        readyPadding = configuration.readyPadding
        random = SandboxRandom(seed: configuration.seed)
    }

    var acceptedToken: String? { isTokenRevoked ? nil : configuration.token }

    // MARK: Identify

    enum IdentifyOutcome {
        case session(String)
        case tooEarly
        case startLimitReached
        case refused(Refusal)
    }

    /// Opens a session with READY and GUILD_CREATEs in its buffer, or says why not.
    mutating func identify(_ body: JSON, at now: UInt64) -> IdentifyOutcome {
        let request: IdentifyRequest
        do {
            request = try IdentifyRequest(
                body, token: acceptedToken ?? "", granted: configuration.grantedPrivilegedIntents,
                guilds: GuildScheme(count: configuration.guilds)
            )
        } catch {
            return .refused(error)
        }
        guard acceptedToken != nil else { return .refused(Refusal(.authenticationFailed, "Authentication failed.")) }
        guard gate.admit(shard: request.shard, at: now) else { return .tooEarly }
        guard startLimit.take(at: now) else {
            if configuration.revokesTokenAtStartLimit { isTokenRevoked = true }
            return .startLimitReached
        }
        var session = Session(
            id: random.hex(32), serial: nextSerial, shard: request.shard, total: request.total,
            intents: request.intents,
            wantsPayloadCompression: request.compress, configuration: configuration, catalogue: catalogue
        )
        nextSerial += 1
        session.replay.append(.event("READY", readyBody(session, echoesShard: request.hasShard)))
        if session.intents.contains(.guilds) {
            let template = configuration.largeGuilds ? catalogue.largeGuild : catalogue.smallGuild
            for guild in session.guilds {
                session.replay.append(.template(index: template, guild: guild, number: 0))
            }
        }
        session.pending = configuration.burst
        sessions[session.id] = session
        return .session(session.id)
    }

    private func readyBody(_ session: Session, echoesShard: Bool) -> String {
        let guilds = session.guilds.map { "{\"unavailable\":true,\"id\":\"\($0)\"}" }.joined(separator: ",")
        var body = """
            {"v":10,"user_settings":{},"user":{"verified":true,"username":"harbor_bot","public_flags":4194304,\
            "primary_guild":null,"mfa_enabled":true,"id":"\(MemberDirectory.botID)","global_name":null,"flags":0,\
            "email":null,"discriminator":"4417","collectibles":null,"bot":true,"bio":"","avatar_decoration_data":null,\
            "avatar":null},
            """
        if echoesShard { body += "\"shard\":[\(session.shard),\(session.total)]," }
        body += """
            "session_type":"normal","session_id":"\(session.id)","resume_gateway_url":\(JSON.quoted(resumeURL)),\
            "relationships":[],"private_channels":[],"presences":[],"guilds":[\(guilds)],"guild_join_requests":[],\
            "geo_ordered_rtc_regions":["rotterdam"],"auth":{},\
            "application":{"id":"\(MemberDirectory.botID)","flags":565248},"_trace":["[\\"gateway-sandbox\\",{}]"]
            """
        let missing = readyPadding - body.utf8.count
        if missing > 0 { body += ",\"_padding\":\"\(String(repeating: "p", count: missing))\"" }
        return body + "}"
    }

    // MARK: Resume

    enum ResumeOutcome: Equatable {
        /// Send from this sequence on; the last of them is RESUMED.
        case resumed(session: String, from: UInt64, missed: UInt64)
        case invalid
        case refused(Refusal)
    }

    /// Finds the session, and adds RESUMED behind what it has to replay.
    mutating func resume(_ body: JSON, at now: UInt64) -> ResumeOutcome {
        guard let token = body["token"]?.string, let id = body["session_id"]?.string, let seq = body["seq"] else {
            return .refused(Refusal(.unknownOpcode, "RESUME needs token, session_id and seq."))
        }
        expireSessions(at: now)
        guard token == acceptedToken, var session = sessions[id] else { return .invalid }
        guard let value = seq.integer, value >= 0, UInt64(value) <= session.sequence else {
            sessions[id] = nil
            return .refused(Refusal(.invalidSeq, "Invalid seq."))
        }
        let last = UInt64(value)
        guard last + 1 >= session.replay.first else {
            sessions[id] = nil
            return .invalid
        }
        let missed = session.sequence - last
        session.replay.append(.event("RESUMED", "{\"_trace\":[\"[\\\"gateway-sandbox\\\",{}]\"]}"))
        // The fresh RESUMED must not push what is still missing out of the buffer.
        guard last + 1 >= session.replay.first else {
            sessions[id] = nil
            return .invalid
        }
        sessions[id] = session
        return .resumed(session: id, from: last + 1, missed: missed)
    }

    /// Forgets sessions that waited longer than their lifetime for a resume.
    mutating func expireSessions(at now: UInt64) {
        let lifetime = configuration.sessionLifetime.nanoseconds
        let expired = sessions.values.filter { $0.connection == nil && now &- $0.detachedAt > lifetime }
        for session in expired { sessions[session.id] = nil }
    }

    // MARK: Commands

    enum CommandOutcome { case answered, sessionCrashed }

    /// Puts the answers to a command into the session's buffer.
    mutating func perform(_ command: ClientCommand, session id: String, at now: UInt64) -> CommandOutcome {
        guard var session = sessions[id] else { return .answered }
        switch command {
        case .poisonous: return .sessionCrashed
        case .presence(let body):
            if let guild = session.guilds.first {
                session.emit(.presenceUpdate, Self.presence(body, guild: guild))
            }
        case .voiceState(let guild, let channel, let mute, let deaf):
            guard session.guilds.contains(guild) else { break }
            let quotedChannel = channel.map { "\"\($0)\"" } ?? "null"
            session.emit(
                .voiceStateUpdate,
                """
                {"user_id":"\(MemberDirectory.botID)","suppress":false,"session_id":"\(random.hex(32))",\
                "self_video":false,"self_mute":\(mute),"self_deaf":\(deaf),"request_to_speak_timestamp":null,\
                "mute":false,"guild_id":"\(guild)","deaf":false,"channel_id":\(quotedChannel)}
                """
            )
            if channel != nil {
                session.emit(
                    .voiceServerUpdate,
                    "{\"token\":\"\(random.hex(16))\",\"guild_id\":\"\(guild)\",\"endpoint\":\"voice.example.invalid:443\"}"
                )
            }
        case .requestMembers(let request): answer(request, in: &session, at: now)
        case .soundboardSounds(let guilds):
            for guild in guilds where session.guilds.contains(guild) {
                session.emit(.soundboardSounds, "{\"soundboard_sounds\":[],\"guild_id\":\"\(guild)\"}")
            }
        case .channelInfo(let guild, let fields):
            guard session.guilds.contains(guild) else { break }
            var channel = ""
            if fields.contains("voice_start_time") { channel += "\"voice_start_time\":1785571330," }
            if fields.contains("status") { channel += "\"status\":\"Sea shanties\"," }
            session.emit(
                .channelInfo, "{\"guild_id\":\"\(guild)\",\"channels\":[{\(channel)\"id\":\"1038269022209310781\"}]}"
            )
        }
        sessions[id] = session
        return .answered
    }

    private mutating func answer(_ request: MemberRequest, in session: inout Session, at now: UInt64) {
        guard session.guilds.contains(request.guild) else { return }
        if request.wantsEveryone {
            guard session.intents.contains(.guildMembers) else { return }
            let window: UInt64 = 30_000_000_000
            if let last = wholeListRequests[request.guild], now &- last < window {
                let seconds = Double(window - (now - last)) / 1e9
                let nonce = request.nonce.map { "\"nonce\":\(JSON.quoted($0))," } ?? ""
                session.emit(
                    .rateLimited,
                    "{\"retry_after\":\(seconds),\"opcode\":8,\"meta\":{\(nonce)\"guild_id\":\"\(request.guild)\"}}"
                )
                return
            }
            wholeListRequests[request.guild] = now
        }
        let directory = MemberDirectory(count: configuration.membersPerGuild)
        let shares = session.intents.contains(.guildPresences)
        for chunk in directory.chunks(for: request, sharesPresences: shares) {
            session.emit(.guildMembersChunk, chunk)
        }
    }

    private static func presence(_ body: JSON, guild: UInt64) -> String {
        let status = body["status"]?.string ?? "online"
        let shown = status == "invisible" ? "offline" : status
        return """
            {"user":{"id":"\(MemberDirectory.botID)"},"status":\(JSON.quoted(shown)),"guild_id":"\(guild)",\
            "client_status":{"web":\(JSON.quoted(shown))},"activities":\(body["activities"] ?? [])}
            """
    }
}

/// Random identifiers, repeatable with a seed.
struct SandboxRandom: RandomNumberGenerator {
    private var state: UInt64
    private let isSeeded: Bool

    init(seed: UInt64?) {
        state = seed ?? 0
        isSeeded = seed != nil
    }

    mutating func next() -> UInt64 {
        guard isSeeded else {
            var system = SystemRandomNumberGenerator()
            return system.next()
        }
        // SplitMix64.
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func hex(_ digits: Int) -> String {
        String((0..<digits).map { _ in Character(String(Int(next() & 15), radix: 16)) })
    }
}

extension Duration {
    /// Whole nanoseconds; negative durations are 0.
    var nanoseconds: UInt64 {
        guard self > .zero else { return 0 }
        let (seconds, attoseconds) = components
        return UInt64(seconds) &* 1_000_000_000 &+ UInt64(attoseconds / 1_000_000_000)
    }

    var milliseconds: UInt64 { nanoseconds / 1_000_000 }
}
