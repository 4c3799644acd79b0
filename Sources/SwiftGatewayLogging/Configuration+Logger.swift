import Logging
import SwiftGateway

extension Configuration {
    /// Writes the cluster's log to a swift-log logger: each line with the shard's id as metadata where it is about a
    /// shard, and "SwiftGateway" as its source. Beside a `logHandler`; replaces a `logRecordHandler`.
    ///
    /// The levels have the same names. `logLevel` is set to the logger's level at this moment, so that lines nobody wants
    /// are not even made; the logger's own level goes on counting. The token is in no line.
    ///
    /// - Parameters:
    ///   - logger: Where to write; it is used from the cluster's threads.
    ///   - shardKey: The metadata key of the shard's id, default "shard".
    public mutating func log(to logger: Logger, shardKey: String = "shard") {
        logLevel = LogLevel(atLeast: logger.logLevel)
        logRecordHandler = { record in
            guard let level = record.level.loggerLevel else { return }
            var metadata: Logger.Metadata?
            if let shard = record.shard { metadata = [shardKey: .stringConvertible(shard)] }
            logger.log(level: level, "\(record.message)", metadata: metadata, source: "SwiftGateway")
        }
    }
}

extension LogLevel {
    /// The lowest level whose lines a logger of `level` takes.
    init(atLeast level: Logger.Level) {
        switch level {
        case .trace: self = .trace
        case .debug: self = .debug
        case .info: self = .info
        case .notice, .warning: self = .warning
        case .error: self = .error
        case .critical: self = .off
        }
    }

    /// The swift-log level of the same name; nil for `off`.
    var loggerLevel: Logger.Level? {
        switch self {
        case .trace: .trace
        case .debug: .debug
        case .info: .info
        case .warning: .warning
        case .error: .error
        case .off: nil
        }
    }
}
