import CLinux
import CSwiftGateway
import SwiftGateway

/// The calling thread's last failure, as a C string that lives until the thread's next failure or end.
enum LastError {
    private static let key: pthread_key_t? = {
        var key = pthread_key_t()
        guard pthread_key_create(&key, { free($0) }) == 0 else { return nil }
        return key
    }()

    private static let none: StaticString = "no error"

    static var text: UnsafePointer<CChar> {
        if let key, let stored = pthread_getspecific(key) {
            return UnsafePointer(stored.assumingMemoryBound(to: CChar.self))
        }
        return cString(none)
    }

    static func set(_ message: String) {
        guard let key else { return }
        let copy = strdup(message)
        let before = pthread_getspecific(key)
        if pthread_setspecific(key, copy) == 0 { free(before) } else { free(copy) }
    }
}

/// A literal as a C string: its bytes are static and end in NUL.
func cString(_ text: StaticString) -> UnsafePointer<CChar> {
    UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}

/// Runs the body of an exported function: what it throws becomes the status and the thread's last error.
func reporting(_ body: () throws(GatewayError) -> Void) -> sg_status {
    do throws(GatewayError) {
        try body()
        return SG_OK
    } catch {
        LastError.set(error.message)
        return sg_status(rawValue: error.status.rawValue)
    }
}

extension GatewayError {
    static func invalid(_ message: String) -> GatewayError { GatewayError(.invalidArgument, message) }
}
