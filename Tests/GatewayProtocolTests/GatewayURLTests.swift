import Testing

@testable import GatewayProtocol

private func message(_ text: String) -> String? {
    do {
        _ = try GatewayURL(text)
        return nil
    } catch { return error.message }
}

@Suite struct GatewayURLTests {
    @Test func readsItsParts() throws {
        let url = try GatewayURL("WSS://Gateway-Zone1-a.Example.invalid:8443/a/b?c=d")
        #expect(url.scheme == .wss && url.scheme.isSecure && url.scheme.isWebSocket)
        #expect(url.host == "gateway-zone1-a.example.invalid" && url.port == 8443 && !url.isIPv6)
        #expect(url.path == "/a/b" && url.query == "c=d")
        #expect(url.authority == "gateway-zone1-a.example.invalid:8443" && url.target == "/a/b?c=d")
    }

    @Test(
        arguments: [
            ("ws://a", 80, false), ("wss://a", 443, true), ("http://a/", 80, false), ("https://a?x", 443, true),
        ] as [(String, UInt16, Bool)])
    func knowsTheSchemes(_ text: String, _ port: UInt16, _ isSecure: Bool) throws {
        let url = try GatewayURL(text)
        #expect(url.port == port && url.scheme.isSecure == isSecure && url.host == "a" && url.authority == "a")
    }

    @Test func readsIPv6() throws {
        let url = try GatewayURL("ws://[::1]:9000/x")
        #expect(url.host == "::1" && url.isIPv6 && url.port == 9000 && url.authority == "[::1]:9000")
        #expect(try GatewayURL("wss://[FE80::1.2.3.4]").authority == "[fe80::1.2.3.4]")
        #expect(try GatewayURL("wss://127.0.0.1:443").authority == "127.0.0.1")
    }

    @Test(arguments: [
        ("wss://gateway.discord.gg", "/?v=10&encoding=json"),
        ("wss://gateway.discord.gg/", "/?v=10&encoding=json"),
        ("wss://a/path", "/path?v=10&encoding=json"),
        ("wss://a/path/", "/path/?v=10&encoding=json"),
        ("wss://a?x=1", "/?x=1&v=10&encoding=json"),
        ("wss://a/?", "/?v=10&encoding=json"),
        ("wss://a/p?v=9&encoding=etf&compress=zlib-stream&vv=1", "/p?vv=1&v=10&encoding=json"),
    ])
    func buildsTheTarget(_ text: String, _ target: String) throws {
        let url = try GatewayURL(text)
        #expect(url.connectionTarget() == target)
        #expect(url.connectionTarget(compress: "zstd-stream") == target + "&compress=zstd-stream")
    }

    @Test(arguments: [
        ("", "The URL \"\" has no scheme, such as wss://."),
        ("gateway.discord.gg", "The URL \"gateway.discord.gg\" has no scheme, such as wss://."),
        ("ftp://a", "The URL's scheme must be wss, ws, https or http, not \"ftp\"."),
        ("wss://", "The URL has no host."),
        ("wss:///x", "The URL has no host."),
        ("wss://:80", "The URL has no host."),
        ("wss://[]", "\"\" is no IPv6 address."),
        ("wss://[::1", "The URL's IPv6 address \"[::1\" has no closing bracket."),
        ("wss://[::g]", "\"::g\" is no IPv6 address."),
        ("wss://[1234]", "\"1234\" is no IPv6 address."),
        ("wss://[::1%25eth0]", "\"::1%25eth0\" is no IPv6 address."),
        ("wss://[::1]x", "The URL's port must be a number from 1 to 65535, not \"\"."),
        ("wss://a:", "The URL's port must be a number from 1 to 65535, not \"\"."),
        ("wss://a:0", "The URL's port must be a number from 1 to 65535, not \"0\"."),
        ("wss://a:65536", "The URL's port must be a number from 1 to 65535, not \"65536\"."),
        ("wss://a:+80", "The URL's port must be a number from 1 to 65535, not \"+80\"."),
        ("wss://a:8x", "The URL's port must be a number from 1 to 65535, not \"8x\"."),
        ("wss://::1", "The URL has no host."),
        ("wss://a:1:2", "The URL's port must be a number from 1 to 65535, not \"1:2\"."),
        ("wss://user:secret@a", "The URL must not contain a user name or password."),
        ("wss://a/#x", "The URL must not have a fragment (#)."),
        ("wss://a%41", "\"a%41\" is no host name."),
        ("wss://a\\b", "\"a\\b\" is no host name."),
        ("wss://a/\r\nX: y", "The URL must not contain spaces, control or non-ASCII characters."),
        ("wss://a b", "The URL must not contain spaces, control or non-ASCII characters."),
        ("wss://bücher.example", "The URL must not contain spaces, control or non-ASCII characters."),
        ("wss://a/\u{0}", "The URL must not contain spaces, control or non-ASCII characters."),
    ])
    func refuses(_ text: String, _ expected: String) { #expect(message(text) == expected) }

    @Test func boundsTheLength() {
        #expect(message("wss://a/" + String(repeating: "x", count: 2_040)) == nil)
        #expect(message("wss://a/" + String(repeating: "x", count: 2_041)) != nil)
        #expect(message("wss://" + String(repeating: "x", count: 253)) == nil)
        #expect(message("wss://" + String(repeating: "x", count: 254)) != nil)
    }

    @Test func leavesAnAtSignInThePathAlone() throws {
        #expect(try GatewayURL("wss://a/@x?y=@").path == "/@x")
    }
}
