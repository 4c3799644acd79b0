import CLinux
import GatewayProtocol

/// A connected, non-blocking socket, plain or under TLS. A base class so that a read costs one virtual call.
class ByteStream {
    enum Handshake {
        case done
        case wantsRead
        case wantsWrite
        case failed(GatewayError)
    }

    enum Read: Equatable {
        case bytes(Int)
        case wouldBlock
        case endOfStream
        case failed(String)
    }

    enum Write: Equatable {
        case bytes(Int)
        case wouldBlock
        case failed(String)
    }

    let fd: Int32
    /// When the bytes of the last `read` came from the socket, CLOCK_MONOTONIC in nanoseconds. Under TLS several reads may
    /// be fed by one read of the socket.
    final var readAt: UInt64 = 0

    init(fd: Int32) { self.fd = fd }

    deinit { close(fd) }

    func handshake() -> Handshake { .done }

    /// The socket was reported readable: what is known of its emptiness is void.
    func becameReadable() {}

    /// Takes nothing more from the socket until `becameReadable`: what was read from it is still handed out.
    func leaveSocket() {}

    func read(into target: UnsafeMutableRawBufferPointer) -> Read {
        let count = CLinux.read(fd, target.baseAddress, target.count)
        if count > 0 {
            readAt = Clock.now()
            return .bytes(count)
        }
        if count == 0 { return .endOfStream }
        let code = clinux_errno()
        return code == EAGAIN || code == EINTR ? .wouldBlock : .failed(systemMessage(code))
    }

    func write(_ source: UnsafeRawBufferPointer) -> Write {
        let count = send(fd, source.baseAddress, source.count, Int32(MSG_NOSIGNAL))
        if count >= 0 { return .bytes(count) }
        let code = clinux_errno()
        return code == EAGAIN || code == EINTR ? .wouldBlock : .failed(systemMessage(code))
    }

    /// Bytes were read from the socket that `read` has not handed out yet. While this is true the loop's shared read
    /// buffer belongs to this connection.
    var holdsUndelivered: Bool { false }

    /// After a read of `count` bytes into a space of `capacity`: is there certainly nothing more to read now? The socket
    /// is reported again should something come meanwhile.
    func isDrained(afterReading count: Int, of capacity: Int) -> Bool { count < capacity }

    /// Tells the peer that the end is meant, as far as that goes without waiting.
    func sayGoodbye() {}

}
