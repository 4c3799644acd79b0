import GatewayProtocol
import GatewayTransport
import Testing

@testable import SwiftGateway

/// What is asked of the API, and what goes with it (`gateway.md` §2).
@Suite struct APIRequestTests {
    private func configuration(_ apiURL: String) throws -> Configuration {
        var configuration = try Configuration(token: "Bot secret", intents: [])
        try configuration.setAPIURL(apiURL)
        return configuration
    }

    private func value(_ name: String, _ headers: [HTTPHeader]) -> String? {
        headers.first { $0.name == name }?.value
    }

    @Test func asksForTheURLWithoutTheToken() throws {
        let request = GatewayURLRequest(
            configuration: try configuration("https://discord.com/api/v10"), tls: nil, resolver: Resolver(), timeout: 1)
        #expect(request.path == "/api/v10/gateway")
        #expect(value("Authorization", request.headers) == nil)
        #expect(!request.headers.contains { $0.value.contains("secret") })
        #expect(value("User-Agent", request.headers)?.hasPrefix("DiscordBot (") == true)
    }

    @Test func asksForTheBotWithTheToken() throws {
        let request = GatewayBotRequest(
            configuration: try configuration("http://proxy:8080/base/"), tls: nil, resolver: Resolver(), timeout: 1)
        #expect(request.path == "/base/gateway/bot")
        #expect(value("Authorization", request.headers) == "Bot secret")
        #expect(value("User-Agent", request.headers)?.hasPrefix("DiscordBot (") == true)
    }
}
