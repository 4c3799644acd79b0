/// How important a log line is. The raw values are the `SG_LOG_…` numbers.
public enum LogLevel: UInt32, CaseIterable, Comparable, Sendable {
    /// Every step, for someone who reads the source beside it.
    case trace = 0
    /// What explains a problem afterwards: connections, closes, ignored payloads.
    case debug = 1
    /// What a shard does: its states and closes.
    case info = 2
    /// Something failed and is tried again.
    case warning = 3
    /// Something failed for good.
    case error = 4
    /// As a minimum: nothing.
    case off = 5

    public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }
}

/// Takes log lines: level, the part that speaks (such as "shard 3"), text. Any thread; several at once.
public typealias LogHandler = @Sendable (LogLevel, String, String) -> Void

/// One line of a cluster's log, in fields. The token is in none of them.
public struct LogRecord: Sendable, Equatable {
    /// How important it is; never `off`.
    public var level: LogLevel
    /// The shard that it is about; nil when it is about the cluster.
    public var shard: UInt32?
    /// One plain sentence or phrase.
    public var message: String
    /// The part that speaks: "shard 3", or "cluster".
    public var target: String

    init(_ level: LogLevel, shard: UInt32?, target: String, message: String) {
        self.level = level
        self.shard = shard
        self.target = target
        self.message = message
    }
}

/// Takes log lines in fields. Any thread; several at once.
public typealias LogRecordHandler = @Sendable (LogRecord) -> Void

/// The cluster's log: lines are made only when someone wants them.
struct Log: Sendable {
    private let level: LogLevel
    private let handler: LogHandler?
    private let records: LogRecordHandler?

    init(level: LogLevel, handler: LogHandler?, records: LogRecordHandler? = nil) {
        self.level = handler == nil && records == nil ? .off : level
        self.handler = handler
        self.records = records
    }

    @inline(__always)
    func write(_ level: LogLevel, shard: UInt32, _ text: () -> String) {
        guard level >= self.level else { return }
        write(LogRecord(level, shard: shard, target: "shard \(shard)", message: text()))
    }

    func write(_ level: LogLevel, _ target: String, _ text: () -> String) {
        guard level >= self.level else { return }
        write(LogRecord(level, shard: nil, target: target, message: text()))
    }

    private func write(_ record: LogRecord) {
        handler?(record.level, record.target, record.message)
        records?(record)
    }
}
