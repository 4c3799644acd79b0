/// Where events go. One of them: the handler that was set last.
enum EventSink: Sendable {
    /// Events are counted and thrown away.
    case none
    case each(EventReceiver)
    /// Queued delivery only.
    case batches(EventBatchHandler)
    /// Queued delivery only: the queues have no thread, the consumer of the channel empties them.
    case stream(EventChannel)

    /// Whom inline delivery calls.
    var receiver: EventReceiver { if case .each(let receiver) = self { receiver } else { .none } }
}
