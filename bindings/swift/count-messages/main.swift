// Counts messages: DISCORD_TOKEN=… count-messages [how many]
import Foundation
import SwiftGateway

let environment = ProcessInfo.processInfo.environment
let limit = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? .max
do {
    var configuration = try Configuration(
        token: environment["DISCORD_TOKEN"] ?? "", intents: [.guilds, .guildMessages])
    if let url = environment["API_URL"] { try configuration.setAPIURL(url) }
    try configuration.setCAFile(environment["CA_FILE"])

    let count = try await withCluster(configuration, shutdown: .final) { cluster in
        var count = 0
        for await (_, event) in cluster.events where event.type == .messageCreate {
            count += 1
            print("message \(count) is from \(event.string("/author/username") ?? "somebody")")
            if count == limit { break }
        }
        return count
    }
    print("\(count) messages")
} catch {
    print(error)
    exit(1)
}
