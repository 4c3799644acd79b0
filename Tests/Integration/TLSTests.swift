import Foundation
import GatewaySandbox
import SwiftGateway
import Testing

extension Integration {
    @Suite("Certificates")
    struct TLSTests {
        @Test(
            "a bad certificate is told as such, and the shard keeps trying",
            arguments: [
                (CertificateKind.untrusted, "is not trusted"), (.expired, "has expired"),
                (.wrongHost, "was made for another host"), (.selfSigned, "is not trusted"),
            ])
        func badCertificate(kind: CertificateKind, sentence: String) async throws {
            try await withRig(faults: [FaultOrder(.certificate(kind), times: 3)]) { rig in
                try await rig.untilActive()
                let errors = rig.record.errors
                #expect(errors.count == 3)
                #expect(errors.allSatisfy { $0.status == .tls })
                #expect(errors.allSatisfy { $0.text.contains("the certificate of 127.0.0.1 \(sentence)") })
                #expect(rig.record.states().filter { $0 == .backoff }.count == 3)
                // The token never left before the certificate was good.
                #expect(await rig.journal.identifies.count == 1)
                #expect(try rig.cluster.info(shard: 0).connects == 4)
            }
        }

        @Test("without the sandbox's CA file its certificate is not trusted")
        func systemStore() async throws {
            try await withRig(client: { try $0.setCAFile(nil) }) { rig in
                try await rig.until("three refusals") { $0.errors(.tls).count >= 3 }
                #expect(await rig.journal.identifies.isEmpty)
            }
        }

        @Test("the bootstrap request checks certificates too")
        func bootstrap() async throws {
            try await BootstrapTests.withAskingRig { rig in
                try await rig.until("active") { $0.isActive() }
            }
            try await withRig(
                client: { try $0.setShards(.auto) }, faults: [FaultOrder(.certificate(.expired), times: 2)]
            ) { rig in
                try await rig.untilActive()
                #expect(rig.record.errors.map(\.status) == [.tls, .tls])
                #expect(rig.record.errors.allSatisfy { $0.text.contains("has expired") })
            }
        }

        @Test("a server that does not speak TLS is an error of TLS")
        func plainServer() async throws {
            try await withRig(sandbox: { $0.tls = false }, starts: false) { rig in
                var configuration = try Rig.configuration(for: rig.sandbox)
                let url = rig.sandbox.gatewayURL.replacingOccurrences(of: "ws://", with: "wss://")
                try configuration.setGatewayURL(url)
                let recorder = Recorder()
                configuration.eventHandler = { recorder.take($0) }
                let cluster = try Cluster(configuration)
                try cluster.start()
                try await recorder.wait("two errors") { $0.errors(.tls).count >= 2 }
                #expect(recorder.record.errors.first?.text.contains("TLS handshake with 127.0.0.1 failed") == true)
                try await Rig.blocking { try cluster.shutdown(resumable: false, timeout: 5 * Rig.second) }
            }
        }

        @Test("a CA file that is none is refused at once")
        func badFile() throws {
            let path = FileManager.default.temporaryDirectory.path + "/not-a-ca-\(UUID().uuidString).pem"
            try Data("no certificate".utf8).write(to: URL(fileURLWithPath: path))
            defer { try? FileManager.default.removeItem(atPath: path) }
            var configuration = try Configuration(token: "t", intents: [])
            #expect { try configuration.setCAFile(path) } throws: { ($0 as? GatewayError)?.status == .file }
            #expect { try configuration.setCAFile(path + ".missing") } throws: {
                ($0 as? GatewayError)?.status == .file
            }
        }
    }
}
