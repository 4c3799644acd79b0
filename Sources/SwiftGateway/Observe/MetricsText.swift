/// Text in the exposition format of Prometheus, version 0.0.4: a HELP and a TYPE line for each family, then its samples.
struct MetricsText {
    /// What a family counts.
    enum Kind: String {
        case counter, gauge, histogram
    }

    private(set) var bytes: [UInt8] = []
    private var name: String = ""

    /// Begins a family. Samples follow; a family of no samples is fine.
    mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        self.name = "swiftgateway_\(name)"
        append("# HELP \(self.name) ")
        append(help, escaping: false)
        append("\n# TYPE \(self.name) \(kind.rawValue)\n")
    }

    mutating func sample(_ value: UInt64) {
        append(name)
        end(value)
    }

    /// The usual sample: a shard has thirty of them.
    mutating func sample(_ label: StaticString, _ content: UInt32, _ value: UInt64) {
        begin(label, content)
        end(value)
    }

    mutating func sample(_ label: StaticString, _ content: String, _ value: UInt64) {
        sample([(label, content)])
        end(value)
    }

    mutating func sample(_ labels: KeyValuePairs<StaticString, String>, _ value: UInt64) {
        sample(labels.map { ($0.key, $0.value) })
        end(value)
    }

    /// Nanoseconds, written as seconds.
    mutating func seconds(_ nanoseconds: UInt64) {
        append(name)
        append(" \(Self.decimal(nanoseconds, digits: 9))\n")
    }

    mutating func seconds(_ label: StaticString, _ content: UInt32, _ nanoseconds: UInt64) {
        begin(label, content)
        append(" \(Self.decimal(nanoseconds, digits: 9))\n")
    }

    /// Thousandths.
    mutating func thousandths(_ label: StaticString, _ content: UInt32, _ value: UInt64) {
        begin(label, content)
        append(" \(Self.decimal(value, digits: 3))\n")
    }

    /// A histogram of seconds: cumulative buckets up to +Inf, sum and count.
    mutating func histogram(_ histogram: DurationHistogram.Snapshot) {
        var count: UInt64 = 0
        for (bound, inRange) in zip(histogram.bounds, histogram.counts) {
            count &+= inRange
            append("\(name)_bucket{le=\"\(Self.decimal(bound, digits: 9))\"} \(count)\n")
        }
        count &+= histogram.counts.last ?? 0
        append("\(name)_bucket{le=\"+Inf\"} \(count)\n")
        append("\(name)_sum \(Self.decimal(histogram.sum, digits: 9))\n")
        append("\(name)_count \(count)\n")
    }

    // MARK: Characters

    private mutating func sample(_ labels: [(StaticString, String)]) {
        append(name)
        append("{")
        for (index, (label, content)) in labels.enumerated() {
            if index > 0 { append(",") }
            append("\(label)=\"")
            append(content, escaping: true)
            append("\"")
        }
        append("}")
    }

    private mutating func begin(_ label: StaticString, _ content: UInt32) {
        append(name)
        append("{")
        bytes.append(contentsOf: UnsafeBufferPointer(start: label.utf8Start, count: label.utf8CodeUnitCount))
        append("=\"")
        append(number: UInt64(content))
        append("\"}")
    }

    private mutating func end(_ value: UInt64) {
        append(" ")
        append(number: value)
        append("\n")
    }

    private mutating func append(number: UInt64) {
        var rest = number
        let start = bytes.count
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    /// A backslash and a line feed are escaped everywhere, a quote only inside quotes.
    private mutating func append(_ text: String, escaping quotes: Bool) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): append("\\\\")
            case UInt8(ascii: "\n"): append("\\n")
            case UInt8(ascii: "\"") where quotes: append("\\\"")
            default: bytes.append(byte)
            }
        }
    }

    /// A number with a point before its last `digits` digits, without zeros at the end.
    static func decimal(_ value: UInt64, digits: Int) -> String {
        var text = Array(String(value).utf8)
        if text.count <= digits {
            text.insert(contentsOf: repeatElement(UInt8(ascii: "0"), count: digits + 1 - text.count), at: 0)
        }
        text.insert(UInt8(ascii: "."), at: text.count - digits)
        while text.last == UInt8(ascii: "0") { text.removeLast() }
        if text.last == UInt8(ascii: ".") { text.removeLast() }
        return String(decoding: text, as: UTF8.self)
    }
}
