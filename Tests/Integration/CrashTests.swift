import Foundation
import GatewaySandbox
import SwiftGateway
import Testing

extension Integration {
    /// Processes that are killed, for real.
    @Suite("kill -9")
    struct CrashTests {
        /// The integration-client executable, in a process of its own.
        final class Child {
            let process = Process()
            private let input = Pipe()

            init(_ sandbox: Sandbox, sessions: String, output: String, mode: String) throws {
                // Built beside the test bundle.
                let directory = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
                process.executableURL = directory.appendingPathComponent("integration-client")
                process.arguments = [
                    sandbox.gatewayURL, sandbox.caFile ?? "", sandbox.token, sessions, output, mode,
                ]
                process.standardInput = input
                try process.run()
            }

            deinit { kill() }

            func kill() {
                guard process.isRunning else { return }
                Foundation.kill(process.processIdentifier, SIGKILL)
                process.waitUntilExit()
            }

            func end() {
                try? input.fileHandleForWriting.close()
                process.waitUntilExit()
            }
        }

        struct Line: Equatable {
            let name: String
            let sequence: UInt64
            let number: UInt64

            init?(_ text: Substring) {
                let parts = text.split(separator: " ")
                guard parts.count == 3, let sequence = UInt64(parts[1]), let number = UInt64(parts[2]) else {
                    return nil
                }
                name = String(parts[0])
                self.sequence = sequence
                self.number = number
            }
        }

        static func lines(_ file: TemporaryFile) -> [Line] { file.text.split(separator: "\n").compactMap { Line($0) } }

        @Test("the next process resumes, and Discord's replay fills the gap; nothing is lost")
        func killed() async throws {
            try await TemporaryFile.with("handled") { output in
                try await withRig(sandbox: { $0.eventsPerSecond = 400 }, starts: false) { rig in
                    let sessions = TemporaryFile(path: output.sibling("sessions.json"))
                    var counts = [0]
                    for round in 1...4 {
                        let child = try Child(rig.sandbox, sessions: sessions.path, output: output.path, mode: "stay")
                        try await eventually("events in round \(round)", timeout: .seconds(30)) {
                            let lines = Self.lines(output)
                            return lines.count > counts.last! + Int.random(in: 100...400)
                                && sessions.text.contains("session_id")
                        }
                        child.kill()
                        counts.append(Self.lines(output).count)
                    }
                    let child = try Child(rig.sandbox, sessions: sessions.path, output: output.path, mode: "final")
                    try await eventually("events in the last round", timeout: .seconds(30)) {
                        Self.lines(output).count > counts.last! + 200
                    }
                    child.end()
                    #expect(child.process.terminationStatus == 0)

                    let lines = Self.lines(output)
                    var end: UInt64 = 0
                    for (start, stop) in zip(counts, counts.dropFirst() + [lines.count]) {
                        let run = lines[start..<stop]
                        let first = try #require(run.first?.sequence)
                        // Nothing lost; what a quarter of a second brought may come again after a crash.
                        #expect(first <= end + 1)
                        #expect(end < first || end - first < 2000)
                        #expect(zip(run.dropFirst(), run).allSatisfy { $0.sequence == $1.sequence + 1 })
                        end = try #require(run.last?.sequence)
                    }
                    // One sequence, one event, whoever handled it; and the numbers of the messages have no gap.
                    let bySequence = Dictionary(grouping: lines, by: \.sequence)
                    #expect(bySequence.values.allSatisfy { group in group.allSatisfy { $0 == group[0] } })
                    #expect(bySequence.count == Int(end))
                    let numbers = bySequence.values.compactMap(\.first).filter { $0.number > 0 }.map(\.number).sorted()
                    #expect(numbers == Array(1...UInt64(numbers.count)))
                    let journal = await rig.journal
                    #expect(journal.identifies.count == 1)
                    #expect(journal.resumes.count == 4)
                    #expect(journal.clientCloseCodes == [1000])
                }
            }
        }
    }
}
