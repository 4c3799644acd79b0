import GatewayProtocol
import GatewayTransport

/// Where new sessions connect to. A URL that the API gave is asked for anew when connecting with it fails
/// (`gateway.md` §2, `GET /gateway`); one that the configuration names stays.
final class GatewayAddress: @unchecked Sendable {
    /// When the API is asked, of all the shards that fail.
    struct Renewal {
        /// In nanoseconds, from one question to the next (practice: an outage of the gateway is one of the API as well, and
        /// a cluster has a thousand shards that fail).
        static let pause: UInt64 = 60_000_000_000
        private var isAsking = false
        private var askedAt: UInt64?

        /// Connecting has failed. Returns whether to ask now.
        mutating func failed(now: UInt64) -> Bool {
            guard !isAsking, askedAt.map({ now >= $0 &+ Self.pause }) ?? true else { return false }
            (isAsking, askedAt) = (true, now)
            return true
        }

        mutating func answered() { isAsking = false }
    }

    private struct State {
        var url: GatewayURL
        var renewal = Renewal()
    }

    private let state: Lock<State>
    private let loop: EventLoop
    private let log: Log
    private let makeRequest: (() -> GatewayURLRequest)?
    // Loop thread only.
    private var request: GatewayURLRequest?
    private var isCancelled = false

    /// `makeRequest`: nil for a URL that stays. Requests are made and performed on `loop`.
    init(_ url: GatewayURL, loop: EventLoop, log: Log, makeRequest: (() -> GatewayURLRequest)?) {
        state = Lock(State(url: url))
        self.loop = loop
        self.log = log
        self.makeRequest = makeRequest
    }

    /// Any thread.
    var url: GatewayURL { state.withLock { $0.url } }

    /// A connection to it could not be made. Any thread.
    func failed(now: UInt64) {
        guard makeRequest != nil, state.withLock({ $0.renewal.failed(now: now) }) else { return }
        loop.post { [self] in ask() }
    }

    /// On the loop's thread.
    func cancel() {
        isCancelled = true
        request?.cancel()
        request = nil
    }

    private func ask() {
        guard !isCancelled, let request = makeRequest?() else { return }
        self.request = request
        request.perform(on: loop) { [weak self] answer in
            guard let self, !isCancelled else { return }
            self.request = nil
            state.withLock { $0.renewal.answered() }
            do throws(GatewayError) {
                try take(try answer.mapError(\.error).get())
            } catch {
                log.write(.warning, "cluster") {
                    "connecting fails, and the API gave no new URL of the gateway: \(error.message)"
                }
            }
        }
    }

    private func take(_ text: String) throws(GatewayError) {
        let new = try GatewayURL.checked(text, webSocket: true)
        let old = url
        // The token must not begin to travel in the clear because an answer says so.
        guard new.scheme.isSecure || !old.scheme.isSecure else {
            throw GatewayError(.protocolViolation, "the answer names an unencrypted connection")
        }
        guard new != old else { return }
        state.withLock { $0.url = new }
        log.write(.info, "cluster") { "the gateway is at \(new.host) now" }
    }
}
