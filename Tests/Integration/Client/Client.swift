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
            let line = Array("\(name) \(event.sequence) \(number(in: event.data))\n".utf8)
            // One call a line: a killed process leaves whole lines.
            if write(output, line, line.count) != line.count { exit(4) }
        }
        let cluster = try Cluster(configuration)
        try cluster.start()
        if arguments[6] == "stay" { while true { pause() } }
        _ = readLine()
        try cluster.shutdown(resumable: arguments[6] == "resumable", timeout: 5_000_000_000)
    }

    /// The running number of a streamed message; 0 for everything else.
    private static func number(in data: UnsafeRawBufferPointer) -> UInt64 {
        let mark = Array("\"content\":\"#".utf8)
        guard let base = data.baseAddress, let found = memmem(base, data.count, mark, mark.count) else { return 0 }
        var number: UInt64 = 0
        for byte in data[(UnsafeRawPointer(found) - base + mark.count)...] {
            guard (0x30...0x39).contains(byte) else { break }
            number = number &* 10 &+ UInt64(byte - 0x30)
        }
        return number
    }
}
