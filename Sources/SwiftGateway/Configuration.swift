import GatewayProtocol
import GatewayTransport

/// How the gateway compresses what it sends (`gateway.md` §14). The raw values are the `SG_COMPRESSION_…` numbers.
public enum Compression: UInt32, CaseIterable, Sendable {
    /// Uncompressed: several times the bytes, least CPU.
    case none = 0
    /// zlib-stream: least memory for its effect, the default.
    case zlib = 1
    /// zstd-stream: half the CPU of zlib, about five times its memory per shard. Needs libzstd.so.1 at run time.
    case zstd = 2
}

/// Written out: the library carries no names of cases to find at run time.
extension Compression: CustomStringConvertible {
    /// The word for it: "none", "zlib" or "zstd".
    public var description: String {
        switch self {
        case .none: "none"
        case .zlib: "zlib"
        case .zstd: "zstd"
        }
    }
}

/// Where the event handler runs. The raw values are the `SG_DELIVERY_…` numbers.
public enum DeliveryMode: UInt32, CaseIterable, Sendable {
    /// On a delivery thread, from a bounded queue: a slow handler delays no heartbeat.
    case queued = 0
    /// On the connection's own thread, without a copy: for handlers that return at once.
    case inline = 1
}

/// How to connect and what to deliver. A value: clusters take a copy.
///
/// Every setter checks what it is given and throws `GatewayError` with `invalidArgument` and a sentence that names the
/// value. The token never appears in any text made from this.
public struct Configuration: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The token as IDENTIFY wants it, without "Bot ".
    let bareToken: String
    /// What the gateway was asked to send.
    public let intents: Intents
    private(set) var gatewayURL: GatewayURL?
    private(set) var apiURL: GatewayURL
    private(set) var caFile: String?
    /// The trust store, once it was loaded to check the path.
    private(set) var tls: TLSContext?
    private(set) var compression = Compression.zlib
    private(set) var inflateBackend = InflateBackend.auto
    private(set) var scheme = ShardScheme.auto
    private(set) var maxConcurrency: UInt32?
    private(set) var identifyInterval: UInt64 = 5_000_000_000
    private(set) var properties = (os: "linux", browser: "SwiftGateway", device: "SwiftGateway")
    private(set) var largeThreshold: UInt32 = 50
    private var presence: PresenceUpdate?
    private var shardPresences: [UInt32: PresenceUpdate] = [:]
    private(set) var filter: EventSet?
    private(set) var kinds = EventKinds.standard
    private(set) var sessionStore: (any SessionStoring)?
    private(set) var identifyQueue: (any IdentifyQueueing)?
    /// The rules of the daily budget, shortened by tests only.
    package var budget = IdentifyBudget.Settings()
    private(set) var handshakeLimit: UInt32 = 16
    private(set) var reshardWindow: UInt64 = 5_000_000_000
    /// The rules of each session; those without a setter are the protocol's, and shortened by tests only.
    package var session = SessionSettings()
    private(set) var maxMessageSize = 64 << 20
    private(set) var deliveryMode = DeliveryMode.queued
    private(set) var queueBytes = 0
    private(set) var ioThreads: UInt32 = 0
    private(set) var importedSessions: [UInt32: ResumableSession] = [:]
    private(set) var importedTotal: UInt32 = 0
    private(set) var sink = EventSink.none
    /// Receives every event. Nil: events are counted and thrown away. Replaces a batch handler.
    public var eventHandler: EventHandler? {
        get { if case .each(let receiver) = sink { { receiver.receive($0) } } else { nil } }
        set { receiver = newValue.map { HandlerReceiver($0) } }
    }
    /// The same in the form that it is called in.
    @_spi(Bindings) public var receiver: EventReceiver? {
        get { if case .each(let receiver) = sink { receiver } else { nil } }
        set { if let newValue { sink = .each(newValue) } else { sink = .none } }
    }
    /// Receives events by the batch; needs queued delivery. Nil: events are counted and thrown away. Replaces an event
    /// handler.
    public var batchHandler: EventBatchHandler? {
        get { if case .batches(let handler) = sink { handler } else { nil } }
        set { if let newValue { sink = .batches(newValue) } else { sink = .none } }
    }
    /// Has events wait in a channel, for the cluster that they are of.
    mutating func stream(to channel: EventChannel) { sink = .stream(channel) }

    /// Receives log lines of `logLevel` and above.
    public var logHandler: LogHandler?
    /// Receives the same lines in fields, the shard's id among them; beside `logHandler`, not instead of it.
    public var logRecordHandler: LogRecordHandler?
    /// The least important level that `logHandler` and `logRecordHandler` get; default `info`.
    public var logLevel = LogLevel.info

    /// `token`: the bot's, with or without "Bot " in front. `intents`: what the gateway is asked to send.
    public init(token: String, intents: Intents) throws(GatewayError) {
        let bare = token.hasPrefix("Bot ") ? String(token.dropFirst(4)) : token
        guard !bare.isEmpty else {
            throw .invalid("the token is empty; it is on the bot's page in the developer portal")
        }
        guard bare.utf8.count <= 512 else { throw .invalid("the token is longer than 512 bytes") }
        guard bare.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .invalid("the token holds characters that no token has, such as spaces or line ends")
        }
        bareToken = bare
        self.intents = intents
        apiURL = try GatewayURL.checked("https://discord.com/api/v10", webSocket: false)
    }

    public var description: String { "Configuration(intents: \(intents.rawValue), compression: \(compression))" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["intents": intents, "compression": compression]) }

    /// Where to connect: `wss://` or `ws://`. Default: asked of the API at the start, and anew when connecting to it fails,
    /// once a minute at most (`gateway.md` §2). One that is set here stays.
    public mutating func setGatewayURL(_ url: String) throws(GatewayError) {
        gatewayURL = try GatewayURL.checked(url, webSocket: true)
    }

    /// The base of the HTTP API, `https://` or `http://`. Default `https://discord.com/api/v10`.
    public mutating func setAPIURL(_ url: String) throws(GatewayError) {
        apiURL = try GatewayURL.checked(url, webSocket: false)
    }

    /// A PEM file of authorities that replaces the system's trust store; nil for the system's. Throws `file` when it
    /// cannot be loaded.
    public mutating func setCAFile(_ path: String?) throws(GatewayError) {
        if let path {
            guard !path.isEmpty else { throw .invalid("the path of the CA file is empty") }
            tls = try TLSContext(caFile: path)
        }
        caFile = path
    }

    /// Throws `unsupported` for zstd on a machine without libzstd.
    public mutating func setCompression(_ value: Compression) throws(GatewayError) {
        var changed = self
        changed.compression = value
        if value == .zstd { _ = try changed.makeInflater(limit: 1) }
        compression = value
    }

    /// What inflates zlib-stream; default `auto`. Throws `unsupported` for zlib-ng on a machine without it.
    public mutating func setInflateBackend(_ value: InflateBackend) throws(GatewayError) {
        guard value.library != nil else { throw GatewayError(.unsupported, "libz-ng.so.2 is not installed") }
        inflateBackend = value
    }

    /// Which shards to run; default all that the API recommends. Throws `invalidArgument` for an impossible choice.
    public mutating func setShards(_ shards: ShardChoice) throws(GatewayError) { scheme = try shards.scheme() }

    /// How many shards may identify in one interval; nil: the API's answer, 1 without one.
    public mutating func setMaxConcurrency(_ value: UInt32?) throws(GatewayError) {
        guard value != 0 else { throw .invalid("a maximum concurrency of 0 would let no shard identify") }
        maxConcurrency = value
    }

    /// The time between two identifies with the same rate-limit key, in milliseconds. Default 5000 (`gateway.md` §16).
    public mutating func setIdentifyInterval(milliseconds: UInt32) {
        identifyInterval = UInt64(milliseconds) * 1_000_000
    }

    /// The `properties` of IDENTIFY, none of them empty nor longer than 128 bytes.
    public mutating func setIdentifyProperties(os: String, browser: String, device: String) throws(GatewayError) {
        for (name, value) in [("os", os), ("browser", browser), ("device", device)] {
            guard !value.isEmpty else { throw .invalid("the identify property \(name) is empty") }
            guard value.utf8.count <= 128 else { throw .invalid("the identify property \(name) exceeds 128 bytes") }
        }
        properties = (os, browser, device)
    }

    /// 50 to 250 members, default 50 (`gateway.md` §7).
    public mutating func setLargeThreshold(_ members: UInt32) throws(GatewayError) {
        guard (50...250).contains(members) else {
            throw .invalid("a large threshold of \(members) is outside 50…250")
        }
        largeThreshold = members
    }

    /// The presence that sessions begin with, as the JSON object of op 3's `d`; for one shard or, with nil, for all.
    public mutating func setPresence(_ json: String, shard: UInt32? = nil) throws(GatewayError) {
        guard json.utf8.count <= 2048 else { throw .invalid("the presence has more than 2048 bytes") }
        do throws(CommandError) {
            let checked = try PresenceUpdate(json: Array(json.utf8))
            if let shard { shardPresences[shard] = checked } else { presence = checked }
        } catch {
            throw .invalid(error.message)
        }
    }

    func presence(ofShard id: UInt32) -> PresenceUpdate? { shardPresences[id] ?? presence }

    /// The dispatches to deliver, by name; nil for all. Names this build does not know are fine.
    public mutating func setEventFilter(_ names: [String]?) throws(GatewayError) {
        if let names, let bad = names.first(where: { $0.isEmpty || $0.utf8.count > 128 }) {
            throw .invalid("\"\(bad.prefix(32))\" is no event name")
        }
        filter = names.map { EventSet(names: $0) }
    }

    /// The kinds of events to deliver; default `EventKinds.standard`, all but whole payloads. Throws `invalidArgument` for a
    /// kind that does not exist.
    public mutating func setEventKinds(_ kinds: EventKinds) throws(GatewayError) {
        guard kinds.subtracting(.all).isEmpty else {
            throw .invalid("the event kinds \(kinds.rawValue) name a kind that does not exist")
        }
        self.kinds = kinds
    }

    /// A file in which sessions survive the process; nil for none. Replaces a store that was set before.
    public mutating func setSessionFile(_ path: String?) throws(GatewayError) {
        if let path, path.isEmpty { throw .invalid("the path of the session file is empty") }
        sessionStore = path.map { SessionFile(path: $0) }
    }

    /// A place of your own in which sessions survive the process; nil for none. Replaces a file that was set before.
    public mutating func setSessionStore(_ store: (any SessionStoring)?) { sessionStore = store }

    /// Who decides when shards may identify; nil for a `LocalIdentifyQueue` of the cluster's own, with the interval and
    /// the maximum concurrency set here.
    public mutating func setIdentifyQueue(_ queue: (any IdentifyQueueing)?) { identifyQueue = queue }

    /// How many connections of one I/O thread may be in their TCP, TLS and upgrade handshakes at once: 1 to 65,535. Others
    /// wait for one of them to end. Default 16 (measured): each holds some 40 KB while it lasts, and a thousand at once
    /// leave the heap with holes of 14 KB a shard.
    public mutating func setHandshakeLimit(_ count: UInt32) throws(GatewayError) {
        guard count > 0 else { throw .invalid("a handshake limit of 0 lets no shard connect") }
        guard count <= 65_535 else { throw .invalid("a handshake limit of \(count) exceeds 65535") }
        handshakeLimit = count
    }

    /// How far the two copies of an event may be apart, in milliseconds, that an old and a new shard get while the cluster
    /// is resharded: 1 to 600,000, default 5000 (practice: copies come within a second). The new shards are watched for two
    /// of these before they take over, and for one after that.
    public mutating func setReshardWindow(milliseconds: UInt32) throws(GatewayError) {
        guard milliseconds > 0 else { throw .invalid("a reshard window of 0 ms would take every event for a new one") }
        guard milliseconds <= 600_000 else {
            throw .invalid("a reshard window of \(milliseconds) ms exceeds 600000 ms")
        }
        reshardWindow = UInt64(milliseconds) * 1_000_000
    }

    /// The wait after failures, in milliseconds: random up to `first`, doubled each time, up to `limit`.
    public mutating func setBackoff(firstMilliseconds first: UInt32, limitMilliseconds limit: UInt32)
        throws(GatewayError)
    {
        guard first > 0 else { throw .invalid("a first backoff of 0 ms would retry without pause") }
        guard limit >= first else {
            throw .invalid("the backoff limit of \(limit) ms is below the first of \(first) ms")
        }
        session.backoff = Backoff(first: UInt64(first) * 1_000_000, limit: UInt64(limit) * 1_000_000)
    }

    /// How long resolving, connecting and the handshakes may take together, in milliseconds; default 10,000 (practice). Throws
    /// `invalidArgument` for 0.
    public mutating func setConnectTimeout(milliseconds: UInt32) throws(GatewayError) {
        guard milliseconds > 0 else { throw .invalid("a connect timeout of 0 ms lets no connection succeed") }
        session.connectTimeout = UInt64(milliseconds) * 1_000_000
    }

    /// The random wait after op 9 with false, in milliseconds. Default 1000…5000 (`gateway.md` §9).
    public mutating func setInvalidSessionWait(minMilliseconds low: UInt32, maxMilliseconds high: UInt32)
        throws(GatewayError)
    {
        guard low <= high else { throw .invalid("the least wait of \(low) ms exceeds the most of \(high) ms") }
        session.invalidSessionWait = UInt64(low) * 1_000_000...UInt64(high) * 1_000_000
    }

    /// Grace (0) or strict (1): see `SG_ZOMBIE_…`.
    public mutating func setZombiePolicy(strict: Bool) { session.zombiePolicy = strict ? .strict : .grace }

    /// The largest payload, received or inflated, in bytes. Default 64 MiB.
    public mutating func setMaxMessageSize(_ bytes: Int) throws(GatewayError) {
        guard bytes > 0 else { throw .invalid("a maximum message size of 0 lets nothing through") }
        maxMessageSize = bytes
    }

    /// Sends per window and connection; a count of 0 for no limit. Default 120 per 60,000 ms (`gateway.md` §12).
    public mutating func setSendLimit(count: UInt32, windowMilliseconds window: UInt32) throws(GatewayError) {
        guard count == 0 || window > 0 else { throw .invalid("a send window of 0 ms limits nothing") }
        guard count <= 100_000 else { throw .invalid("a send limit of \(count) exceeds 100000") }
        session.sendLimit = Int(count)
        session.sendWindow = UInt64(window) * 1_000_000
    }

    /// `queueBytes`: what may wait per I/O thread; 0 for 8 MiB, at least 64 KiB otherwise, rounded up to a power of two.
    /// Reading pauses when three quarters are used; below that an event of any size is taken in.
    public mutating func setDelivery(_ mode: DeliveryMode, queueBytes: Int) throws(GatewayError) {
        guard queueBytes >= 0, queueBytes <= 1 << 36 else {
            throw .invalid("a delivery queue of \(queueBytes) bytes is outside 0…\(1 << 36)")
        }
        deliveryMode = mode
        self.queueBytes = queueBytes
    }

    /// 1 to 256; 0 for one per core, at most one per 64 shards.
    public mutating func setIOThreads(_ count: UInt32) throws(GatewayError) {
        guard count <= 256 else { throw .invalid("\(count) I/O threads exceed 256") }
        ioThreads = count
    }

    /// Sessions to resume, as `exportSessions` wrote them. Throws `file` when it is not such a text.
    public mutating func importSessions(_ json: [UInt8]) throws(GatewayError) {
        let document = try SessionDocument.parse(json, fingerprint: SessionDocument.fingerprint(of: bareToken))
        importedSessions = document.sessions
        importedTotal = document.total
    }

    /// The IDENTIFY payload of a shard. Throws when a presence makes it larger than the gateway takes.
    func identify(shard: UInt32, total: UInt32, presence: PresenceUpdate?) throws(GatewayError) -> [UInt8] {
        var identify = Identify(token: bareToken, intents: intents, shardID: shard, shardTotal: total)
        (identify.os, identify.browser, identify.device) = properties
        identify.largeThreshold = largeThreshold
        identify.presence = presence
        do throws(CommandError) { return try Payload.identify(identify) } catch { throw error.gatewayError }
    }

    /// A reader for a new connection, of payloads up to `limit` bytes; nil without compression.
    func makeInflater(limit: Int) throws(GatewayError) -> Inflater? {
        let kind: CompressionKind
        switch compression {
        case .none: return nil
        case .zlib: kind = .zlibStream
        case .zstd: kind = .zstdStream
        }
        do throws(InflateError) {
            return try Inflater.make(kind, limit: limit, zlib: inflateBackend.library ?? .system)
        } catch {
            throw GatewayError(.unsupported, "\(compression)-stream is not available: \(error.reason)")
        }
    }
}

extension GatewayError {
    static func invalid(_ message: String) -> GatewayError { GatewayError(.invalidArgument, message) }
}
