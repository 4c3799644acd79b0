import GatewayProtocol
import Testing

@testable import GatewaySandbox

/// RESUME and what a session remembers (`gateway.md` §8), in virtual time.
@Suite("Sandbox resume rules")
struct ResumeTests {
    typealias Bench = LogicTests.Bench
    static let second = LogicTests.second

    /// A bench whose client had a session, heard `heard` of its dispatches and lost the connection.
    static func interrupted(
        _ change: (inout SandboxConfiguration) -> Void = { _ in }
    ) throws -> (bench: Bench, session: String) {
        let bench = Bench(change)
        let session = try #require(bench.identify(intents: "513").attached)
        bench.lose()
        return (bench, session)
    }

    @Test("missed dispatches keep their sequence, and RESUMED has its own")
    func replay() throws {
        let (bench, session) = try Self.interrupted()
        for _ in 0..<3 { bench.state.sessions[session]?.advanceStream(catalogue: .shared) }
        let outcome = bench.resume(session, seq: "5")
        #expect(outcome.attached == session)
        #expect(outcome.from == 6)
        let events = bench.events(session, from: 6)
        #expect(events.map { $0["s"] } == [6, 7, 8])
        #expect(events.last?["t"] == "RESUMED")
    }

    @Test("nothing missed: RESUMED alone")
    func nothingMissed() throws {
        let (bench, session) = try Self.interrupted()
        #expect(bench.resume(session, seq: "4").from == 5)
        #expect(bench.events(session, from: 5).map { $0["t"] } == ["RESUMED"])
    }

    @Test("seq 0 replays READY as well")
    func fromTheStart() throws {
        let (bench, session) = try Self.interrupted()
        #expect(bench.resume(session, seq: "0").from == 1)
    }

    @Test(
        "seq beyond the last, negative or no number closes with 4007", arguments: ["5", "-1", "\"4\"", "null", "4.5"])
    func badSequence(seq: String) throws {
        let (bench, session) = try Self.interrupted()
        #expect(bench.resume(session, seq: seq).closeCode == 4007)
        bench.reconnect()
        #expect(bench.resume(session, seq: "4").invalidSession == false, "the session is gone")
    }

    @Test("an unknown session and a wrong token get op 9 false")
    func unknown() throws {
        let (bench, session) = try Self.interrupted()
        #expect(bench.resume("nobody", seq: "1").invalidSession == false)
        #expect(bench.resume(session, seq: "4", token: "other").invalidSession == false)
        #expect(bench.resume(session, seq: "4").attached == session, "a wrong token does not cost the session")
    }

    @Test("a session waits as long as its lifetime, and no longer")
    func lifetime() throws {
        let (bench, session) = try Self.interrupted { $0.sessionLifetime = .seconds(90) }
        bench.now += 90 * Self.second
        #expect(bench.resume(session, seq: "4").attached == session)
        bench.lose(after: 90 * Self.second + 1)
        #expect(bench.resume(session, seq: "5").invalidSession == false)
    }

    @Test("a resume from before the buffer's start gets op 9 false")
    func overflow() throws {
        let (bench, session) = try Self.interrupted { $0.replayLimit = 10 }
        for _ in 0..<10 { bench.state.sessions[session]?.advanceStream(catalogue: .shared) }
        // 5…14 are held; RESUMED will be 15 and push 5 out.
        #expect(bench.state.sessions[session]?.replay.first == 5)
        let early = bench.copy()
        #expect(early.resume(session, seq: "3").invalidSession == false)
        #expect(early.state.sessions.isEmpty)
        let edge = bench.copy()
        #expect(edge.resume(session, seq: "4").invalidSession == false, "RESUMED would push out what is missing")
        #expect(bench.resume(session, seq: "5").from == 6)
    }

    @Test("the buffer is a ring that keeps its sequences")
    func ring() {
        var buffer = ReplayBuffer(limit: 3)
        #expect(buffer.first == 1)
        for index in 1...8 { buffer.append(.template(index: index, guild: 0, number: 0)) }
        #expect(buffer.first == 6)
        #expect(buffer.last == 8)
        #expect(buffer[5] == nil)
        #expect(buffer[9] == nil)
        for sequence in 6...8 {
            guard case .template(let index, _, _)? = buffer[UInt64(sequence)] else {
                Issue.record("sequence \(sequence) is missing")
                continue
            }
            #expect(index == sequence)
        }
        buffer.skip(2)
        #expect(buffer.first == 11)
        buffer.append(.template(index: 11, guild: 0, number: 0))
        #expect(buffer.last == 11)
        #expect(buffer[11] != nil)
    }
}
