import Dispatch
import Foundation
import Logging
import SwiftGateway
import SwiftGatewayLogging

/// A bot of many shards that ends well: SIGINT or SIGTERM closes every session so that the next process resumes it.
///
///     DISCORD_TOKEN=… SESSION_FILE=sessions.json many-shards
@main
struct ManyShards {
    static func main() async throws {
        let configuration = try configuration(ProcessInfo.processInfo.environment)
        let (stops, stop) = AsyncStream<Void>.makeStream()
        let signals = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            // It runs on a queue of Dispatch's: the closure must not belong to the main actor.
            source.setEventHandler { @Sendable in stop.yield() }
            source.resume()
            return source
        }
        defer { for source in signals { source.cancel() } }
        let bot = Task {
            try await withCluster(configuration, deadline: .seconds(10)) { cluster in
                async let _: Void = report(on: cluster)  // cancelled when the loop ends
                for await (shard, event) in cluster.events { handle(event, of: shard) }
                print("ending: \(summary(of: cluster))")
            }
        }
        // A cancelled task leaves the loop; withCluster does the rest.
        let watch = Task { for await _ in stops { bot.cancel() } }
        try await bot.value
        watch.cancel()
    }

    private static func configuration(_ environment: [String: String]) throws -> Configuration {
        var configuration = try Configuration(
            token: environment["DISCORD_TOKEN"] ?? "", intents: [.guilds, .guildMessages])
        if let url = environment["API_URL"] { try configuration.setAPIURL(url) }
        try configuration.setCAFile(environment["CA_FILE"])
        try configuration.setSessionFile(environment["SESSION_FILE"])
        // All shards that Discord recommends, unless this process is to run every n-th of them.
        if let buckets = environment["BUCKETS"].flatMap({ UInt32($0) }) {
            let bucket = environment["BUCKET"].flatMap { UInt32($0) } ?? 0
            try configuration.setShards(.bucket(bucket: bucket, buckets: buckets, total: 0))
        }
        configuration.log(to: Logger(label: "many-shards"))
        return configuration
    }

    /// One event at a time, in the order of its shard. What takes long belongs in a task of its own.
    private static func handle(_ event: Event, of shard: Shard) {
        do throws(GatewayError) {
            switch event.details {
            case .dispatch(.ready?):
                try shard.send(.presence(json: Array(#"{"activities":[{"name":"shard \#(shard.id)","type":0}]}"#.utf8)))
            case .error(let error, .fatal): print("shard \(shard.id) is out: \(error.message)")
            default: break
            }
        } catch {
            print("shard \(shard.id): \(error.message)")
        }
    }

    private static func report(on cluster: Cluster) async {
        while true {
            do { try await Task.sleep(for: .seconds(30)) } catch { return }
            print(summary(of: cluster))
        }
    }

    private static func summary(of cluster: Cluster) -> String {
        let infos = cluster.infos()
        let active = infos.count { $0.state == .active }
        let events = infos.reduce(0) { $0 + $1.eventsDelivered }
        let resumes = infos.reduce(0) { $0 + $1.resumes }
        let slowest = infos.map(\.latencyLast).max() ?? 0
        return "\(active) of \(infos.count) shards active, \(events) events, \(resumes) resumes, "
            + "slowest heartbeat \(slowest / 1_000_000) ms"
    }
}
