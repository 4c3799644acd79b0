import CLinux
import COpenSSL

/// A trust store's file as it is now: another one, or one that was written since, is not equal to it.
struct TrustFile: Equatable {
    private let path: String
    private let device: UInt
    private let inode: UInt
    private let size: Int
    private let seconds: Int
    private let nanoseconds: Int

    /// `caFile`: nil for the system's, found as libssl finds it. Nil when it cannot be looked at.
    init?(caFile: String?) {
        guard let path = caFile ?? Self.systemFile else { return nil }
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        self.path = path
        device = UInt(info.st_dev)
        inode = UInt(info.st_ino)
        size = Int(info.st_size)
        (seconds, nanoseconds) = (info.st_mtim.tv_sec, info.st_mtim.tv_nsec)
    }

    private static var systemFile: String? {
        if let variable = X509_get_default_cert_file_env(), let value = getenv(variable) {
            return String(cString: value)
        }
        return X509_get_default_cert_file().map { String(cString: $0) }
    }
}
