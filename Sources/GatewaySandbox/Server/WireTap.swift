import NIOCore
import NIOPosix

/// A handler at one level of a connection's pipeline, through which bytes can be written below everything above it.
///
/// One sits at the socket (below TLS), one just above TLS. The lower one can also freeze the connection and end it
/// without ceremony.
final class WireTap: ChannelDuplexHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var context: ChannelHandlerContext?
    /// Nothing passes in either direction.
    var isFrozen = false

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !isFrozen { context.fireChannelRead(data) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if isFrozen { promise?.succeed(()) } else { context.write(data, promise: promise) }
    }

    func read(context: ChannelHandlerContext) {
        if !isFrozen { context.read() }
    }

    /// Writes at this level.
    func send(_ bytes: ByteBuffer) {
        guard !isFrozen, let context else { return }
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }

    /// Ends the TCP connection at this level: no TLS close_notify, what is not written yet is lost.
    /// - Parameter reset: RST instead of FIN.
    func end(reset: Bool) {
        guard let context else { return }
        if reset { Self.armReset(context.channel) }
        context.close(promise: nil)
    }

    /// Makes the next close of the socket an RST.
    static func armReset(_ channel: any Channel) {
        (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenFailure { _ in }
    }
}
