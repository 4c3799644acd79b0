/// How important a log line is. The raw values are the `SG_LOG_…` numbers.
public enum LogLevel: UInt32, CaseIterable, Comparable, Sendable {
    case trace = 0
    case debug = 1
    case info = 2
    case warning = 3
    case error = 4
    /// As a minimum: nothing.
    case off = 5

    public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }
}

/// Takes log lines: level, the part that speaks (such as "shard 3"), text. Any thread; several at once.
public typealias LogHandler = @Sendable (LogLevel, String, String) -> Void

/// The cluster's log: lines are made only when someone wants them.
struct Log: Sendable {
    private let level: LogLevel
    private let handler: LogHandler?

    init(level: LogLevel, handler: LogHandler?) {
        self.level = level
        self.handler = handler
    }

    @inline(__always)
    func write(_ level: LogLevel, shard: UInt32, _ text: () -> String) {
        guard let handler, level >= self.level else { return }
        handler(level, "shard \(shard)", text())
    }

    func write(_ level: LogLevel, _ target: String, _ text: () -> String) {
        guard let handler, level >= self.level else { return }
        handler(level, target, text())
    }
}
