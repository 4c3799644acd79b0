import Dispatch
import Foundation

/// Brings the reasons to stop together: SIGINT, SIGTERM, the end of standard input, a timer.
final class StopSignal: @unchecked Sendable {
    private let queue = DispatchQueue(label: "gateway-sandbox.stop")
    private var sources: [any DispatchSourceProtocol] = []
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream() }

    func watchSignals() {
        for number in [SIGINT, SIGTERM] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { [continuation] in continuation.yield() }
            source.resume()
            sources.append(source)
        }
        // A reader of the printed lines that goes away is no reason to die.
        signal(SIGPIPE, SIG_IGN)
    }

    func watchStandardInput() {
        Thread.detachNewThread { [continuation] in
            var room = [UInt8](repeating: 0, count: 4096)
            while read(STDIN_FILENO, &room, room.count) > 0 {}
            continuation.yield()
        }
    }

    func watchTimer(seconds: Double) {
        queue.asyncAfter(deadline: .now() + seconds) { [continuation] in continuation.yield() }
    }

    func wait() async {
        for await _ in stream { return }
    }
}
