import Foundation
import SwiftGateway

/// A client that writes a line for each dispatch it has handled, and does nothing to die well.
///
/// Arguments: gateway URL, CA file, token, session file, output file, "final", "resumable" or "stay". Each line of
/// output is "NAME SEQUENCE NUMBER", written before the handler returns. A line on standard input ends it ("stay": only
/// a signal does).
@main
enum Client {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 7 else { exit(2) }
        let output = open(arguments[5], O_WRONLY | O_CREAT | O_APPEND, 0o600)
        guard output >= 0 else { exit(3) }
        var configuration = try Configuration(token: arguments[3], intents: [.guilds, .guildMessages, .messageContent])
        try configuration.setGatewayURL(arguments[1])
        try configuration.setCAFile(arguments[2])
        try configuration.setShards(.range(first: 0, count: 1, total: 1))
        try configuration.setBackoff(firstMilliseconds: 10, limitMilliseconds: 100)
        try configuration.setSessionFile(arguments[4])
        configuration.setIdentifyInterval(milliseconds: 1)
        configuration.eventHandler = { event in
            guard event.kind == .dispatch else { return }
            let name = String(decoding: event.name, as: UTF8.self)
            let line = Array("\(name) \(event.sequence) \(number(in: event.data) ?? 0)\n".utf8)
            // One call a line: a killed process leaves whole lines.
            if write(output, line, line.count) != line.count { exit(4) }
        }
        let cluster = try Cluster(configuration)
        try cluster.start()
        if arguments[6] == "stay" { while true { pause() } }
        _ = readLine()
        try cluster.shutdown(resumable: arguments[6] == "resumable", timeout: 5_000_000_000)
    }

    /// The running number of a streamed message; nil when it has none.
    private static func number(in data: UnsafeRawBufferPointer) -> UInt64? {
        let mark = Array("\"content\":\"#".utf8)
        guard let base = data.baseAddress else { return nil }
        var at = 0
        // By way of the rare character at the mark's end: a debug build searches bytes slowly.
        while at < data.count, let found = memchr(base + at, 0x23, data.count - at) {
            at = UnsafeRawPointer(found) - base + 1
            guard at >= mark.count, memcmp(base + at - mark.count, mark, mark.count) == 0 else { continue }
            var number: UInt64 = 0
            while at < data.count, (0x30...0x39).contains(data[at]) {
                number = number &* 10 &+ UInt64(data[at] - 0x30)
                at += 1
            }
            return number
        }
        return nil
    }
}
