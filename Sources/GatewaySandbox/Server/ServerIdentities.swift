import NIOSSL

/// The TLS contexts for every kind of certificate, and the CA file's text.
struct ServerIdentities: Sendable {
    let caPEM: String
    private let contexts: [CertificateKind: NIOSSLContext]

    init() throws {
        let authority = try CertificateAuthority(name: "Gateway Sandbox CA")
        let stranger = try CertificateAuthority(name: "Some Other CA")
        let names = "DNS:localhost,IP:127.0.0.1,IP:::1"
        caPEM = authority.credentials.pem
        contexts = [
            .valid: try Self.context(authority.issue(name: "localhost", names: names)),
            .expired: try Self.context(authority.issue(name: "localhost", names: names, expired: true)),
            .wrongHost: try Self.context(
                authority.issue(name: "wrong.example.invalid", names: "DNS:wrong.example.invalid")
            ),
            .untrusted: try Self.context(stranger.issue(name: "localhost", names: names)),
            .selfSigned: try Self.context(stranger.issue(name: "localhost", names: names, signsItself: true)),
        ]
    }

    func context(for kind: CertificateKind) -> NIOSSLContext? { contexts[kind] }

    private static func context(_ credentials: Credentials) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: [.certificate(try NIOSSLCertificate(bytes: credentials.certificate, format: .der))],
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: credentials.key, format: .der))
        )
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        return try NIOSSLContext(configuration: configuration)
    }
}
