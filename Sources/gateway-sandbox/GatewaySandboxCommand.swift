import ArgumentParser
import Foundation
import GatewayProtocol
import GatewaySandbox

@main
struct GatewaySandboxCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway-sandbox",
        abstract: "A local Discord gateway, to test bots and gateway clients against.",
        discussion: """
            Speaks API v10 with JSON over TLS websockets: sessions that resume, heartbeats, identify limits, the \
            documented close codes, zlib-stream and zstd-stream. It sends a stream of realistic events at a rate, and \
            on demand does everything that makes clients stumble.

            Point a client at the gateway URL it prints, or at its API URL, with the token it prints; let it trust the \
            CA file. MESSAGE_CREATE events of the stream carry a running number, "#123 …", so that a client can tell \
            whether it lost any.

            While it runs, faults and events can be ordered at the control URL with JSON, for example
              curl -d '{"fault":"close","code":4000}' http://127.0.0.1:PORT/faults

            \(ControlRoutes.reference)

            \(FaultOrder.reference)

            Examples:
              gateway-sandbox --events 10 --ca-file ca.pem
              gateway-sandbox --events 5 --fault drop,after=5,every=10
              gateway-sandbox --fault 'refuse,endpoint=resume' --fault 'answer-rest,status=429,retry-after=2,times=1'
            """
    )

    @OptionGroup(title: "Listening") var listening: ListeningOptions
    @OptionGroup(title: "Rules") var rules: RuleOptions
    @OptionGroup(title: "Content") var content: ContentOptions
    @OptionGroup(title: "Running") var running: RunningOptions

    @Option(name: .long, help: "A fault, as listed above or as JSON. May be given several times.")
    var fault: [String] = []

    @Option(help: "Every so many seconds a random fault happens to a random session; a good client loses nothing.")
    var chaos: Double?

    func makeConfiguration() throws -> SandboxConfiguration {
        var configuration = SandboxConfiguration()
        listening.apply(to: &configuration)
        try rules.apply(to: &configuration)
        try content.apply(to: &configuration)
        if let chaos {
            guard chaos > 0, chaos < 1e9 else { throw ValidationError("--chaos must be a number of seconds") }
            configuration.chaos = .milliseconds(Int64(max(1, chaos * 1000)))
        }
        for text in fault {
            do { configuration.faults.append(try FaultOrder(parsing: text)) } catch {
                throw ValidationError("--fault \(text): \(error)")
            }
        }
        return configuration
    }

    func validate() throws { _ = try makeConfiguration() }

    func run() async throws {
        let stop = StopSignal()
        stop.watchSignals()
        if running.exitWithParent { stop.watchStandardInput() }
        if let seconds = running.for { stop.watchTimer(seconds: seconds) }
        let sandbox = try await Sandbox.start(try makeConfiguration())
        if let path = listening.caFile, let made = sandbox.caFile {
            try Data(contentsOf: URL(fileURLWithPath: made)).write(to: URL(fileURLWithPath: path), options: .atomic)
        }
        let caFile = listening.caFile.map { URL(fileURLWithPath: $0).path } ?? sandbox.caFile
        if let path = running.readyFile { try writeReadyFile(sandbox, caFile: caFile, path: path) }
        announce(sandbox, caFile: caFile)
        await stop.wait()
        await sandbox.stop()
    }

    private func announce(_ sandbox: Sandbox, caFile: String?) {
        let lines = [
            ("gateway", sandbox.gatewayURL), ("resume", sandbox.resumeURL), ("api", sandbox.apiURL),
            ("control", sandbox.controlURL ?? "none"), ("token", sandbox.token), ("ca file", caFile ?? "none"),
            ("ready", "stop with Ctrl-C"),
        ]
        for (name, value) in lines {
            print("\(name):".padding(toLength: 10, withPad: " ", startingAt: 0) + value)
        }
        // Scripts read these lines through a pipe.
        fflush(nil)
    }

    private func writeReadyFile(_ sandbox: Sandbox, caFile: String?, path: String) throws {
        let ready: JSON = [
            "gateway_url": .string(sandbox.gatewayURL), "resume_url": .string(sandbox.resumeURL),
            "api_url": .string(sandbox.apiURL), "control_url": JSON(sandbox.controlURL),
            "token": .string(sandbox.token), "ca_file": JSON(caFile),
            "pid": JSON(Int(ProcessInfo.processInfo.processIdentifier)),
        ]
        try Data((ready.description + "\n").utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
}

struct ListeningOptions: ParsableArguments {
    @Option(help: "Address to listen on.") var host = "127.0.0.1"
    @Option(help: "Port of the gateway and its REST routes; 0 takes a free one.") var port = 0
    @Option(help: "Port of the address for resumes; 0 takes a free one.") var resumePort = 0
    @Option(help: "Port of the control endpoint; 0 takes a free one.") var controlPort = 0
    @Flag(help: "No control endpoint.") var noControl = false
    @Flag(help: "Plain ws:// and http:// instead of TLS.") var plain = false
    @Option(help: "Write the CA certificate (PEM) here.") var caFile: String?

    func apply(to configuration: inout SandboxConfiguration) {
        configuration.host = host
        configuration.port = port
        configuration.resumePort = resumePort
        configuration.controlPort = noControl ? nil : controlPort
        configuration.tls = !plain
    }
}

struct RuleOptions: ParsableArguments {
    @Option(help: "The bot token to accept.") var token = "sandbox-token"
    @Option(help: "Shards that /gateway/bot recommends.") var shards = 1
    @Option(help: "Identifies allowed per --identify-window, and modulus of the rate-limit key.") var maxConcurrency = 1
    @Option(help: "Seconds in which one identify per key is allowed; 0 allows all.") var identifyWindow = 5.0
    @Option(help: "Identifies allowed per 24 h.") var sessionStartTotal = 1000
    @Option(help: "Identifies left at start; all if not given.") var sessionStartRemaining: Int?
    @Flag(help: "Refuse REST requests without a User-Agent like \"DiscordBot (…\".") var requireUserAgent = false
    @Option(help: "Heartbeat interval in milliseconds.") var heartbeatInterval = 41_250
    @Option(help: "Heartbeat intervals without a heartbeat before 4009; 0 for never.") var heartbeatTolerance = 2.0
    @Option(help: "Client frames per 60 s before 4008; 0 for any number.") var frameLimit = 120
    @Option(help: "Seconds that a session without connection stays resumable.") var sessionLifetime = 180.0
    @Option(help: "Dispatches a session can replay.") var replayLimit = 10_000
    @Flag(help: "Refuse privileged intents with 4014.") var noPrivilegedIntents = false
    @Option(help: "Deflate level, 1…9; 1 is several times faster.") var zlibLevel = 6
    @Option(help: "zstd level.") var zstdLevel = 3

    func apply(to configuration: inout SandboxConfiguration) throws {
        guard !token.isEmpty else { throw ValidationError("--token must not be empty") }
        guard shards > 0, maxConcurrency > 0 else {
            throw ValidationError("--shards and --max-concurrency must be positive")
        }
        guard heartbeatInterval > 0 else { throw ValidationError("--heartbeat-interval must be positive") }
        guard (1...9).contains(zlibLevel) else { throw ValidationError("--zlib-level must be from 1 to 9") }
        configuration.token = token
        configuration.recommendedShards = shards
        configuration.maxConcurrency = maxConcurrency
        configuration.identifyWindow = try seconds(identifyWindow, "--identify-window")
        configuration.sessionStartTotal = max(0, sessionStartTotal)
        configuration.sessionStartRemaining = sessionStartRemaining.map { max(0, $0) }
        configuration.requiresUserAgent = requireUserAgent
        configuration.heartbeatInterval = .milliseconds(heartbeatInterval)
        configuration.heartbeatTolerance = max(0, heartbeatTolerance)
        configuration.frameLimit = max(0, frameLimit)
        configuration.sessionLifetime = try seconds(sessionLifetime, "--session-lifetime")
        configuration.replayLimit = max(1, replayLimit)
        if noPrivilegedIntents { configuration.grantedPrivilegedIntents = [] }
        configuration.zlibLevel = zlibLevel
        configuration.zstdLevel = zstdLevel
    }

    private func seconds(_ value: Double, _ name: String) throws -> Duration {
        guard value >= 0, value < 1e9 else { throw ValidationError("\(name) must be a number of seconds") }
        return .milliseconds(Int64(value * 1000))
    }
}

struct ContentOptions: ParsableArguments {
    @Option(help: "Guilds of the bot over all shards.") var guilds = 3
    @Option(help: "Members of each guild that op 8 finds.") var members = 25
    @Flag(help: "GUILD_CREATE of 50 KB instead of 2 KB.") var largeGuilds = false
    @Option(help: "Pad READY to so many bytes.") var readyPadding = 0
    @Option(name: .long, help: "Streamed events per second and session.") var events = 0.0
    @Option(help: "Events for each new session, at once.") var burst = 0
    @Option(help: "What the stream is made of: realistic, catalogue (every documented event) or messages.")
    var mix = "realistic"
    @Option(name: .customLong("event"), help: "Stream only events of this name. May be given several times.")
    var names: [String] = []
    @Option(help: "Seed for session ids, to repeat a run.") var seed: UInt64?

    func apply(to configuration: inout SandboxConfiguration) throws {
        guard let mix = StreamMix(rawValue: mix) else {
            throw ValidationError("--mix must be realistic, catalogue or messages")
        }
        guard events >= 0, events <= 1e6 else { throw ValidationError("--events must be from 0 to 1000000") }
        let known = Set(EventType.allCases.map(\.name))
        if let name = names.first(where: { !known.contains($0) }) {
            throw ValidationError("--event \(name): no such event")
        }
        configuration.guilds = max(0, guilds)
        configuration.membersPerGuild = max(0, members)
        configuration.largeGuilds = largeGuilds
        configuration.readyPadding = max(0, readyPadding)
        configuration.eventsPerSecond = events
        configuration.burst = max(0, burst)
        configuration.mix = mix
        configuration.streamEvents = names.isEmpty ? nil : Set(names)
        configuration.seed = seed
    }
}

struct RunningOptions: ParsableArguments {
    @Option(help: "Write a JSON file with all addresses here when listening.") var readyFile: String?
    @Option(help: "Stop after so many seconds.") var `for`: Double?
    @Flag(help: "Stop when standard input ends.") var exitWithParent = false

    func validate() throws {
        if let seconds = `for`, !(seconds > 0 && seconds < 1e9) { throw ValidationError("--for must be positive") }
    }
}
