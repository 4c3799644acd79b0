import GatewaySandbox
import GatewayTransport
import SwiftGateway
import Testing

/// A session store in memory, which fails when it is told to.
private final class MemoryStore: SessionStoring {
    private struct State {
        var text: [UInt8]?
        var loads = 0
        var saves = 0
        var lastSaves = 0
        var fails = false
        var refused = 0
    }

    private let state: Lock<State>

    init(_ text: String? = nil, fails: Bool = false) {
        state = Lock(State(text: text.map { Array($0.utf8) }, fails: fails))
    }

    var text: String { state.withLock { String(decoding: $0.text ?? [], as: UTF8.self) } }
    var loads: Int { state.withLock { $0.loads } }
    var refused: Int { state.withLock { $0.refused } }
    var lastSaves: Int { state.withLock { $0.lastSaves } }

    func setFails(_ fails: Bool) { state.withLock { $0.fails = fails } }

    func load() throws(GatewayError) -> [UInt8]? {
        try state.withLock { state throws(GatewayError) in
            state.loads += 1
            if state.fails { throw GatewayError(.internalError, "the store is closed") }
            return state.text
        }
    }

    func save(_ json: [UInt8], isLast: Bool) throws(GatewayError) {
        try state.withLock { state throws(GatewayError) in
            if isLast { state.lastSaves += 1 }
            if state.fails {
                state.refused += 1
                throw GatewayError(.internalError, "the store is closed")
            }
            state.text = json
        }
    }
}

extension Integration {
    /// A store in place of the session file.
    @Suite("Pluggable session store")
    struct SessionStoreTests {
        private static func next(_ rig: Rig, store: MemoryStore) throws -> Rig {
            var configuration = try Rig.configuration(for: rig.sandbox)
            configuration.setSessionStore(store)
            let recorder = Recorder()
            for (shard, trace) in rig.record.traces {
                recorder.expect(shard: shard, from: ShardTrace(sequence: trace.sequence, message: trace.message))
            }
            configuration.eventHandler = { recorder.take($0) }
            configuration.logHandler = { recorder.log($0, $1, $2) }
            return Rig(sandbox: rig.sandbox, cluster: try Cluster(configuration), recorder: recorder)
        }

        @Test("the next cluster resumes from it: no IDENTIFY, nothing lost")
        func resumes() async throws {
            let store = MemoryStore()
            try await withRig(client: { $0.setSessionStore(store) }) { rig in
                #expect(store.loads == 1)
                try await rig.untilActive()
                try await rig.exchange(10)
                try await eventually("the store follows") { store.text.contains(#""sequence":14"#) }
                try await rig.shutdown(resumable: true)
                #expect(store.lastSaves <= 1)
                await rig.sandbox.emitBurst(count: 7)
                try await SessionFileTests.run(Self.next(rig, store: store)) { second in
                    try await second.until("resumed, nothing lost") {
                        $0.trace().resumes == 1 && $0.trace().message == 17 && $0.isActive()
                    }
                }
                #expect(store.loads == 2)
                // Who still has the sessions of its last run does not ask.
                try rig.cluster.start()
                #expect(store.loads == 2)
                #expect(await rig.journal.identifies.count == 1)
            }
        }

        @Test("what it cannot load or save is told, once in a row, and stops nobody")
        func fails() async throws {
            let store = MemoryStore(fails: true)
            try await withRig(client: { $0.setSessionStore(store) }) { rig in
                try await rig.untilActive()
                try await rig.until("both errors") { $0.errors(.file).count == 2 }
                #expect(rig.record.errors.map(\.text) == ["the store is closed", "the store is closed"])
                try await rig.exchange()
                // Saves go on to be tried, and told no more.
                let refused = store.refused
                try await eventually("more of them") { store.refused > refused }
                #expect(rig.record.errors.count == 2)
                store.setFails(false)
                try await eventually("saved in the end") { store.text.contains(#""sequence":9"#) }
                #expect(rig.record.isActive())
            }
        }

        @Test("a failure at the end, which no event can tell, is the answer of the shutdown")
        func failsAtTheEnd() async throws {
            let store = MemoryStore()
            try await withRig(client: { $0.setSessionStore(store) }) { rig in
                try await rig.untilActive()
                try await eventually("saved") { store.text.contains(#""sequence":4"#) }
                store.setFails(true)
                // A final shutdown ends the session: that is news to the store.
                await #expect {
                    try await rig.shutdown(resumable: false)
                } throws: {
                    ($0 as? GatewayError)?.status == .file
                }
                #expect(rig.record.errors.isEmpty && rig.record.state() == .stopped)
                try await rig.shutdown()
            }
        }

        @Test("what it gives is checked like a file", arguments: ["nonsense", "{}", ""])
        func checks(text: String) async throws {
            let store = MemoryStore(text)
            try await withRig(client: { $0.setSessionStore(store) }) { rig in
                try await rig.untilActive()
                #expect(rig.record.errors.map(\.status) == [.file])
            }
        }
    }
}
