// An echo client over the project's websocket layer, for the Autobahn suite: `autobahn-client URL AGENT`.
import CLinux
import GatewayProtocol
import GatewayTransport

guard CommandLine.arguments.count == 3, let suite = SuiteAddress(CommandLine.arguments[1]) else {
    print("usage: autobahn-client ws://HOST:PORT AGENT")
    exit(2)
}
let agent = CommandLine.arguments[2]
let loop = try EventLoop()
try loop.start(name: "echo")
let resolver = Resolver()

/// Opens one connection, echoes until it ends, and returns the texts that came.
func run(_ target: String) throws -> [String] {
    let client = EchoClient(loop: loop, resolver: resolver)
    return try client.run(suite, target: target)
}

let cases = Int(try run("/getCaseCount").first ?? "") ?? 0
for number in 1...max(cases, 1) where number <= cases {
    _ = try run("/runCase?case=\(number)&agent=\(agent)")
}
_ = try run("/updateReports?agent=\(agent)")
loop.stop()
print("\(cases) cases run")
exit(cases > 0 ? 0 : 1)
