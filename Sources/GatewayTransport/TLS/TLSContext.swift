import COpenSSL
import GatewayProtocol

/// The TLS settings that all connections of a cluster, and of clusters from one configuration, share: the trust store and the sessions that speed up the next
/// handshake with the same host. TLS 1.2 at least; the peer's certificate and host name are always verified.
package final class TLSContext: @unchecked Sendable {
    let context: OpaquePointer
    /// The newest session of each host, as libssl objects that this cache owns.
    private let sessions = Lock<[String: SendablePointer]>([:])

    /// Hosts remembered: the gateway's main host and its resume hosts are a handful.
    private static let sessionLimit = 64

    /// What was loaded, to tell whether it has changed since; nil when it could not be looked at.
    private let source: TrustFile?

    struct SendablePointer: @unchecked Sendable { let pointer: OpaquePointer }

    /// `caFile`: a PEM file that replaces the system's trust store. Throws `tls` or `file`.
    package init(caFile: String?) throws(GatewayError) {
        ERR_clear_error()
        // Before it is loaded: what changes meanwhile counts as changed.
        source = TrustFile(caFile: caFile)
        guard let context = SSL_CTX_new(TLS_client_method()) else {
            throw GatewayError(.tls, "TLS could not be set up: \(Self.reason())")
        }
        self.context = context
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        _ = copenssl_ctx_set_min_version(context, Int32(TLS1_2_VERSION))
        // RELEASE_BUFFERS: an idle connection holds no record buffers (34 KB each otherwise).
        _ = copenssl_ctx_set_mode(
            context,
            Int(SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER))
        // libssl's own cache is for servers; sessions are kept here, by host.
        _ = copenssl_ctx_set_cache_mode(context, Int(SSL_SESS_CACHE_OFF))
        if let caFile {
            guard SSL_CTX_load_verify_file(context, caFile) == 1 else {
                throw GatewayError(
                    .file, "the CA file \(caFile) could not be loaded (certificates in PEM form): \(Self.reason())")
            }
        } else {
            SSL_CTX_set_default_verify_paths(context)
        }
    }

    /// The context of this trust store: `loaded`, unless it is of another one or the file has changed since. Loading the
    /// system's takes milliseconds.
    package static func load(caFile: String?, reusing loaded: TLSContext?) throws(GatewayError) -> TLSContext {
        if let loaded, let source = loaded.source, source == TrustFile(caFile: caFile) { return loaded }
        return try TLSContext(caFile: caFile)
    }

    deinit {
        sessions.withLock { for session in $0.values { SSL_SESSION_free(session.pointer) } }
        SSL_CTX_free(context)
    }

    /// Lets `ssl` try to take up the host's last session.
    func offerSession(_ ssl: OpaquePointer, host: String) {
        sessions.withLock { sessions in
            if let session = sessions[host] { SSL_set_session(ssl, session.pointer) }
        }
    }

    /// Keeps the session of a connection that was good.
    func keepSession(of ssl: OpaquePointer, host: String) {
        guard let session = SSL_get1_session(ssl) else { return }
        guard SSL_SESSION_is_resumable(session) == 1 else {
            SSL_SESSION_free(session)
            return
        }
        let kept = SendablePointer(pointer: session)
        let replaced: SendablePointer? = sessions.withLock { sessions in
            if sessions[host] == nil, sessions.count >= Self.sessionLimit { return kept }
            return sessions.updateValue(kept, forKey: host)
        }
        if let replaced { SSL_SESSION_free(replaced.pointer) }
    }

    /// The oldest error of libssl on this thread, in its own words or, for a failed system call, in the system's.
    static func reason() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0 else { return "no reason given" }
        if let text = ERR_reason_error_string(code) { return String(cString: text) }
        // ERR_SYSTEM_FLAG, which is a macro: the rest is errno's value.
        if code & 0x8000_0000 != 0 { return systemMessage(Int32(truncatingIfNeeded: code & 0x7FFF_FFFF)) }
        return "error \(code)"
    }
}
