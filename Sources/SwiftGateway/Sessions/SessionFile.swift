import CLinux
import GatewayProtocol
import GatewayTransport

/// A file that is replaced whole: written beside itself and renamed, so that a reader, or a process that dies, sees the
/// old text or the new one and never half of either.
struct SessionFile: SessionStoring {
    let path: String

    func load() throws(GatewayError) -> [UInt8]? { try read() }

    func save(_ json: [UInt8], isLast: Bool) throws(GatewayError) { try write(json, synced: isLast) }

    /// The file's bytes, or nil when there is none. Throws `file`.
    func read() throws(GatewayError) -> [UInt8]? {
        let fd = clinux_open(path, O_RDONLY | O_CLOEXEC, 0)
        guard fd >= 0 else {
            let code = clinux_errno()
            if code == ENOENT { return nil }
            throw error("read", code)
        }
        defer { close(fd) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = CLinux.read(fd, &chunk, chunk.count)
            if count < 0 {
                if clinux_errno() == EINTR { continue }
                throw error("read", clinux_errno())
            }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= SessionDocument.sizeLimit else {
                throw GatewayError(.file, "the session file \(path) is too large to be one")
            }
        }
    }

    /// Replaces the file. Readable by its owner only: a session id lets its holder listen in. Throws `file`.
    func write(_ bytes: [UInt8], synced: Bool) throws(GatewayError) {
        let temporary = "\(path).tmp"
        // What a process that died left behind, or somebody else put there, gives neither its rights nor its target.
        unlink(temporary)
        let fd = clinux_open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard fd >= 0 else { throw error("write", clinux_errno()) }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                CLinux.write(fd, UnsafeRawBufferPointer(rebasing: $0[written...]).baseAddress, bytes.count - written)
            }
            if count < 0 {
                let code = clinux_errno()
                if code == EINTR { continue }
                close(fd)
                unlink(temporary)
                throw error("write", code)
            }
            written += count
        }
        // A crash of the process needs no sync; a power cut between two of the frequent writes may cost the sessions.
        if synced { fsync(fd) }
        close(fd)
        guard rename(temporary, path) == 0 else {
            let code = clinux_errno()
            unlink(temporary)
            throw error("write", code)
        }
    }

    private func error(_ verb: String, _ code: Int32) -> GatewayError {
        GatewayError(
            .file,
            "the session file \(path) could not be \(verb == "read" ? "read" : "written"): \(systemMessage(code))")
    }
}
