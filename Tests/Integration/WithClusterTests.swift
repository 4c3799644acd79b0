import GatewaySandbox
import SwiftGateway
import Testing

extension Integration {
    @Suite("withCluster")
    struct WithClusterTests {
        private struct Stop: Error, Equatable {}

        private static func withSandbox(
            faults: [FaultOrder] = [], _ body: (Sandbox, Configuration) async throws -> Void
        ) async throws {
            try await withRig(faults: faults, starts: false) { rig in
                try await body(rig.sandbox, Rig.configuration(for: rig.sandbox))
            }
        }

        private static func untilClosed(_ sandbox: Sandbox, _ codes: [Int?]) async throws {
            guard await sandbox.wait(timeout: .seconds(15), for: { $0.clientCloseCodes == codes }) else {
                throw NotReached(description: "close codes are \(await sandbox.journal.clientCloseCodes)")
            }
        }

        @Test("shuts down when the body returns, and gives what it returned")
        func returns() async throws {
            try await Self.withSandbox { sandbox, configuration in
                let name = try await withCluster(configuration, shutdown: .final) { cluster in
                    try await cluster.waitReady()
                    #expect(try cluster.shards().map(\.id) == [0])
                    for await (_, event) in cluster.events where event.kind == .dispatch { return event.name }
                    return ""
                }
                #expect(name == "READY")
                try await Self.untilClosed(sandbox, [1000])
            }
        }

        @Test("shuts down when the body throws, and throws that")
        func throwing() async throws {
            try await Self.withSandbox { sandbox, configuration in
                await #expect(throws: Stop()) {
                    try await withCluster(configuration) { cluster in
                        try await cluster.waitReady()
                        throw Stop()
                    }
                }
                try await Self.untilClosed(sandbox, [4000])
            }
        }

        @Test("shuts down when the task is cancelled")
        func cancelled() async throws {
            try await Self.withSandbox { sandbox, configuration in
                let task = Task {
                    try await withCluster(configuration) { cluster in for await _ in cluster.events {} }
                }
                guard await sandbox.wait(timeout: .seconds(15), for: { $0.identifies.count == 1 }) else {
                    throw NotReached(description: "no identify")
                }
                task.cancel()
                try await task.value
                try await Self.untilClosed(sandbox, [4000])
            }
        }

        @Test("throws the error that ended the shards")
        func fatal() async throws {
            try await Self.withSandbox(faults: [FaultOrder(.close(code: 4004), at: .identify)]) { _, configuration in
                await #expect {
                    try await withCluster(configuration) { cluster in for await _ in cluster.events {} }
                } throws: {
                    ($0 as? GatewayError)?.message.contains("4004") == true
                }
            }
        }
    }
}
