/// The gateway's opcodes (`gateway.md` §5). Numbers that are not listed are ignored when received and never sent.
public enum Opcode: Int32, CaseIterable, Sendable {
    /// Server event; `t` names it, `s` orders it.
    case dispatch = 0
    /// Keep-alive with last seq; from the server it means "beat right now".
    case heartbeat = 1
    /// Open a new session.
    case identify = 2
    /// Change own status/activity.
    case presenceUpdate = 3
    /// Join, move or leave voice.
    case voiceStateUpdate = 4
    /// Continue an existing session.
    case resume = 6
    /// Drop this connection and resume elsewhere.
    case reconnect = 7
    /// Ask for members of one guild.
    case requestGuildMembers = 8
    /// `d` bool: may the session be resumed.
    case invalidSession = 9
    /// First frame; heartbeat interval.
    case hello = 10
    /// Answer to every heartbeat.
    case heartbeatAck = 11
    /// Ask for soundboard sounds of several guilds.
    case requestSoundboardSounds = 31
    /// Ask for ephemeral voice-channel data of one guild (documented April 2026).
    case requestChannelInfo = 43
}
