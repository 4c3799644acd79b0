import CLinux

/// Something with a file descriptor in an event loop. A base class rather than a protocol: one plain virtual call per
/// wakeup.
package class Pollable {
    package init() {}

    /// The descriptor is ready; `events` are epoll's bits.
    package func ready(_ events: UInt32) {}
}

/// Where a descriptor is registered. The generation makes an event that was already fetched when its registration went
/// away harmless.
package struct Registration: Equatable, Sendable {
    let index: UInt32
    let generation: UInt32
    package let fd: Int32
}

/// epoll's bits as Swift values.
package enum PollEvents {
    package static let read = EPOLLIN.rawValue
    package static let write = EPOLLOUT.rawValue
    package static let peerClosed = EPOLLRDHUP.rawValue
    package static let gone = EPOLLERR.rawValue | EPOLLHUP.rawValue
}
