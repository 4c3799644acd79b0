import GatewayProtocol

/// How a sandbox gateway behaves. The defaults are Discord's numbers where it documents them, with ports chosen by the
/// system and no stream of events.
public struct SandboxConfiguration: Sendable {
    // MARK: Listening

    /// The address to listen on; the sandbox is meant for loopback.
    public var host = "127.0.0.1"
    /// Port of the gateway and its REST routes; 0 lets the system choose.
    public var port = 0
    /// Port that READY names in `resume_gateway_url`; 0 lets the system choose. It serves the same gateway, on a port of
    /// its own so that a client which resumes at the right address can be told from one which does not.
    public var resumePort = 0
    /// Port of the plain-HTTP control endpoint; 0 lets the system choose, nil leaves it out.
    public var controlPort: Int? = 0
    /// TLS with a certificate made at start; false serves plain `ws://` and `http://`.
    public var tls = true

    // MARK: REST

    /// The bot token that is accepted.
    public var token = "sandbox-token"
    /// Shard count that `/gateway/bot` recommends.
    public var recommendedShards = 1
    /// Identifies allowed per period (`gateway.md` §2), and those left at start (nil: all).
    public var sessionStartTotal = 1000
    public var sessionStartRemaining: Int?
    /// The period after which the remaining identifies are back at the total. Default 24 h.
    public var sessionStartPeriod: Duration = .seconds(86_400)
    /// Identifies allowed per window, and modulus of the rate-limit key (`gateway.md` §16).
    public var maxConcurrency = 1
    /// Refuse REST requests whose User-Agent does not start with `DiscordBot (`, as Cloudflare may (`gateway.md` §2).
    public var requiresUserAgent = false

    // MARK: Connections

    /// `heartbeat_interval` of HELLO.
    public var heartbeatInterval: Duration = .milliseconds(41_250)
    /// A connection is closed with 4009 when no heartbeat came for this many intervals; 0 never closes. Practice.
    public var heartbeatTolerance = 2.0
    /// Client frames per window before 4008 (`gateway.md` §12); 0 counts nothing.
    public var frameLimit = 120
    public var frameWindow: Duration = .seconds(60)
    /// Largest client payload in bytes before 4002 (`gateway.md` §12).
    public var payloadLimit = 4096
    /// One identify per window and rate-limit key (`gateway.md` §7); zero switches the rule off.
    public var identifyWindow: Duration = .seconds(5)
    /// Pause before op 9 answers an identify that came too early. Practice.
    public var identifyRejectionDelay: Duration = .milliseconds(100)
    /// Privileged intents the bot has been granted; others close with 4014.
    public var grantedPrivilegedIntents: Intents = .privileged
    /// Deflate level 1…9. Level 1 lets one core send several times as many events.
    public var zlibLevel = 6
    public var zstdLevel = 3

    // MARK: Sessions

    /// Dispatches a session can replay. Older ones are forgotten and a resume from before them gets op 9 false.
    public var replayLimit = 10_000
    /// How long a session without connection stays resumable. Practice: a few minutes.
    public var sessionLifetime: Duration = .seconds(180)
    /// Let RESUMED events of earlier resumes be replayed like every other missed dispatch, so that sequences stay
    /// gap-free. False leaves them out.
    public var replaysResumed = true
    /// After the last permitted identify, the next one ends all sessions with 4004 and revokes the token
    /// (`gateway.md` §7). False closes only that connection.
    public var revokesTokenAtStartLimit = true

    // MARK: Content

    /// Guilds of the bot over all shards; guild ids route by `(id >> 22) % num_shards`.
    public var guilds = 3
    /// Members that op 8 finds in each guild, besides the bot.
    public var membersPerGuild = 25
    /// GUILD_CREATE of about 50 KB instead of 2 KB.
    public var largeGuilds = false
    /// Least size of READY in bytes, filled with a long `private_channels`-like padding; 0 adds nothing.
    public var readyPadding = 0
    /// Streamed dispatches per second and session; 0 streams nothing.
    public var eventsPerSecond = 0.0
    /// Dispatches each new session gets at once after its guilds, as fast as the peer reads.
    public var burst = 0
    public var mix = StreamMix.realistic
    /// Names of the events to stream; nil streams what the mix has.
    public var streamEvents: Set<String>?

    // MARK: Faults

    /// A random one of `chaosFaults` happens to a random session this far apart; nil leaves clients in peace.
    public var chaos: Duration?
    public var chaosFaults = Fault.survivable
    /// Faults in force from the start.
    public var faults: [FaultOrder] = []
    /// Entries the journal keeps; older ones are dropped.
    public var journalLimit = 200_000
    /// Seed of session ids and tokens, so that runs can be repeated; nil takes random ones.
    public var seed: UInt64?

    public init() {}
}
