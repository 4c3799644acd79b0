import CLinux
import COpenSSL
import Foundation
import Testing

@testable import GatewayTransport

/// A certificate that signs itself, with its key; made for one test.
final class TestCertificate: @unchecked Sendable {
    let certificate: OpaquePointer
    let key: OpaquePointer

    /// `names`: the subjectAltName in OpenSSL's notation, such as `DNS:localhost,IP:127.0.0.1`.
    init(names: String = "DNS:localhost,IP:127.0.0.1", expired: Bool = false) throws {
        let context = try #require(EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil))
        defer { EVP_PKEY_CTX_free(context) }
        var made: OpaquePointer?
        try #require(EVP_PKEY_keygen_init(context) == 1)
        try #require(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1) == 1)
        try #require(EVP_PKEY_keygen(context, &made) == 1)
        key = try #require(made)
        certificate = try #require(X509_new())
        let subject = X509_get_subject_name(certificate)
        X509_set_version(certificate, 2)
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), Int.random(in: 1...Int.max))
        X509_gmtime_adj(X509_getm_notBefore(certificate), -30 * 86_400)
        X509_gmtime_adj(X509_getm_notAfter(certificate), expired ? -86_400 : 86_400)
        X509_set_pubkey(certificate, key)
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, "Test", -1, -1, 0)
        X509_set_issuer_name(certificate, subject)
        var extensions = X509V3_CTX()
        X509V3_set_ctx(&extensions, certificate, certificate, nil, nil, 0)
        for (kind, value) in [(NID_basic_constraints, "critical,CA:TRUE"), (NID_subject_alt_name, names)] {
            let made = try #require(X509V3_EXT_conf_nid(nil, &extensions, kind, value))
            X509_add_ext(certificate, made, -1)
            X509_EXTENSION_free(made)
        }
        try #require(X509_sign(certificate, key, EVP_sha256()) > 0)
    }

    deinit {
        X509_free(certificate)
        EVP_PKEY_free(key)
    }

    /// As a file has it.
    var pem: String {
        var bytes = [UInt8](repeating: 0, count: Int(i2d_X509(certificate, nil)))
        bytes.withUnsafeMutableBufferPointer { buffer in
            var end = buffer.baseAddress
            _ = i2d_X509(certificate, &end)
        }
        let lines = Data(bytes).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        return "-----BEGIN CERTIFICATE-----\n\(lines)\n-----END CERTIFICATE-----\n"
    }

    /// A context that trusts this certificate and no other.
    func trusting() throws -> TLSContext {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("sg-\(UUID().uuidString).pem")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(pem.utf8).write(to: file)
        return try TLSContext(caFile: file.path)
    }
}

/// The server's end of a TLS connection, blocking.
final class TLSPeer {
    private let ssl: OpaquePointer
    let resumed: Bool

    /// Nil when the handshake fails.
    init?(_ fd: Int32, _ context: OpaquePointer) {
        guard let ssl = SSL_new(context) else { return nil }
        SSL_set_fd(ssl, fd)
        guard SSL_accept(ssl) == 1 else {
            ERR_clear_error()
            SSL_free(ssl)
            return nil
        }
        self.ssl = ssl
        resumed = SSL_session_reused(ssl) == 1
    }

    deinit {
        SSL_shutdown(ssl)
        ERR_clear_error()
        SSL_free(ssl)
    }

    var serverName: String? {
        SSL_get_servername(ssl, Int32(TLSEXT_NAMETYPE_host_name)).map { String(cString: $0) }
    }

    func readHead() -> String {
        var text: [UInt8] = []
        var byte: UInt8 = 0
        while !text.suffix(4).elementsEqual([13, 10, 13, 10]) {
            guard SSL_read(ssl, &byte, 1) == 1 else { return "" }
            text.append(byte)
        }
        return String(decoding: text, as: UTF8.self)
    }

    func write(_ text: String) {
        let bytes = Array(text.utf8)
        SSL_write(ssl, bytes, Int32(bytes.count))
    }
}

/// A server's TLS settings.
final class TLSServerContext: @unchecked Sendable {
    let context: OpaquePointer

    init(_ certificate: TestCertificate, newest: Int32 = TLS1_3_VERSION) throws {
        context = try #require(SSL_CTX_new(TLS_server_method()))
        try #require(SSL_CTX_use_certificate(context, certificate.certificate) == 1)
        try #require(SSL_CTX_use_PrivateKey(context, certificate.key) == 1)
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(newest), nil)
    }

    deinit { SSL_CTX_free(context) }
}
