import CLinux
import GatewayProtocol

/// Opens one TCP connection to a host: resolves, then tries the addresses one after another, a new one every 250 ms or
/// as soon as one fails, and keeps the first that connects (RFC 8305). Confined to its loop's thread; the owner bounds
/// the time and calls `cancel`.
final class Dialer: @unchecked Sendable {
    /// The recommended connection attempt delay (RFC 8305, section 5).
    private static let attemptDelay: UInt64 = 250_000_000

    private let loop: EventLoop
    private let host: String
    private let port: UInt16
    private let completion: (Result<Int32, GatewayError>) -> Void
    private var addresses: ArraySlice<SocketAddress> = []
    private var attempts: [Attempt] = []
    private var lastError = ""
    private var finished = false
    private lazy var timer = LoopTimer { [unowned self] _ in self.tryNext() }

    private final class Attempt: Pollable {
        let fd: Int32
        var registration: Registration?
        unowned let dialer: Dialer

        init(fd: Int32, dialer: Dialer) {
            self.fd = fd
            self.dialer = dialer
        }

        override func ready(_ events: UInt32) { dialer.resolved(self) }
    }

    init(
        loop: EventLoop, host: String, port: UInt16, completion: @escaping (Result<Int32, GatewayError>) -> Void
    ) {
        self.loop = loop
        self.host = host
        self.port = port
        self.completion = completion
    }

    func start(resolver: Resolver) {
        resolver.resolve(host: host, port: port) { [self] answer in
            loop.post { [self] in
                guard !finished else { return }
                switch answer {
                case .failure(let error): finish(.failure(error))
                case .success(let found):
                    addresses = found[...]
                    lastError = "no address"
                    tryNext()
                }
            }
        }
    }

    /// Gives up without calling the completion.
    func cancel() {
        finished = true
        cleanUp(keeping: nil)
    }

    private func tryNext() {
        guard !finished else { return }
        while let address = addresses.popFirst() {
            let fd = socket(
                address.family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
            guard fd >= 0 else {
                lastError = systemMessage(clinux_errno())
                continue
            }
            var one: Int32 = 1
            setsockopt(fd, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
            if address.withPointer({ connect(fd, $0, $1) }) == 0 {
                finish(.success(fd), keeping: fd)
                return
            }
            guard clinux_errno() == EINPROGRESS else {
                lastError = systemMessage(clinux_errno())
                close(fd)
                continue
            }
            let attempt = Attempt(fd: fd, dialer: self)
            guard let registration = loop.register(fd, events: PollEvents.write, handler: attempt) else {
                lastError = "the event loop takes no more sockets"
                close(fd)
                continue
            }
            attempt.registration = registration
            attempts.append(attempt)
            if !addresses.isEmpty { loop.set(timer, at: loop.now + Self.attemptDelay) }
            return
        }
        if attempts.isEmpty {
            finish(.failure(GatewayError(.network, "no connection to \(host) port \(port): \(lastError)")))
        }
    }

    private func resolved(_ attempt: Attempt) {
        var code: Int32 = 0
        var length = socklen_t(4)
        getsockopt(attempt.fd, SOL_SOCKET, SO_ERROR, &code, &length)
        attempts.removeAll { $0 === attempt }
        if let registration = attempt.registration { loop.unregister(registration) }
        if code == 0 {
            finish(.success(attempt.fd), keeping: attempt.fd)
        } else {
            lastError = systemMessage(code)
            close(attempt.fd)
            tryNext()
        }
    }

    private func finish(_ result: Result<Int32, GatewayError>, keeping fd: Int32? = nil) {
        finished = true
        cleanUp(keeping: fd)
        completion(result)
    }

    private func cleanUp(keeping fd: Int32?) {
        loop.clear(timer)
        for attempt in attempts where attempt.fd != fd {
            if let registration = attempt.registration { loop.unregister(registration) }
            close(attempt.fd)
        }
        attempts = []
        addresses = []
    }
}
