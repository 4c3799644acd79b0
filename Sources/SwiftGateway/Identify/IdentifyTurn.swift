import GatewayTransport

/// One wish of one shard to identify: waits for the budget first, then in the queue. Confined to the shard's loop, so
/// that the queue hears of it in order.
final class IdentifyTurn: @unchecked Sendable {
    private enum Stage {
        case held
        case queued
        case granted
        case over
    }

    let permit: IdentifyPermit
    let loop: EventLoop
    private let desk: IdentifyDesk
    private let onGrant: () -> Void
    private var stage = Stage.held

    init(permit: IdentifyPermit, loop: EventLoop, desk: IdentifyDesk, onGrant: @escaping () -> Void) {
        self.permit = permit
        self.loop = loop
        self.desk = desk
        self.onGrant = onGrant
    }

    /// The budget lets it through to the queue.
    func pass() {
        guard stage == .held else { return }
        stage = .queued
        PermitTable.add(permit.number) { [self] in loop.post { [self] in granted() } }
        desk.queue.request(permit)
    }

    private func granted() {
        guard stage == .queued else { return }
        stage = .granted
        onGrant()
    }

    /// The shard's connection ended, or it cannot use the grant.
    func cancel() {
        switch stage {
        case .over: return
        case .held: break
        case .queued, .granted:
            PermitTable.remove(permit.number)
            desk.queue.cancel(permit)
        }
        stage = .over
        desk.ended(self, sent: false)
    }

    /// The IDENTIFY is on its way.
    func sent() {
        guard stage == .granted else { return }
        stage = .over
        desk.queue.sent(permit)
        desk.ended(self, sent: true)
    }
}
