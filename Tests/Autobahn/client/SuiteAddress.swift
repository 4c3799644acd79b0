/// Where the suite's server listens: `ws://HOST:PORT`.
struct SuiteAddress {
    let host: String
    let port: UInt16

    init?(_ url: String) {
        guard url.hasPrefix("ws://") else { return nil }
        let parts = url.dropFirst(5).split(separator: "/")[0].split(separator: ":")
        guard parts.count == 2, let port = UInt16(parts[1]) else { return nil }
        host = String(parts[0])
        self.port = port
    }
}
