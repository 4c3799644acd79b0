import GatewaySandbox
import SwiftGateway
import Testing

extension Integration {
    /// Hosts that do not let in, or not properly.
    @Suite("Connections that fail")
    struct UpgradeTests {
        @Test("a refused connection is tried again")
        func refused() async throws {
            try await withRig(faults: [FaultOrder(.refuse)], starts: false) { rig in
                try rig.cluster.start()
                try await rig.until("three refusals") { $0.errors(.network).count >= 3 }
                #expect(rig.record.errors.allSatisfy { $0.text.contains("refused") && $0.state != .fatal })
                await rig.sandbox.clearFaults()
                try await rig.untilActive()
            }
        }

        @Test("a resume host that refuses is given up for the main URL, the session kept")
        func resumeHostRefuses() async throws {
            try await withRig { rig in
                try await rig.untilActive()
                try await rig.exchange()
                await rig.sandbox.inject(.refuse, endpoint: .resume)
                await rig.sandbox.inject(.drop())
                try await rig.until("resumed") { $0.trace().resumes == 1 && $0.isActive() }
                try await rig.exchange()
                #expect(rig.record.errors.map(\.status) == [.network, .network])
                #expect(await rig.journal.identifies.count == 1)
                let resume = await rig.journal.entries.first { if case .resume = $0.event { true } else { false } }
                #expect(resume?.endpoint == .main)
            }
        }

        /// How a resume host may fail for ever.
        struct BadHost: CustomTestStringConvertible {
            let order: FaultOrder
            var testDescription: String { "\(order.fault.name) at \(order.moment.rawValue)" }
        }

        static let badHosts = [
            BadHost(order: FaultOrder(.answerUpgrade(HTTPAnswer(status: 503)), endpoint: .resume)),
            BadHost(order: FaultOrder(.drop(), at: .accept, endpoint: .resume)),
            BadHost(order: FaultOrder(.acceptThenHang, endpoint: .resume)),
            BadHost(order: FaultOrder(.drop(), at: .hello, endpoint: .resume)),
            BadHost(order: FaultOrder(.silence, at: .hello, endpoint: .resume)),
            BadHost(order: FaultOrder(.drop(), at: .resume, endpoint: .resume)),
            BadHost(order: FaultOrder(.certificate(.expired), endpoint: .resume)),
        ]

        @Test(
            "a resume host that always fails is given up after two attempts; RESUME goes to the main URL",
            arguments: badHosts)
        func resumeHostGivenUp(_ host: BadHost) async throws {
            try await withRig(client: {
                try $0.setConnectTimeout(milliseconds: 400)
                $0.session.helloTimeout = 400_000_000
            }) { rig in
                try await rig.untilActive()
                try await rig.exchange()
                await rig.sandbox.inject(host.order)
                await rig.sandbox.inject(.drop())
                await rig.sandbox.emitBurst(count: 10)
                try await rig.until("resumed, nothing lost") { $0.trace().resumes == 1 && $0.trace().message == 15 }
                let journal = await rig.journal
                #expect(journal.identifies.count == 1)
                let endpoints = journal.entries.filter { $0.event == .accepted }.map(\.endpoint)
                #expect(endpoints == [.main, .resume, .resume, .main])
                #expect(journal.resumes.last?.sequence == 9)
            }
        }

        @Test("503 with Retry-After waits as long as it says")
        func retryAfter() async throws {
            let answer = HTTPAnswer(status: 503, headers: ["Retry-After": "1"], body: "come back later")
            try await withRig(faults: [FaultOrder(.answerUpgrade(answer), times: 1)]) { rig in
                try await rig.untilActive()
                let error = try #require(rig.record.errors.first)
                #expect(error.status == .http)
                #expect(error.text.contains("503") && error.text.contains("come back later"))
                let times = await rig.journal.entries.filter { $0.event == .accepted }.map(\.time)
                try #require(times.count == 2)
                #expect(times[1] - times[0] >= .milliseconds(990))
            }
        }

        @Test("any other answer than 101 is told and tried again", arguments: [200, 400, 403, 404, 429, 500, 502])
        func refusedUpgrade(status: Int) async throws {
            let answer = HTTPAnswer(status: status, body: "no websocket here")
            try await withRig(faults: [FaultOrder(.answerUpgrade(answer), times: 2)]) { rig in
                try await rig.untilActive()
                #expect(rig.record.errors.map(\.status) == [.http, .http])
                #expect(rig.record.errors.allSatisfy { $0.text.contains("HTTP \(status)") })
                #expect(rig.record.errors.allSatisfy { $0.text.contains("no websocket here") })
            }
        }

        @Test("a redirect is not followed", arguments: [301, 302, 307])
        func redirect(status: Int) async throws {
            let answer = HTTPAnswer(status: status, headers: ["Location": "wss://elsewhere.invalid/"])
            try await withRig(faults: [FaultOrder(.answerUpgrade(answer), times: 2)]) { rig in
                try await rig.untilActive()
                #expect(rig.record.errors.map(\.status) == [.http, .http])
                #expect(
                    rig.record.errors.allSatisfy {
                        $0.text.contains("redirects to wss://elsewhere.invalid/, which is not followed")
                    })
            }
        }

        @Test("a wrong Sec-WebSocket-Accept is refused")
        func wrongAcceptKey() async throws {
            try await withRig(faults: [FaultOrder(.wrongAcceptKey, times: 2)]) { rig in
                try await rig.untilActive()
                #expect(rig.record.errors.map(\.status) == [.http, .http])
                #expect(rig.record.errors.allSatisfy { $0.text.contains("Sec-WebSocket-Accept") })
                #expect(await rig.journal.identifies.count == 1)
            }
        }

        @Test("the connect timeout covers TLS and the upgrade", arguments: [Fault.acceptThenHang, .silence])
        func connectTimeout(fault: Fault) async throws {
            let moment: Moment = fault == .silence ? .upgrade : .accept
            try await withRig(
                client: { try $0.setConnectTimeout(milliseconds: 400) },
                faults: [FaultOrder(fault, at: moment, times: 2)]
            ) { rig in
                try await rig.untilActive()
                #expect(rig.record.errors.map(\.status) == [.timeout, .timeout])
                #expect(rig.record.errors.allSatisfy { $0.text.contains("400 ms") })
            }
        }

        @Test("without HELLO the connection is given up")
        func noHello() async throws {
            try await withRig(
                client: { $0.session.helloTimeout = 300_000_000 }, faults: [FaultOrder(.silence, at: .hello, times: 2)]
            ) { rig in
                try await rig.untilActive()
                #expect(rig.record.closes.map(\.code) == [1006, 1006])
                #expect(rig.record.closes.allSatisfy { $0.text.contains("no HELLO") })
                #expect(await rig.journal.clientCloseCodes.allSatisfy { $0 == 4000 })
            }
        }

        @Test("without READY the shard stays and beats: in an outage the session comes later")
        func noReady() async throws {
            try await withRig(
                sandbox: { $0.heartbeatInterval = .milliseconds(60) },
                faults: [FaultOrder(.silence, at: .identify, times: 1)]
            ) { rig in
                try await rig.until("five ACKs") { $0.latencies.count >= 5 }
                #expect(rig.record.state() == .identifying)
                #expect(rig.record.closes.isEmpty)
                #expect(await rig.journal.identifies.count == 1)
                // Its owner need not wait for ever.
                try rig.cluster.restartShard(0, resuming: false)
                try await rig.untilActive()
            }
        }

        @Test("without anything after RESUME the connection is given up and RESUME repeated")
        func noResumed() async throws {
            try await withRig(client: { $0.session.resumeTimeout = 300_000_000 }) { rig in
                try await rig.untilActive()
                try await rig.exchange()
                await rig.sandbox.inject(.silence, at: .resume, times: 1)
                await rig.sandbox.inject(.drop())
                try await rig.until("resumed") { $0.trace().resumes == 1 && $0.isActive() }
                try await rig.exchange()
                #expect(await rig.journal.resumes.count == 2)
                #expect(await rig.journal.identifies.count == 1)
            }
        }

        @Test("a close frame that is not answered does not hold up the reconnect")
        func unansweredClose() async throws {
            try await withRig(client: { $0.session.closeTimeout = 200_000_000 }) { rig in
                try await rig.untilActive()
                try await rig.exchange()
                await rig.sandbox.inject(.stopReading)
                await rig.sandbox.inject(.reconnect)
                try await rig.until("resumed") { $0.trace().resumes == 1 && $0.isActive() }
                try await rig.exchange()
                #expect(rig.record.closes.map(\.code) == [4000])
            }
        }
    }
}
