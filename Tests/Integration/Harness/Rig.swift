import Dispatch
import Foundation
import GatewaySandbox
import SwiftGateway
import Testing

/// A sandbox and a cluster that talks to it.
final class Rig: Sendable {
    let sandbox: Sandbox
    let cluster: Cluster
    let recorder: Recorder

    init(sandbox: Sandbox, cluster: Cluster, recorder: Recorder) {
        self.sandbox = sandbox
        self.cluster = cluster
        self.recorder = recorder
    }

    /// Nanoseconds.
    static let second: UInt64 = 1_000_000_000

    var record: Record { recorder.record }
    var journal: Journal { get async { await sandbox.journal } }

    /// Waits for a condition on what the handler saw.
    func until(
        _ what: String, timeout: Duration = .seconds(15), _ condition: @escaping Recorder.Condition
    ) async throws {
        try await recorder.wait(what, timeout: timeout, until: condition)
    }

    /// Waits for a condition on what the sandbox saw.
    func untilServer(
        _ what: String, timeout: Duration = .seconds(15), _ condition: @escaping @Sendable (Journal) -> Bool
    ) async throws {
        guard await sandbox.wait(timeout: timeout, for: condition) else {
            let tail = await journal.entries.suffix(30).map { "\($0.connection ?? 0) \($0.event)" }
            throw NotReached(
                description: "the sandbox did not see \(what); its journal ends:\n\(tail.joined(separator: "\n"))")
        }
    }

    /// Until shard 0 is active and, in a new session, its guilds are there.
    func untilActive() async throws {
        let expected = UInt64(sandbox.configuration.guilds) + 1
        try await until("shard 0 active, with its guilds") { $0.isActive() && $0.trace().sequence >= expected }
    }

    /// Streams `count` messages to shard 0 and waits for the last.
    func exchange(_ count: Int = 5) async throws {
        let before = record.trace().message
        await sandbox.emitBurst(shard: 0, count: count)
        try await until("\(count) more messages") { $0.trace().message >= before + UInt64(count) }
    }

    /// Shuts the cluster down off the cooperative threads, which must not block.
    func shutdown(resumable: Bool = false, seconds: UInt64 = 10) async throws {
        try await Rig.blocking { [cluster] in try cluster.shutdown(resumable: resumable, timeout: seconds * Rig.second)
        }
    }

    static func blocking<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Swift.Result { try body() }) }
        }
    }

    // MARK: Settings

    static let intents: Intents = [.guilds, .guildMessages, .messageContent, .guildMembers, .guildVoiceStates]

    /// Settings of a client for this sandbox: patient enough for two loaded cores, with short waits after failures.
    static func configuration(for sandbox: Sandbox) throws -> Configuration {
        var configuration = try Configuration(token: sandbox.token, intents: intents)
        try configuration.setGatewayURL(sandbox.gatewayURL)
        try configuration.setAPIURL(sandbox.apiURL)
        try configuration.setCAFile(sandbox.caFile)
        try configuration.setShards(.range(first: 0, count: 1, total: 1))
        try configuration.setBackoff(firstMilliseconds: 10, limitMilliseconds: 100)
        try configuration.setInvalidSessionWait(minMilliseconds: 1, maxMilliseconds: 20)
        configuration.setIdentifyInterval(milliseconds: 1)
        return configuration
    }
}

/// Starts a sandbox and a cluster, runs `body`, and checks at the end that every shard's dispatches were complete and
/// in order. Ends both whatever happens.
func withRig(
    sandbox configureSandbox: (inout SandboxConfiguration) -> Void = { _ in },
    client configureClient: (inout Configuration) throws -> Void = { _ in },
    keeps: @escaping @Sendable (EventView) -> Bool = { _ in true },
    faults: [FaultOrder] = [], starts: Bool = true, isStrict: Bool = true,
    _ body: (Rig) async throws -> Void
) async throws {
    var settings = SandboxConfiguration()
    settings.mix = .messages
    settings.identifyWindow = .zero
    settings.faults = faults
    configureSandbox(&settings)
    let sandbox = try await Sandbox.start(settings)
    do {
        var configuration = try Rig.configuration(for: sandbox)
        let recorder = Recorder(keeps: keeps)
        configuration.eventHandler = { recorder.take($0) }
        configuration.logHandler = { recorder.log($0, $1, $2) }
        try configureClient(&configuration)
        let rig = Rig(sandbox: sandbox, cluster: try Cluster(configuration), recorder: recorder)
        do {
            if starts { try rig.cluster.start() }
            try await body(rig)
        } catch {
            try? await rig.shutdown(seconds: 3)
            throw error
        }
        try? await rig.shutdown(seconds: 5)
        if isStrict { #expect(rig.record.violations == []) }
    } catch {
        await sandbox.stop()
        throw error
    }
    await sandbox.stop()
}

/// All integration tests, one after another: they share two cores, and several look at the clock.
@Suite("Integration", .serialized)
enum Integration {}
