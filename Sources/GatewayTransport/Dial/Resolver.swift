import CLinux
import GatewayProtocol

/// Turns host names into addresses on threads of its own, because `getaddrinfo` blocks. Questions that are asked
/// again while one is under way share its answer, so that a thousand shards that reconnect ask once.
package final class Resolver: @unchecked Sendable {
    package typealias Answer = Result<[SocketAddress], GatewayError>

    /// Lookups under way at once: one dead name server must not hold up another name.
    private static let threadLimit = 4

    private struct Question: Hashable {
        let host: String
        let port: UInt16
    }

    private struct State {
        var queue: [Question] = []
        var waiting: [Question: [@Sendable (Answer) -> Void]] = [:]
        var threads = 0
    }

    private let state = Monitor(State())

    package init() {}

    /// Calls `answer` once, on a thread of the resolver. A name that is an address already is answered at once, on the
    /// calling thread.
    package func resolve(host: String, port: UInt16, _ answer: @escaping @Sendable (Answer) -> Void) {
        if case .success(let addresses) = Self.look(host: host, port: port, numericOnly: true) {
            answer(.success(addresses))
            return
        }
        let question = Question(host: host, port: port)
        let needsThread = state.withLock { state in
            if state.waiting[question] != nil {
                state.waiting[question]?.append(answer)
                return false
            }
            state.waiting[question] = [answer]
            state.queue.append(question)
            guard state.threads < Self.threadLimit else { return false }
            state.threads += 1
            return true
        }
        guard needsThread else { return }
        do throws(GatewayError) {
            // A thread lives as long as there are questions: an idle cluster holds none.
            try EngineThread(name: "sg-resolver") { [self] in work() }.detach()
        } catch {
            let failed = state.withLock { state in
                state.threads -= 1
                state.queue.removeAll { $0 == question }
                return state.waiting.removeValue(forKey: question) ?? []
            }
            for answer in failed { answer(.failure(error)) }
        }
    }

    private func work() {
        while true {
            let next: Question? = state.withLock { state in
                if state.queue.isEmpty {
                    state.threads -= 1
                    return nil
                }
                return state.queue.removeFirst()
            }
            guard let question = next else { return }
            let answer = Self.look(host: question.host, port: question.port, numericOnly: false)
            let waiting = state.withLock { $0.waiting.removeValue(forKey: question) ?? [] }
            for callback in waiting { callback(answer) }
        }
    }

    private static func look(host: String, port: UInt16, numericOnly: Bool) -> Answer {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_family = AF_UNSPEC
        hints.ai_flags = AI_NUMERICSERV | (numericOnly ? AI_NUMERICHOST : AI_ADDRCONFIG)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        defer { if let list { freeaddrinfo(list) } }
        guard code == 0 else {
            let text = gai_strerror(code).map { String(cString: $0) } ?? "error \(code)"
            return .failure(GatewayError(.network, "the host name \(host) could not be resolved: \(text)"))
        }
        var addresses: [SocketAddress] = []
        var entry = list
        while let info = entry {
            if let address = SocketAddress(info.pointee) { addresses.append(address) }
            entry = info.pointee.ai_next
        }
        return .success(interleaved(addresses))
    }

    /// Alternates the address families, keeping the system's order within each (RFC 8305, section 4).
    static func interleaved(_ addresses: [SocketAddress]) -> [SocketAddress] {
        guard let first = addresses.first else { return [] }
        var preferred = addresses.filter { $0.isIPv6 == first.isIPv6 }[...]
        var other = addresses.filter { $0.isIPv6 != first.isIPv6 }[...]
        var result: [SocketAddress] = []
        while !preferred.isEmpty || !other.isEmpty {
            if let address = preferred.popFirst() { result.append(address) }
            if let address = other.popFirst() { result.append(address) }
        }
        return result
    }
}
