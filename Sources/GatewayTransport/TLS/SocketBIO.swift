import CLinux
import COpenSSL

/// What the BIO's C callbacks need of a connection. Lives in a heap cell that the connection frees after its SSL object.
struct SocketBIOState {
    var fd: Int32
    /// The loop's read buffer: empty whenever another connection gets its turn.
    var wire: UnsafeMutablePointer<ByteWindow>
    /// The last read came up short, so the socket is empty until it is reported readable again.
    var drained = false
    var endOfStream = false
    /// When `wire` was filled, CLOCK_MONOTONIC in nanoseconds.
    var readAt: UInt64 = 0
    /// The `errno` of a failed read or write; 0 when all is well.
    var failure: Int32 = 0
}

/// A BIO that serves libssl from one read buffer per loop: one large `read` feeds many records.
///
/// libssl's own read-ahead moves everything it has buffered for each record it decodes, which with a large buffer is
/// most of the work; this one moves each byte once.
enum SocketBIO {
    /// The method table, made once per process and never freed: BIOs may outlive any one cluster.
    private static let method: SendableMethod = {
        let type = BIO_get_new_index() | Int32(BIO_TYPE_SOURCE_SINK)
        guard let method = BIO_meth_new(type, "swiftgateway socket") else { return SendableMethod(pointer: nil) }
        BIO_meth_set_read(method, read)
        BIO_meth_set_write(method, write)
        BIO_meth_set_ctrl(method, control)
        return SendableMethod(pointer: method)
    }()

    private struct SendableMethod: @unchecked Sendable { let pointer: OpaquePointer? }

    static func make(_ state: UnsafeMutablePointer<SocketBIOState>) -> OpaquePointer? {
        guard let method = method.pointer, let bio = BIO_new(method) else { return nil }
        BIO_set_data(bio, state)
        BIO_set_init(bio, 1)
        return bio
    }

    private static let read: @convention(c) (OpaquePointer?, UnsafeMutablePointer<CChar>?, Int32) -> Int32 = {
        bio, target, wanted in
        guard let bio, let target, let data = BIO_get_data(bio) else { return -1 }
        let state = data.assumingMemoryBound(to: SocketBIOState.self)
        let wire = state.pointee.wire
        copenssl_bio_clear_retry(bio)
        if wire.pointee.start == wire.pointee.end {
            if state.pointee.drained {
                copenssl_bio_retry_read(bio)
                return -1
            }
            let count = CLinux.read(state.pointee.fd, wire.pointee.base, wire.pointee.capacity)
            guard count > 0 else {
                if count == 0 {
                    state.pointee.endOfStream = true
                    return 0
                }
                let code = clinux_errno()
                if code == EAGAIN || code == EINTR {
                    state.pointee.drained = code == EAGAIN
                    copenssl_bio_retry_read(bio)
                } else {
                    state.pointee.failure = code
                }
                return -1
            }
            state.pointee.readAt = Clock.now()
            state.pointee.drained = count < wire.pointee.capacity
            wire.pointee.start = 0
            wire.pointee.end = count
        }
        let count = min(Int(wanted), wire.pointee.end - wire.pointee.start)
        UnsafeMutableRawPointer(target).copyMemory(
            from: wire.pointee.base + wire.pointee.start, byteCount: count)
        wire.pointee.start += count
        return Int32(truncatingIfNeeded: count)
    }

    private static let write: @convention(c) (OpaquePointer?, UnsafePointer<CChar>?, Int32) -> Int32 = {
        bio, source, count in
        guard let bio, let source, let data = BIO_get_data(bio) else { return -1 }
        let state = data.assumingMemoryBound(to: SocketBIOState.self)
        copenssl_bio_clear_retry(bio)
        let sent = send(state.pointee.fd, source, Int(count), Int32(MSG_NOSIGNAL))
        if sent < 0 {
            let code = clinux_errno()
            if code == EAGAIN || code == EINTR {
                copenssl_bio_retry_write(bio)
            } else {
                state.pointee.failure = code
            }
        }
        return Int32(truncatingIfNeeded: sent)
    }

    private static let control: @convention(c) (OpaquePointer?, Int32, Int, UnsafeMutableRawPointer?) -> Int = {
        _, command, _, _ in
        command == BIO_CTRL_FLUSH ? 1 : 0
    }
}
