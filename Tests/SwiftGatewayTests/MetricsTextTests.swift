import GatewayProtocol
import Testing

@testable import SwiftGateway

/// The pieces that metrics are made of.
@Suite struct MetricsTextTests {
    private func text(_ build: (inout MetricsText) -> Void) -> String {
        var text = MetricsText()
        build(&text)
        return String(decoding: text.bytes, as: UTF8.self)
    }

    @Test func writesFamilies() {
        let text = text {
            $0.family("a_total", .counter, "One \\ two\nthree \"four\".")
            $0.sample(7)
            $0.sample("shard", UInt32(3), .max)
            $0.sample("name", "q\"\\\n", 0)
            $0.sample(["x": "1", "y": "é"], 2)
            $0.family("b_seconds", .gauge, "B.")
            $0.seconds(1_500_000_000)
            $0.seconds("loop", 0, 1)
            $0.family("c", .gauge, "C.")
            $0.thousandths("shard", 1, 7_250)
        }
        #expect(
            text == """
                # HELP swiftgateway_a_total One \\\\ two\\nthree "four".
                # TYPE swiftgateway_a_total counter
                swiftgateway_a_total 7
                swiftgateway_a_total{shard="3"} 18446744073709551615
                swiftgateway_a_total{name="q\\"\\\\\\n"} 0
                swiftgateway_a_total{x="1",y="é"} 2
                # HELP swiftgateway_b_seconds B.
                # TYPE swiftgateway_b_seconds gauge
                swiftgateway_b_seconds 1.5
                swiftgateway_b_seconds{loop="0"} 0.000000001
                # HELP swiftgateway_c C.
                # TYPE swiftgateway_c gauge
                swiftgateway_c{shard="1"} 7.25

                """)
    }

    @Test func writesHistograms() {
        let histogram = DurationHistogram(bounds: [1_000_000, 2_000_000_000])
        for duration in [0, 1_000_000, 1_000_001, 2_000_000_000, 2_000_000_001] as [UInt64] {
            histogram.record(duration)
        }
        let text = text {
            $0.family("h_seconds", .histogram, "H.")
            $0.histogram(histogram.snapshot)
        }
        #expect(
            text == """
                # HELP swiftgateway_h_seconds H.
                # TYPE swiftgateway_h_seconds histogram
                swiftgateway_h_seconds_bucket{le="0.001"} 2
                swiftgateway_h_seconds_bucket{le="2"} 4
                swiftgateway_h_seconds_bucket{le="+Inf"} 5
                swiftgateway_h_seconds_sum 4.002000002
                swiftgateway_h_seconds_count 5

                """)
    }

    @Test(
        arguments: [
            (0, 9, "0"), (1, 9, "0.000000001"), (1_000_000_000, 9, "1"), (123_456_789_012, 9, "123.456789012"),
            (10, 3, "0.01"), (1_000, 3, "1"), (12_340, 3, "12.34"), (.max, 9, "18446744073.709551615"),
        ] as [(UInt64, Int, String)]) func writesDecimals(value: UInt64, digits: Int, text: String)
    {
        #expect(MetricsText.decimal(value, digits: digits) == text)
    }

    @Test func mergesHistograms() {
        let (a, b) = (DurationHistogram(bounds: [10]), DurationHistogram(bounds: [10]))
        a.record(5)
        b.record(7)
        b.record(11)
        let merged = DurationHistogram.Snapshot.merged([a.snapshot, b.snapshot])
        #expect(merged?.counts == [2, 1] && merged?.sum == 23)
        #expect(DurationHistogram.Snapshot.merged([]) == nil)
    }

    @Test func hasBoundsThatRise() {
        for bounds in [DurationHistogram.heartbeatBounds, DurationHistogram.lagBounds] {
            #expect(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 })
        }
    }

    @Test func addsUpRows() {
        let (a, b) = (CounterRow(count: 3), CounterRow(count: 3))
        a.add(at: 0)
        b.add(5, at: 0)
        b.add(at: 2)
        var sums: [UInt64] = [0, 0, 0]
        sums += a
        sums += b
        #expect(sums == [6, 0, 1])
    }

    /// The row of event counters is indexed by raw values.
    @Test func hasARowForEveryEvent() {
        let row = LoopMetrics().events
        #expect(EventType.allCases.allSatisfy { (1..<row.count).contains(Int($0.rawValue)) })
    }
}
