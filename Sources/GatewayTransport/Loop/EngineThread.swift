import CLinux
import GatewayProtocol

/// A thread of the engine. It takes no signals: those stay with the host program's threads.
package final class EngineThread: @unchecked Sendable {
    private let handle: pthread_t

    private final class Body {
        let name: String
        let run: @Sendable () -> Void

        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts a thread. `name` is cut to the 15 bytes that Linux keeps. Throws `internalError` when the system refuses.
    package init(name: String, _ run: @escaping @Sendable () -> Void) throws(GatewayError) {
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        let body = Unmanaged.passRetained(Body(name: String(name.prefix(15)), run: run))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                clinux_name_thread(body.name)
                body.run()
                return nil
            }, body.toOpaque())
        guard code == 0 else {
            body.release()
            throw GatewayError(.internalError, "no thread could be started: \(systemMessage(code))")
        }
        handle = thread
    }

    /// The calling thread as a number that no other living thread has; never 0.
    package static var currentID: UInt { UInt(pthread_self()) }

    package func join() { pthread_join(handle, nil) }

    /// The thread cleans up after itself; `join` must not be called.
    package func detach() { pthread_detach(handle) }
}

/// The system's text for an `errno` value.
package func systemMessage(_ code: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
        guard let base = buffer.baseAddress, strerror_r(code, base, 256) == 0 else { return "error \(code)" }
        return String(cString: base)
    }
}
