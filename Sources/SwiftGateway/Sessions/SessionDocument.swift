import GatewayProtocol
import GatewayTransport

/// The sessions of a bot as text: what the session file holds and what `exportSessions` gives.
///
/// `{"version":1,"bot":"…","total":N,"sessions":[{"shard":0,"session_id":"…","resume_gateway_url":"…","sequence":N}]}`
struct SessionDocument: Equatable {
    static let version: UInt64 = 1
    /// A session of a shard has about 200 bytes; Discord's largest bots have some thousand shards.
    static let sizeLimit = 64 << 20

    var fingerprint: String
    var total: UInt32
    var sessions: [UInt32: ResumableSession]

    func json() -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("version")
        writer.number(Self.version)
        writer.key("bot")
        writer.string(fingerprint)
        writer.key("total")
        writer.number(total)
        writer.key("sessions")
        writer.beginArray()
        for (shard, session) in sessions.sorted(by: { $0.key < $1.key }) {
            writer.beginObject()
            writer.key("shard")
            writer.number(shard)
            writer.key("session_id")
            writer.string(session.id)
            writer.key("resume_gateway_url")
            writer.string(session.resumeURL)
            writer.key("sequence")
            writer.number(session.sequence)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    /// Reads such a text. Throws `file` with what is wrong with it: no JSON, another version, another bot, or an
    /// impossible entry.
    static func parse(_ bytes: [UInt8], fingerprint: String) throws(GatewayError) -> SessionDocument {
        do throws(GatewayError) {
            guard bytes.count <= sizeLimit else { throw GatewayError(.file, "it is larger than \(sizeLimit) bytes") }
            let result = bytes.withUnsafeBytes { bytes in
                Result { () throws(GatewayError) in try parse(bytes, fingerprint: fingerprint) }
            }
            return try result.get()
        } catch {
            throw GatewayError(.file, "the stored sessions cannot be used: \(error.message)")
        }
    }

    private static func parse(
        _ bytes: UnsafeRawBufferPointer, fingerprint: String
    ) throws(GatewayError) -> SessionDocument {
        do throws(JSONSyntaxError) {
            try JSONCheck.validate(bytes)
        } catch {
            throw GatewayError(.file, "the text is not JSON: \(error.reason) at byte \(error.offset)")
        }
        guard let version = JSONField.uint64(bytes, "/version") else {
            throw GatewayError(.file, "there is no version")
        }
        guard version == Self.version else {
            throw GatewayError(.file, "version \(version) is unknown; this library writes version \(Self.version)")
        }
        guard let bot = JSONField.string(bytes, "/bot"), bot == fingerprint else {
            throw GatewayError(.file, "they belong to another bot's token")
        }
        guard let total = JSONField.uint64(bytes, "/total"), total > 0, let total = UInt32(exactly: total) else {
            throw GatewayError(.file, "the total number of shards is missing or impossible")
        }
        var document = SessionDocument(fingerprint: fingerprint, total: total, sessions: [:])
        guard let elements = JSONField.elements(bytes, "/sessions") else {
            throw GatewayError(.file, "the list of sessions is missing")
        }
        for element in elements {
            guard let shard = JSONField.uint64(element, "/shard"), shard < UInt64(total),
                let id = JSONField.string(element, "/session_id"), !id.isEmpty,
                let url = JSONField.string(element, "/resume_gateway_url"),
                let sequence = JSONField.uint64(element, "/sequence"), sequence < 1 << 48
            else { throw GatewayError(.file, "an entry is incomplete or impossible") }
            document.sessions[UInt32(shard)] = ResumableSession(id: id, resumeURL: url, sequence: sequence)
        }
        return document
    }

    /// Tells bots apart without telling the token: the first 8 bytes of its SHA-256, salted with this purpose, in hex.
    static func fingerprint(of token: String) -> String {
        let text = Array("swiftgateway sessions\n\(token)".utf8)
        let digest = Digest.sha256(text)
        let digits = Array("0123456789abcdef".utf8)
        var hex: [UInt8] = []
        for byte in digest.prefix(8) {
            hex.append(digits[Int(byte >> 4)])
            hex.append(digits[Int(byte & 15)])
        }
        return String(decoding: hex, as: UTF8.self)
    }
}
