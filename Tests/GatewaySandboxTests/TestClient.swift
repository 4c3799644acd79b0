import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL
import NIOWebSocket
import Testing

@testable import GatewaySandbox

/// What a client gets to see.
enum ClientEvent: Sendable, Equatable {
    /// A gateway payload, decompressed.
    case payload(JSON)
    /// A complete message that is no payload yet, or no JSON.
    case undecodable([UInt8])
    /// A control frame: opcode and body.
    case control(UInt8, [UInt8])
    case closed(code: Int?, reason: String)
    case ended
}

/// What a client has received, control frames apart.
struct Counts: Sendable {
    var frames = 0
    var messages = 0
    /// Binary messages.
    var binary = 0
}

struct ClientFailure: Error, CustomStringConvertible {
    let description: String
}

/// A small gateway client on NIO's own websocket code, for the tests of the sandbox.
final class TestClient: Sendable {
    let channel: any Channel
    private let events: AsyncStream<ClientEvent>
    private let iterator: IteratorBox
    private let counts: NIOLockedValueBox<Counts>

    private final class IteratorBox: @unchecked Sendable {
        var iterator: AsyncStream<ClientEvent>.AsyncIterator
        init(_ iterator: AsyncStream<ClientEvent>.AsyncIterator) { self.iterator = iterator }
    }

    /// Connects and upgrades. A client lives for three minutes at most, so that a test that waits in vain ends.
    static func connect(
        _ url: String, caFile: String?, query: String = "?v=10&encoding=json", path: String = "/"
    ) async throws -> TestClient {
        guard let target = URL(string: url), let host = target.host, let port = target.port else {
            throw ClientFailure(description: "bad URL \(url)")
        }
        let (stream, continuation) = AsyncStream.makeStream(of: ClientEvent.self)
        let group = MultiThreadedEventLoopGroup.singleton
        let ready = group.next().makePromise(of: Void.self)
        let kind = query.split(separator: "=").last ?? ""
        let counts = NIOLockedValueBox(Counts())
        let tls = try caFile.map { file in
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.trustRoots = .file(file)
            return try NIOSSLContext(configuration: configuration)
        }
        let connecting = ClientBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls {
                        let name = host.contains(where: \.isLetter) ? host : nil
                        try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name))
                    }
                    let starter = UpgradeStarter(uri: path + query, ready: ready) {
                        try pipeline.addHandler(ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: 1 << 26)))
                        try pipeline.addHandler(WebSocketFrameEncoder())
                        try pipeline.addHandler(
                            FrameCollector(continuation: continuation, decoder: decoder(kind), counts: counts))
                    }
                    try pipeline.addHandler(starter)
                }
            }
            .connect(host: host, port: port)
        connecting.whenFailure { ready.fail($0) }
        let channel = try await connecting.get()
        channel.closeFuture.whenComplete { _ in
            ready.fail(ClientFailure(description: "connection ended before the upgrade"))
            continuation.yield(.ended)
            continuation.finish()
        }
        channel.eventLoop.scheduleTask(in: .minutes(3)) { channel.close(promise: nil) }
        try await ready.futureResult.get()
        return TestClient(channel: channel, events: stream, counts: counts)
    }

    private init(
        channel: any Channel, events: AsyncStream<ClientEvent>, counts: NIOLockedValueBox<Counts>
    ) {
        self.counts = counts
        self.channel = channel
        self.events = events
        iterator = IteratorBox(events.makeAsyncIterator())
    }

    /// Websocket frames and messages received, control frames apart.
    var received: Counts { counts.withLockedValue { $0 } }

    var binaryMessages: Int { received.binary }

    func next() async -> ClientEvent { await iterator.iterator.next() ?? .ended }

    /// The next payload; anything else is a failure.
    func payload() async throws -> JSON {
        let event = await next()
        guard case .payload(let json) = event else { throw ClientFailure(description: "expected a payload: \(event)") }
        return json
    }

    /// Payloads up to the first that matches, which comes last.
    func payloads(until matches: (JSON) -> Bool) async throws -> [JSON] {
        var all: [JSON] = []
        while true {
            all.append(try await payload())
            if let last = all.last, matches(last) { return all }
        }
    }

    /// Skips everything up to the close frame.
    func close() async -> (code: Int?, reason: String)? {
        while true {
            switch await next() {
            case .closed(let code, let reason): return (code, reason)
            case .ended: return nil
            default: continue
            }
        }
    }

    func send(_ text: String, mask: Bool = true, opcode: WebSocketOpcode = .text, fin: Bool = true) async throws {
        let buffer = ByteBuffer(string: text)
        let frame = WebSocketFrame(fin: fin, opcode: opcode, maskKey: mask ? .random() : nil, data: buffer)
        try await channel.writeAndFlush(frame)
    }

    func sendClose(_ code: Int) async throws {
        var buffer = ByteBuffer()
        buffer.writeInteger(UInt16(code))
        let frame = WebSocketFrame(fin: true, opcode: .connectionClose, maskKey: .random(), data: buffer)
        try await channel.writeAndFlush(frame)
    }

    func identify(
        _ sandbox: Sandbox, shard: [Int] = [0, 1], intents: Int = 1, extra: String = ""
    ) async throws {
        try await send(
            """
            {"op":2,"d":{"token":"\(sandbox.token)","intents":\(intents),"shard":\(shard),\
            "properties":{"os":"linux","browser":"test","device":"test"}\(extra)}}
            """
        )
    }

    func resume(_ sandbox: Sandbox, session: String, seq: Int64) async throws {
        try await send("{\"op\":6,\"d\":{\"token\":\"\(sandbox.token)\",\"session_id\":\"\(session)\",\"seq\":\(seq)}}")
    }

    /// Connects, identifies, and reads up to the last GUILD_CREATE.
    static func started(
        _ sandbox: Sandbox, query: String = "?v=10&encoding=json", shard: [Int] = [0, 1], intents: Int = 513
    ) async throws -> (client: TestClient, session: String) {
        let client = try await connect(sandbox.gatewayURL, caFile: sandbox.caFile, query: query)
        _ = try await client.payload()
        try await client.identify(sandbox, shard: shard, intents: intents)
        let ready = try await client.payload()
        let guilds = ready["d"]?["guilds"]?.array?.count ?? 0
        for _ in 0..<guilds { _ = try await client.payload() }
        guard let session = ready["d"]?["session_id"]?.string else { throw ClientFailure(description: "\(ready)") }
        return (client, session)
    }

    func drop() async throws { try await channel.close() }
}

/// Asks for the upgrade, and lets everything after the answer's head through to what `install` adds.
private final class UpgradeStarter: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let uri: String
    private let ready: EventLoopPromise<Void>
    private let install: () throws -> Void
    private var head: ByteBuffer? = ByteBuffer()

    init(uri: String, ready: EventLoopPromise<Void>, install: @escaping () throws -> Void) {
        self.uri = uri
        self.ready = ready
        self.install = install
    }

    func channelActive(context: ChannelHandlerContext) {
        let lines = [
            "GET \(uri) HTTP/1.1", "Host: 127.0.0.1", "User-Agent: DiscordBot (test, 1)", "Upgrade: websocket",
            "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "", "",
        ]
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: lines.joined(separator: "\r\n"))), promise: nil)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        guard var head else { return context.fireChannelRead(data) }
        head.writeBuffer(&bytes)
        self.head = head
        let text = String(buffer: head)
        guard let end = text.utf8.firstRange(of: "\r\n\r\n".utf8) else { return }
        self.head = nil
        guard text.hasPrefix("HTTP/1.1 101 "), text.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") else {
            return ready.fail(ClientFailure(description: text))
        }
        do {
            try install()
            ready.succeed(())
        } catch {
            ready.fail(error)
        }
        head.moveReaderIndex(forwardBy: text.utf8.distance(from: text.utf8.startIndex, to: end.upperBound))
        if head.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(head)) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        ready.fail(ClientFailure(description: "\(error)"))
        context.close(promise: nil)
    }
}

/// Joins frames to messages, messages to payloads.
private final class FrameCollector: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = WebSocketFrame
    private let continuation: AsyncStream<ClientEvent>.Continuation
    private let decoder: (any PayloadDecoder)?
    private var message: [UInt8] = []

    private let counts: NIOLockedValueBox<Counts>

    init(
        continuation: AsyncStream<ClientEvent>.Continuation, decoder: (any PayloadDecoder)?,
        counts: NIOLockedValueBox<Counts>
    ) {
        self.counts = counts
        self.continuation = continuation
        self.decoder = decoder
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        let body = Array(frame.data.readableBytesView)
        switch frame.opcode {
        case .connectionClose:
            let code = body.count >= 2 ? Int(body[0]) << 8 | Int(body[1]) : nil
            continuation.yield(.closed(code: code, reason: String(decoding: body.dropFirst(2), as: UTF8.self)))
        case .ping, .pong: continuation.yield(.control(frame.opcode == .ping ? 9 : 10, body))
        default:
            message += body
            counts.withLockedValue {
                $0.frames += 1
                if frame.fin { $0.messages += 1 }
                if frame.opcode == .binary { $0.binary += 1 }
            }
            guard frame.fin else { return }
            // A binary message without transport compression is a zlib stream of its own.
            if let decoder = decoder ?? (frame.opcode == .binary ? Inflater(isWhole: true) : nil) {
                guard let text = decoder.decode(message) else { return give(message, isText: false) }
                message = []
                if let text = text.payload { give(text, isText: true) }
            } else {
                give(message, isText: true)
            }
        }
    }

    private func give(_ bytes: [UInt8], isText: Bool) {
        message = []
        if isText, let json = try? JSON(parsing: bytes) {
            continuation.yield(.payload(json))
        } else {
            continuation.yield(.undecodable(bytes))
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
