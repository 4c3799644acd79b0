import Testing

/// The judge is judged: what Prometheus would not take, or would take for something else.
@Suite("Prometheus text") struct PrometheusTextTests {
    private static func family(_ name: String, _ type: String, _ samples: String...) -> String {
        "# HELP \(name) Help.\n# TYPE \(name) \(type)\n" + samples.map { $0 + "\n" }.joined()
    }

    @Test func reads() throws {
        let text =
            Self.family("a_total", "counter", "a_total{x=\"1\",y=\"q\\\"\\\\\\n\"} 3", "a_total 1.5")
            + Self.family("g", "gauge")
            + Self.family("h", "histogram", "h_bucket{le=\"0.5\"} 1", "h_bucket{le=\"+Inf\"} 2", "h_sum 3", "h_count 2")
        let read = try PrometheusText(Array(text.utf8))
        #expect(read.value("a_total", ["x": "1", "y": "q\"\\\n"]) == 3)
        #expect(read.sum("a_total") == 4.5)
        #expect(read.value("h_bucket", ["le": "+Inf"]) == 2)
        #expect(read.types == ["a_total": "counter", "g": "gauge", "h": "histogram"])
    }

    static let refused: [String] = [
        "", "\n", "a_total 1\n", "# TYPE g gauge\ng 1\n", "# HELP g Help.\ng 1\n",
        family("g", "gauge", "g 1").dropLast() + "",
        family("g", "gauge", "g 1", ""), family("g", "gauge", "g"), family("g", "gauge", "g one"),
        family("g", "gauge", "g -1"), family("g", "gauge", "g 1 2"), family("g", "gauge", "h 1"),
        family("g", "gauge", "g 1", "g 2"), family("g", "gauge", "g{a=\"1\",b=\"2\"} 1", "g{b=\"2\",a=\"1\"} 2"),
        family("g", "gauge", "g{a=\"1\",a=\"2\"} 1"), family("g", "gauge", "g{a=\"1} 1"),
        family("g", "gauge", "g{a=1} 1"),
        family("g", "gauge", "g{a=\"\\x\"} 1"), family("g", "gauge", "g{1a=\"\"} 1"),
        family("g", "gauge", "g{a=\"\" 1"),
        family("g", "gauge", "g{le=\"1\"} 1"), family("g", "gauge", "g{a=\"1\"}1"), family("g-h", "gauge"),
        family("1g", "gauge"), family("g", "meter"), family("g_total", "gauge"), family("g", "counter"),
        family("g_sum", "gauge"), family("g", "gauge") + family("g", "gauge"),
        family("g", "gauge") + family("h", "gauge") + "g 1\n", "# HELP g a\\b\n# TYPE g gauge\n",
        "# TYPE g gauge\n# HELP g Help.\n", family("g", "gauge", "g 1\r"),
        family("h", "histogram", "h_bucket{le=\"1\"} 1", "h_sum 1", "h_count 1"),
        family("h", "histogram", "h_bucket{le=\"1\"} 2", "h_bucket{le=\"+Inf\"} 1", "h_sum 1", "h_count 1"),
        family("h", "histogram", "h_bucket{le=\"+Inf\"} 1", "h_sum 1", "h_count 2"),
        family("h", "histogram", "h_bucket{le=\"+Inf\"} 1", "h_count 1"),
        family("h", "histogram", "h_bucket{le=\"x\"} 1", "h_bucket{le=\"+Inf\"} 1", "h_sum 1", "h_count 1"),
        family("h", "histogram", "h_bucket 1", "h_bucket{le=\"+Inf\"} 1", "h_sum 1", "h_count 1"),
    ]

    @Test(arguments: refused) func refuses(text: String) {
        #expect(throws: PrometheusText.Malformed.self) { try PrometheusText(Array(text.utf8)) }
    }
}
