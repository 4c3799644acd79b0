import CLinux
import COpenSSL
import GatewayProtocol

/// A socket under TLS, verified for `host`.
final class TLSStream: ByteStream {
    private let ssl: OpaquePointer
    private let bio: UnsafeMutablePointer<SocketBIOState>
    private let context: TLSContext
    private let host: String
    private var handshakeDone = false
    private var keepsBuffers = false
    /// The session has been kept for others.
    private var offersSession = false

    /// Takes over `fd`: it is closed with the stream, or here when setting up fails.
    init(fd: Int32, host: String, context: TLSContext, buffers: LoopBuffers) throws(GatewayError) {
        ERR_clear_error()
        guard let ssl = SSL_new(context.context) else {
            close(fd)
            throw GatewayError(.tls, "TLS could not be set up: \(TLSContext.reason())")
        }
        let state = UnsafeMutablePointer<SocketBIOState>.allocate(capacity: 1)
        state.initialize(to: SocketBIOState(fd: fd, wire: buffers.wire))
        guard let socketBIO = SocketBIO.make(state) else {
            SSL_free(ssl)
            state.deallocate()
            close(fd)
            throw GatewayError(.tls, "TLS could not be set up: out of memory")
        }
        SSL_set_bio(ssl, socketBIO, socketBIO)
        SSL_set_connect_state(ssl)
        self.ssl = ssl
        self.bio = state
        self.context = context
        self.host = host
        super.init(fd: fd)
        // An address is checked against the certificate's addresses and is never sent as SNI (RFC 6066, section 3).
        let verification = SSL_get0_param(ssl)
        if X509_VERIFY_PARAM_set1_ip_asc(verification, host) != 1 {
            ERR_clear_error()
            SSL_set1_host(ssl, host)
            _ = copenssl_set_host_name(ssl, host)
        }
        context.offerSession(ssl, host: host)
    }

    deinit {
        // The shared read buffer goes on to the next connection, empty.
        if handshakeDone { context.keepSession(of: ssl, host: host) }
        SSL_free(ssl)
        bio.deallocate()
    }

    override func becameReadable() { bio.pointee.drained = false }

    override func leaveSocket() { bio.pointee.drained = true }

    override func handshake() -> Handshake {
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        if result == 1 {
            handshakeDone = true
            return .done
        }
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: return .wantsRead
        case SSL_ERROR_WANT_WRITE: return .wantsWrite
        default: return .failed(handshakeError())
        }
    }

    private func handshakeError() -> GatewayError {
        defer { ERR_clear_error() }
        let verdict = SSL_get_verify_result(ssl)
        if verdict != Int(X509_V_OK) {
            let text = X509_verify_cert_error_string(verdict).map { String(cString: $0) } ?? "error \(verdict)"
            let what: String
            switch Int32(truncatingIfNeeded: verdict) {
            case X509_V_ERR_CERT_HAS_EXPIRED: what = "has expired"
            case X509_V_ERR_CERT_NOT_YET_VALID: what = "is not valid yet"
            case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: what = "was made for another host"
            default: what = "is not trusted"
            }
            var hint = ""
            switch Int32(truncatingIfNeeded: verdict) {
            case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
                X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
                X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
                hint = " (its authority is missing from the CA file or, without one, from the system's trust store)"
            default: break
            }
            return GatewayError(.tls, "the certificate of \(host) \(what): \(text)\(hint)")
        }
        if bio.pointee.endOfStream {
            return GatewayError(.network, "\(host) closed the connection during the TLS handshake")
        }
        if bio.pointee.failure != 0 {
            return GatewayError(
                .network,
                "the connection to \(host) broke during the TLS handshake: \(systemMessage(bio.pointee.failure))")
        }
        return GatewayError(.tls, "the TLS handshake with \(host) failed: \(TLSContext.reason())")
    }

    override func read(into target: UnsafeMutableRawBufferPointer) -> Read {
        keepBuffers(while: bio.pointee.wire.pointee.count > Self.burst)
        let result = SSL_read(ssl, target.baseAddress, Int32(clamping: target.count))
        if result > 0 {
            readAt = bio.pointee.readAt
            if !offersSession { shareSession() }
            return .bytes(Int(result))
        }
        return ERR_peek_error() == 0 ? outcome(of: result, reason: nil) : readAgain(into: target)
    }

    /// Something is in this thread's queue of errors: of this connection, or left behind by anything else, such as the
    /// user's handler, which libssl would take for one of this connection. With an empty queue it tells again what is the
    /// case. Looking into the queue before each read instead would cost a tenth of a small record.
    private func readAgain(into target: UnsafeMutableRawBufferPointer) -> Read {
        let reason = TLSContext.reason()
        let result = SSL_read(ssl, target.baseAddress, Int32(clamping: target.count))
        if result > 0 {
            readAt = bio.pointee.readAt
            return .bytes(Int(result))
        }
        return outcome(of: result, reason: reason)
    }

    /// Others to the same host take this session up from now on: what a server has to give for that comes before its first
    /// bytes. Of a thousand shards that start, all but the first few are spared a full handshake and a copy of the
    /// server's certificates.
    @inline(never)
    private func shareSession() {
        offersSession = true
        context.keepSession(of: ssl, host: host)
    }

    private func outcome(of result: Int32, reason: String?) -> Read {
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .wouldBlock
        case SSL_ERROR_ZERO_RETURN: return .endOfStream
        default:
            if bio.pointee.endOfStream {
                ERR_clear_error()
                return .endOfStream
            }
            if bio.pointee.failure != 0 {
                ERR_clear_error()
                return .failed(systemMessage(bio.pointee.failure))
            }
            let text = TLSContext.reason()
            return .failed("TLS: \(reason ?? text)")
        }
    }

    /// More bytes than two records have: libssl will need its record buffer again at once.
    private static let burst = 32 * 1024

    /// In a burst the record buffer is kept from record to record: giving it back after each, as an idle connection must,
    /// is an allocation per event.
    @inline(__always)
    private func keepBuffers(while bursts: Bool) {
        guard bursts != keepsBuffers else { return }
        keepsBuffers = bursts
        if bursts {
            copenssl_clear_mode(ssl, Int(SSL_MODE_RELEASE_BUFFERS))
        } else {
            copenssl_set_mode(ssl, Int(SSL_MODE_RELEASE_BUFFERS))
        }
    }

    override func write(_ source: UnsafeRawBufferPointer) -> Write {
        guard source.count > 0 else { return .bytes(0) }
        ERR_clear_error()
        let result = SSL_write(ssl, source.baseAddress, Int32(clamping: source.count))
        if result > 0 { return .bytes(Int(result)) }
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .wouldBlock
        default:
            ERR_clear_error()
            return .failed(
                bio.pointee.failure != 0 ? systemMessage(bio.pointee.failure) : "the TLS connection is broken")
        }
    }

    override var holdsUndelivered: Bool {
        bio.pointee.wire.pointee.count > 0 || SSL_pending(ssl) > 0
    }

    override func isDrained(afterReading count: Int, of capacity: Int) -> Bool {
        bio.pointee.drained && !holdsUndelivered
    }

    override func sayGoodbye() {
        guard handshakeDone else { return }
        ERR_clear_error()
        SSL_shutdown(ssl)
        ERR_clear_error()
    }
}
