extension FaultReader {
    /// The fault itself, with the members that belong to it.
    mutating func fault() throws(FaultSyntaxError) -> Fault {
        let name = try text("fault")
        switch name {
        case "drop": return .drop(reset: try flag("reset", default: true))
        case "half-open": return .halfOpen
        case "stop-reading": return .stopReading
        case "close": return .close(code: try optionalInteger("code"), reason: try text("reason", default: ""))
        case "silence": return .silence
        case "reconnect": return .reconnect
        case "invalid-session": return .invalidSession(resumable: try flag("resumable", default: false))
        case "request-heartbeat": return .requestHeartbeat
        case "acks": return .acknowledge(try flag("on", default: false))
        case "delay-acks": return .delayAcks(try seconds("seconds"))
        case "forget-session": return .forgetSession
        case "delay": return .delay(try seconds("seconds"))
        case "split": return .split(bytes: try integer("bytes"))
        case "fragment": return .fragment(bytes: try integer("bytes"))
        case "drip":
            return .drip(
                bytes: try integer("bytes", default: 1), every: try seconds("pause", default: .milliseconds(10)))
        case "corrupt-compression": return .corruptCompression
        case "corrupt-json": return .corruptJSON
        case "duplicate": return .duplicateDispatch
        case "unknown-opcode": return .unknownOpcode
        case "unknown-event": return .unknownEvent
        case "odd-dispatches": return .oddDispatches
        case "reordered": return .reorderedDispatch
        case "huge-dispatch": return .hugeDispatch(bytes: try integer("bytes", default: 8 << 20))
        case "huge-ready": return .hugeReady(bytes: try integer("bytes", default: 8 << 20))
        case "sequence-gap": return .sequenceGap(try integer("count", default: 1))
        case "bomb": return .bomb(megabytes: try integer("megabytes", default: 128))
        default: return try wireFault(name)
        }
    }

    private mutating func wireFault(_ name: String) throws(FaultSyntaxError) -> Fault {
        switch name {
        case "raw": return .raw(try bytes("hex"))
        case "raw-tcp": return .rawTCP(try bytes("hex"))
        case "frame":
            let text = try text("text", default: "")
            let hex = try bytes("hex")
            return .frame(
                RawFrame(
                    opcode: UInt8(truncatingIfNeeded: try integer("opcode", default: 1) & 15),
                    isFinal: try flag("final", default: true),
                    reserved: UInt8(truncatingIfNeeded: try integer("reserved", default: 0) & 7),
                    isMasked: try flag("masked", default: false), payload: hex.isEmpty ? Array(text.utf8) : hex,
                    claimedLength: try optionalInteger("length").map { UInt64(max(0, $0)) }
                )
            )
        case "reserved-bits": return .reservedBits
        case "reserved-opcode": return .reservedOpcode
        case "masked-frame": return .maskedFrame
        case "invalid-utf8": return .invalidUTF8
        case "unsolicited-binary": return .unsolicitedBinary
        case "plain-text": return .plainText
        case "ping": return .ping
        case "unsolicited-pong": return .unsolicitedPong
        case "oversize-control": return .oversizeControl
        case "fragmented-control": return .fragmentedControl
        case "orphan-continuation": return .orphanContinuation
        case "short-close": return .shortClose
        case "oversize-frame":
            return .oversizeFrame(length: UInt64(try integer("length", default: 1 << 62)))
        case "refuse": return .refuse
        case "hang": return .acceptThenHang
        case "certificate":
            guard let kind = try choice("kind", CertificateKind.self) else {
                throw FaultSyntaxError(description: "kind is missing")
            }
            return .certificate(kind)
        case "answer-upgrade": return .answerUpgrade(try answer(status: 503))
        case "wrong-accept-key": return .wrongAcceptKey
        case "answer-rest": return .answerREST(try answer(status: 500))
        default: throw FaultSyntaxError(description: "unknown fault \"\(name)\"")
        }
    }
}

extension FaultOrder {
    /// One line for each fault that can be named, with its keys.
    public static let reference = """
        Faults, by name, with their keys and defaults:
          drop[,reset=true]           end TCP without a close frame: RST, or FIN
          half-open                   stop reading and writing, keep TCP
          stop-reading                stop reading
          close[,code=C][,reason=R]   close frame; without a code if none is given
          reconnect                   op 7
          invalid-session[,resumable=false]
                                      op 9; false forgets the session
          request-heartbeat           op 1
          acks,on=false               no more op 11; on=true: again
          delay-acks,seconds=S        op 11 later
          forget-session              lose the session silently
          delay,seconds=S             write everything later
          split,bytes=N               zlib payloads over several messages; 0 ends it
          fragment,bytes=N            messages over several frames; 0 ends it
          drip[,bytes=1][,pause=0.01] few bytes at a time; bytes=0 ends it
          corrupt-compression         a message that does not inflate
          corrupt-json                a payload that is no JSON
          duplicate                   the newest dispatch again
          unknown-opcode              op 99
          unknown-event               a dispatch with an unknown name
          odd-dispatches              d as array, null, string, number; no s
          reordered                   keys in another order, d full of look-alikes
          huge-dispatch[,bytes=N]     a large dispatch, 8 MB by default
          huge-ready[,bytes=N]        large READYs from now on; 0 ends it
          sequence-gap[,count=1]      skip sequences
          bomb[,megabytes=128]        a short message that inflates to so much
          frame[,opcode=1][,final=true][,reserved=0][,masked=false][,length=N]
               [,text=T|,hex=H]       any websocket frame
          reserved-bits, reserved-opcode, masked-frame, invalid-utf8,
          unsolicited-binary, plain-text, ping, unsolicited-pong, oversize-control,
          fragmented-control, orphan-continuation, short-close,
          oversize-frame[,length=N]   frames that break RFC 6455, or nearly
          raw,hex=H                   bytes inside TLS
          raw-tcp,hex=H               bytes below TLS

        Faults of new connections; they last until cleared, or `times` times:
          refuse                      close the port
          hang                        accept and say nothing
          drop,at=accept              accept and drop
          certificate,kind=K          valid, expired, wrong-host, untrusted,
                                      self-signed
          answer-upgrade[,status=503][,body=B][,retry-after=S][,location=URL]
                                      an HTTP answer instead of 101
          wrong-accept-key            101 with a wrong key
          silence[,at=hello]          nothing where an answer is due: at=upgrade,
                                      hello, identify, resume
          answer-rest[,status=500][,body=B][,retry-after=S][,content-type=T]
                                      for /gateway and /gateway/bot

        Keys for all:
          shard=N           only that shard's connection
          endpoint=E        only connections to the main or the resume address
          at=MOMENT         now; accept; upgrade; hello, identify, resume: in place
                            of that answer; started: after READY and the guilds or
                            RESUMED; rest
          times=N           how often; without it until cleared
          after=S, every=S  seconds to wait first, and between repetitions
        """
}
