import Foundation
import GatewaySandbox
import GatewayTransport
import Testing

extension Integration {
    /// The programs in bindings/swift, as their users run them.
    @Suite("Swift examples")
    struct ExamplesTests {
        /// A running example and what it has printed.
        private final class Example: Sendable {
            let process: Process
            private let pipe = Pipe()
            private let output = Monitor("")

            init(_ name: String, _ arguments: [String] = [], sandbox: Sandbox, environment: [String: String] = [:])
                throws
            {
                process = Process()
                // Built beside the test bundle.
                let directory = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
                process.executableURL = directory.appendingPathComponent(name)
                process.arguments = arguments
                process.environment = [
                    "DISCORD_TOKEN": sandbox.token, "API_URL": sandbox.apiURL, "CA_FILE": sandbox.caFile ?? "",
                ].merging(environment) { $1 }
                process.standardOutput = pipe
                process.standardError = pipe
                pipe.fileHandleForReading.readabilityHandler = { [output] handle in
                    let data = handle.availableData
                    output.withLock { $0 += String(decoding: data, as: UTF8.self) }
                }
                try process.run()
            }

            deinit {
                if process.isRunning { kill(process.processIdentifier, SIGKILL) }
                pipe.fileHandleForReading.readabilityHandler = nil
            }

            var text: String { output.withLock { $0 } }

            /// Waits for its end and returns its status.
            func end() async throws -> Int32 {
                try await eventually("the example's end", timeout: .seconds(60)) { !process.isRunning }
                return process.terminationStatus
            }
        }

        private static func withSandbox(
            _ configure: (inout SandboxConfiguration) -> Void = { _ in }, _ body: (Sandbox) async throws -> Void
        ) async throws {
            var settings = SandboxConfiguration()
            settings.mix = .messages
            settings.identifyWindow = .zero
            configure(&settings)
            let sandbox = try await Sandbox.start(settings)
            do { try await body(sandbox) } catch {
                await sandbox.stop()
                throw error
            }
            await sandbox.stop()
        }

        @Test("count-messages counts as many messages as it is told to")
        func counts() async throws {
            try await Self.withSandbox({ $0.burst = 20 }) { sandbox in
                let example = try Example("count-messages", ["7"], sandbox: sandbox)
                #expect(try await example.end() == 0)
                try await eventually("its last line") { example.text.hasSuffix("7 messages\n") }
                #expect(example.text.contains("message 7 is from "))
                #expect(await sandbox.journal.clientCloseCodes == [1000])
            }
        }

        @Test("count-messages says what is wrong")
        func refused() async throws {
            try await Self.withSandbox { sandbox in
                let example = try Example("count-messages", sandbox: sandbox, environment: ["DISCORD_TOKEN": "wrong"])
                #expect(try await example.end() == 1)
                try await eventually("the reason") { example.text.contains("SG_ERROR_UNAUTHORIZED") }
            }
        }

        @Test("many-shards ends at SIGTERM with sessions that its next run resumes")
        func resumes() async throws {
            try await TemporaryFile.with { file in
                try await Self.withSandbox({
                    $0.recommendedShards = 3
                    $0.maxConcurrency = 3
                }) { sandbox in
                    let environment = ["SESSION_FILE": file.path]
                    let first = try Example("many-shards", sandbox: sandbox, environment: environment)
                    #expect(await sandbox.wait(timeout: .seconds(30)) { Self.presences($0) == 3 })
                    first.process.terminate()
                    #expect(try await first.end() == 0)
                    try await eventually("its summary") { first.text.contains("ending: 3 of 3 shards active") }
                    #expect(await sandbox.journal.clientCloseCodes == [4000, 4000, 4000])
                    let second = try Example("many-shards", sandbox: sandbox, environment: environment)
                    try await eventually("three resumed", timeout: .seconds(30)) {
                        second.text.split(separator: "\n").count { $0.hasSuffix(" active") } == 3
                    }
                    second.process.terminate()
                    #expect(try await second.end() == 0)
                    #expect(await sandbox.journal.resumes.count == 3)
                    #expect(await sandbox.journal.identifies.count == 3)
                }
            }
        }

        private static func presences(_ journal: Journal) -> Int {
            journal.count { if case .command(opcode: 3, _) = $0 { true } else { false } }
        }
    }
}
