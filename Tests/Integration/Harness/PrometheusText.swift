/// Reads Prometheus' text format, version 0.0.4, and takes nothing that a server would refuse or misread: the rules of the
/// format, and those that make counters and histograms what they are.
struct PrometheusText {
    struct Malformed: Error, CustomStringConvertible {
        let line: Int
        let reason: String
        var description: String { "line \(line): \(reason)" }
    }

    struct Series: Hashable, CustomStringConvertible {
        var name: String
        var labels: [String: String]
        var description: String { "\(name)\(labels.sorted { $0.key < $1.key })" }
    }

    private(set) var values: [Series: Double] = [:]
    /// The type of each family.
    private(set) var types: [String: String] = [:]
    private var helped: Set<String> = []
    /// Families whose samples are complete, as another one's have begun.
    private var closed: Set<String> = []
    private var current = ""
    private var line = 0

    init(_ bytes: [UInt8]) throws(Malformed) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Malformed(line: 0, reason: "is not UTF-8")
        }
        guard text.unicodeScalars.last == "\n" else { throw Malformed(line: 0, reason: "does not end in a line feed") }
        guard !text.unicodeScalars.contains("\r") else { throw Malformed(line: 0, reason: "holds a carriage return") }
        for content in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
            line += 1
            if content.hasPrefix("# HELP ") {
                try help(content.dropFirst(7))
            } else if content.hasPrefix("# TYPE ") {
                try type(content.dropFirst(7))
            } else {
                try sample(content)
            }
        }
        for (name, type) in types where type == "histogram" { try checkHistogram(name) }
    }

    /// The value of a series; nil when there is none.
    func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        values[Series(name: name, labels: labels)]
    }

    /// The sum over all series of this name.
    func sum(_ name: String) -> Double { values.reduce(0) { $1.key.name == name ? $0 + $1.value : $0 } }

    private func fail(_ reason: String) -> Malformed { Malformed(line: line, reason: reason) }

    // MARK: Lines

    private mutating func help(_ content: Substring) throws(Malformed) {
        let (name, text) = Self.halves(content)
        try enter(name)
        guard helped.insert(name).inserted else { throw fail("a second HELP of \(name)") }
        guard types[name] == nil else { throw fail("HELP of \(name) after its TYPE") }
        guard let text, !text.isEmpty else { throw fail("HELP of \(name) without text") }
        _ = try unescape(text, quotes: false)
    }

    private mutating func type(_ content: Substring) throws(Malformed) {
        let (name, type) = Self.halves(content)
        try enter(name)
        guard types[name] == nil else { throw fail("a second TYPE of \(name)") }
        guard let type, ["counter", "gauge", "histogram"].contains(type) else { throw fail("no type that is used") }
        let isCounter = name.hasSuffix("_total")
        guard isCounter == (type == "counter") else { throw fail("\(name) is a \(type) by TYPE and not by its name") }
        for suffix in ["_sum", "_count", "_bucket"] where name.hasSuffix(suffix) {
            throw fail("\(name) looks like a part of a histogram")
        }
        types[name] = String(type)
    }

    /// The lines of a family stand together.
    private mutating func enter(_ family: String) throws(Malformed) {
        guard Self.isName(family, colons: true) else { throw fail("\"\(family)\" is no name") }
        guard family != current else { return }
        guard !closed.contains(family) else { throw fail("\(family) goes on after another family has begun") }
        closed.insert(current)
        current = family
    }

    private mutating func sample(_ content: Substring) throws(Malformed) {
        guard let nameEnd = content.firstIndex(where: { $0 == "{" || $0 == " " }) else { throw fail("no sample") }
        let name = String(content[..<nameEnd])
        var rest = content[nameEnd...]
        var labels: [String: String] = [:]
        if rest.first == "{" { labels = try readLabels(&rest) }
        guard rest.first == " " else { throw fail("no space before the value") }
        guard let value = Double(rest.dropFirst()), value >= 0 else { throw fail("\(rest) is no value") }
        guard let type = types[current], helped.contains(current) else { throw fail("a sample before HELP and TYPE") }
        let belongs =
            type == "histogram"
            ? ["_bucket", "_sum", "_count"].contains { name == current + $0 } : name == current
        guard belongs else { throw fail("\(name) is no \(type) of \(current)") }
        guard (labels["le"] != nil) == name.hasSuffix("_bucket") else { throw fail("le is for buckets alone") }
        let series = Series(name: name, labels: labels)
        guard values.updateValue(value, forKey: series) == nil else { throw fail("\(series) comes twice") }
    }

    private func readLabels(_ rest: inout Substring) throws(Malformed) -> [String: String] {
        var labels: [String: String] = [:]
        repeat {
            rest = rest.dropFirst()
            guard let equals = rest.firstIndex(of: "=") else { throw fail("a label without a value") }
            let label = String(rest[..<equals])
            guard Self.isName(label, colons: false), !label.hasPrefix("__") else { throw fail("\(label) is no label") }
            rest = rest[equals...].dropFirst()
            guard rest.first == "\"" else { throw fail("a label's value without quotes") }
            rest = rest.dropFirst()
            var end = rest.startIndex
            while end < rest.endIndex, rest[end] != "\"" {
                _ = rest.formIndex(&end, offsetBy: rest[end] == "\\" ? 2 : 1, limitedBy: rest.endIndex)
            }
            guard end < rest.endIndex else { throw fail("a label's value without an end") }
            let value = try unescape(rest[..<end], quotes: true)
            guard labels.updateValue(value, forKey: label) == nil else { throw fail("the label \(label) comes twice") }
            rest = rest[end...].dropFirst()
        } while rest.first == ","
        guard rest.first == "}" else { throw fail("labels without an end") }
        rest = rest.dropFirst()
        return labels
    }

    // MARK: Pieces

    private static func halves(_ content: Substring) -> (String, Substring?) {
        guard let space = content.firstIndex(of: " ") else { return (String(content), nil) }
        return (String(content[..<space]), content[space...].dropFirst())
    }

    private static func isName(_ text: String, colons: Bool) -> Bool {
        guard let first = text.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            return false
        }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            case UInt8(ascii: ":"): colons
            default: false
            }
        }
    }

    private func unescape(_ text: Substring, quotes: Bool) throws(Malformed) -> String {
        var result = ""
        var characters = text.makeIterator()
        while let character = characters.next() {
            guard character == "\\" else {
                result.append(character)
                continue
            }
            switch characters.next() {
            case "\\": result.append("\\")
            case "n": result.append("\n")
            case "\"" where quotes: result.append("\"")
            default: throw fail("an escape that does not exist")
            }
        }
        return result
    }

    private func checkHistogram(_ name: String) throws(Malformed) {
        let buckets = values.filter { $0.key.name == "\(name)_bucket" }.map { series, value in
            (bound: series.labels["le"].flatMap { Double($0) }, value: value)
        }
        guard buckets.allSatisfy({ $0.bound != nil }) else { throw fail("\(name) has a bound that is no number") }
        let rising = buckets.sorted { ($0.bound ?? 0) < ($1.bound ?? 0) }
        for (lower, upper) in zip(rising, rising.dropFirst()) where lower.value > upper.value {
            throw fail("\(name) is not cumulative")
        }
        guard let last = rising.last, last.bound == .infinity else { throw fail("\(name) has no bucket for all") }
        guard last.value == value("\(name)_count") else {
            throw fail("the count of \(name) is not that of its buckets")
        }
        guard let sum = value("\(name)_sum") else { throw fail("\(name) has no sum") }
        guard (sum > 0) == (last.value > 0) else { throw fail("the sum of \(name) does not fit its count") }
    }
}
