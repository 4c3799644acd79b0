import COpenSSL
import Foundation

/// A failure while certificates are made.
struct CertificateError: Error, CustomStringConvertible {
    let step: String
    var description: String { "could not make a certificate: \(step) failed" }
}

/// A key pair and its certificate, DER-encoded.
struct Credentials: Sendable {
    let certificate: [UInt8]
    let key: [UInt8]

    var pem: String {
        let lines = Data(certificate).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        return "-----BEGIN CERTIFICATE-----\n\(lines)\n-----END CERTIFICATE-----\n"
    }
}

/// A certificate authority that lives as long as the sandbox. P-256 keys, made at start.
///
/// OpenSSL makes the certificates because the package has it anyway; the connections themselves are NIOSSL's.
final class CertificateAuthority {
    private let key: OpaquePointer
    private let certificate: OpaquePointer
    let credentials: Credentials

    init(name: String) throws(CertificateError) {
        key = try Self.makeKey()
        certificate = try Self.makeCertificate(
            name: name, key: key, issuer: nil, issuerKey: key, validFrom: -86_400, validFor: 10 * 365 * 86_400,
            extensions: [
                (NID_basic_constraints, "critical,CA:TRUE"), (NID_key_usage, "critical,keyCertSign,cRLSign"),
                (NID_subject_key_identifier, "hash"),
            ]
        )
        credentials = Credentials(certificate: Self.encoded(certificate), key: Self.encoded(key: key))
    }

    deinit {
        X509_free(certificate)
        EVP_PKEY_free(key)
    }

    /// A server certificate.
    /// - Parameters:
    ///   - names: subjectAltName in OpenSSL's notation, `DNS:localhost,IP:127.0.0.1`.
    ///   - expired: valid until yesterday instead of for a year.
    ///   - signsItself: not issued by this CA.
    func issue(name: String, names: String, expired: Bool = false, signsItself: Bool = false) throws(CertificateError)
        -> Credentials
    {
        let serverKey = try Self.makeKey()
        defer { EVP_PKEY_free(serverKey) }
        let day = 86_400
        let server = try Self.makeCertificate(
            name: name, key: serverKey, issuer: signsItself ? nil : certificate,
            issuerKey: signsItself ? serverKey : key,
            validFrom: expired ? -30 * day : -day, validFor: expired ? -day : 365 * day,
            extensions: [
                (NID_basic_constraints, "critical,CA:FALSE"), (NID_subject_alt_name, names),
                (NID_key_usage, "critical,digitalSignature"), (NID_ext_key_usage, "serverAuth"),
                (NID_subject_key_identifier, "hash"),
            ] + (signsItself ? [] : [(NID_authority_key_identifier, "keyid")])
        )
        defer { X509_free(server) }
        return Credentials(certificate: Self.encoded(server), key: Self.encoded(key: serverKey))
    }

    private static func makeKey() throws(CertificateError) -> OpaquePointer {
        guard let context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil) else { throw CertificateError(step: "key context") }
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1,
            EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1) == 1,
            EVP_PKEY_keygen(context, &key) == 1, let key
        else { throw CertificateError(step: "key generation") }
        return key
    }

    private static func makeCertificate(
        name: String, key: OpaquePointer, issuer: OpaquePointer?, issuerKey: OpaquePointer, validFrom: Int,
        validFor: Int, extensions: [(Int32, String)]
    ) throws(CertificateError) -> OpaquePointer {
        guard let certificate = X509_new() else { throw CertificateError(step: "X509_new") }
        var isDone = false
        defer { if !isDone { X509_free(certificate) } }
        let subject = X509_get_subject_name(certificate)
        let serial = Int.random(in: 1...Int.max)
        guard X509_set_version(certificate, 2) == 1,
            ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial) == 1,
            X509_gmtime_adj(X509_getm_notBefore(certificate), validFrom) != nil,
            X509_gmtime_adj(X509_getm_notAfter(certificate), validFor) != nil,
            X509_set_pubkey(certificate, key) == 1,
            X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, name, -1, -1, 0) == 1,
            X509_set_issuer_name(certificate, issuer.map { X509_get_subject_name($0) } ?? subject) == 1
        else { throw CertificateError(step: "filling in") }
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, issuer ?? certificate, certificate, nil, nil, 0)
        for (nid, value) in extensions {
            guard let made = X509V3_EXT_conf_nid(nil, &context, nid, value) else {
                throw CertificateError(step: "extension \(value)")
            }
            X509_add_ext(certificate, made, -1)
            X509_EXTENSION_free(made)
        }
        guard X509_sign(certificate, issuerKey, EVP_sha256()) > 0 else { throw CertificateError(step: "signing") }
        isDone = true
        return certificate
    }

    private static func encoded(_ certificate: OpaquePointer) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: max(0, Int(i2d_X509(certificate, nil))))
        bytes.withUnsafeMutableBufferPointer { buffer in
            var end = buffer.baseAddress
            _ = i2d_X509(certificate, &end)
        }
        return bytes
    }

    private static func encoded(key: OpaquePointer) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: max(0, Int(i2d_PrivateKey(key, nil))))
        bytes.withUnsafeMutableBufferPointer { buffer in
            var end = buffer.baseAddress
            _ = i2d_PrivateKey(key, &end)
        }
        return bytes
    }
}
