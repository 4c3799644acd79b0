/// Whom events are handed to, one at a time. A class instead of the closure alone, because a call of its method costs
/// neither a retain nor a release. Open for the C API's module only.
@_spi(Bindings) open class EventReceiver: @unchecked Sendable {
    public init() {}

    /// Takes an event, which is valid until this returns. Any thread that delivers.
    open func receive(_ event: EventView) {}

    /// Throws events away.
    static let none = EventReceiver()
}

/// Hands events to a closure.
final class HandlerReceiver: EventReceiver, @unchecked Sendable {
    private let handler: EventHandler

    init(_ handler: @escaping EventHandler) {
        self.handler = handler
        super.init()
    }

    override func receive(_ event: EventView) { handler(event) }
}
