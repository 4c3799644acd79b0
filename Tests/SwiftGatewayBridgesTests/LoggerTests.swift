import GatewaySandbox
import Logging
import SwiftGateway
import Synchronization
import Testing

@testable import SwiftGatewayLogging

/// Keeps what is logged.
private final class Captured: Sendable {
    struct Line: Equatable {
        var level: Logger.Level
        var message: String
        var shard: String?
        var source: String
    }

    let lines = Mutex<[Line]>([])
}

private struct CapturingHandler: Logging.LogHandler {
    let captured: Captured
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.debug

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let shard = event.metadata?["gateway.shard"].map { "\($0)" }
        captured.lines.withLock {
            $0.append(
                Captured.Line(
                    level: event.level, message: "\(event.message)", shard: shard, source: event.source))
        }
    }
}

@Suite("Logger")
struct LoggerTests {
    @Test("a cluster logs to a Logger, with the shard's id as metadata and without the token")
    func lines() async throws {
        let captured = Captured()
        let logger = Logger(label: "test") { _ in CapturingHandler(captured: captured) }
        var settings = SandboxConfiguration()
        settings.faults = [FaultOrder(.close(code: 4004), at: .identify)]
        let sandbox = try await Sandbox.start(settings)
        var configuration = try Configuration(token: sandbox.token, intents: [.guilds])
        try configuration.setGatewayURL(sandbox.gatewayURL)
        try configuration.setCAFile(sandbox.caFile)
        try configuration.setShards(.range(first: 2, count: 1, total: 3))
        configuration.log(to: logger, shardKey: "gateway.shard")
        await #expect(throws: GatewayError.self) {
            try await withCluster(configuration) { cluster in for await _ in cluster.events {} }
        }
        await sandbox.stop()
        let lines = captured.lines.withLock { $0 }
        #expect(lines.contains { $0.level == .info && $0.message == "connecting" && $0.shard == "2" })
        #expect(lines.contains { $0.level == .debug && $0.shard == "2" })
        #expect(lines.contains { $0.level == .error && $0.message.contains("4004") && $0.shard == "2" })
        #expect(lines.allSatisfy { $0.source == "SwiftGateway" })
        #expect(!lines.contains { $0.message.contains(sandbox.token) })
    }

    @Test("levels map by name, and lines that the logger does not take are not made")
    func levels() throws {
        for level in LogLevel.allCases where level != .off {
            let mapped = try #require(level.loggerLevel)
            #expect("\(mapped)" == "\(level)")
            #expect(LogLevel(atLeast: mapped) == level)
        }
        #expect(LogLevel.off.loggerLevel == nil)
        #expect(LogLevel(atLeast: .notice) == .warning)
        #expect(LogLevel(atLeast: .critical) == .off)
        var configuration = try Configuration(token: "t", intents: [])
        var logger = Logger(label: "test") { _ in CapturingHandler(captured: Captured()) }
        logger.logLevel = .error
        configuration.log(to: logger)
        #expect(configuration.logLevel == .error)
    }
}
