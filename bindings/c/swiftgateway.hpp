/// \file
/// The C++ face of SwiftGateway: swiftgateway.h with owners, handlers and types. One header, C++17, nothing to link but
/// the library itself.
///
///     swiftgateway::Config config(std::getenv("DISCORD_TOKEN"), Intent::Guilds | Intent::GuildMessages);
///     config.on(Dispatch::MessageCreate, [](const Event &event) {
///         std::cout << event.as_string("/content").value_or("") << '\n';
///     });
///     swiftgateway::Cluster cluster(config);
///     cluster.start();
///     cluster.wait();
///
/// Errors    Every call that can fail ends in a parameter `std::error_code &ec`. Left out, a failure throws
///           swiftgateway::Error, whose what() is the library's sentence and whose code() the Status. Given, nothing is
///           thrown: ec says how it went, last_error() has the sentence, and the returned value is empty. With
///           SWIFTGATEWAY_NO_EXCEPTIONS, set by itself when the compiler's exceptions are off, ec is always given.
/// Handlers  Any callable, kept by the Config and by each Cluster or Shard made from it. An exception that leaves one
///           never reaches the library. on_exception() sets who hears of it, and the connections go on; without that
///           it stops the cluster, so that its session can be resumed, and comes out of wait(), wait_ready() or
///           shutdown(). The event it was thrown at counts as handled. Without exceptions a handler must not throw.
/// Owners    Config, Cluster and Shard own what they stand for, move and do not copy. An empty one, moved from or
///           never made, is refused by the library with Status::InvalidArgument. A Cluster that is destroyed shuts down
///           resumable; inside a handler, where that cannot be waited for, a thread of its own does it.
/// Texts     Going in where NUL-terminated text is needed: a C string, or a std::string, which is refused when it has a
///           NUL inside. std::string_view everywhere else. Coming out: std::string, or a std::string_view into an
///           event, valid as long as the event.
/// Time      std::chrono. Below zero is no time for a timeout and refused for a setting.
///
/// What a function does, its limits and errors are said at its namesake in swiftgateway.h; here only what differs.
#ifndef SWIFTGATEWAY_HPP
#define SWIFTGATEWAY_HPP

#include <swiftgateway.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#if !defined(SWIFTGATEWAY_NO_EXCEPTIONS) && !defined(__cpp_exceptions)
#define SWIFTGATEWAY_NO_EXCEPTIONS
#endif

// The last parameter of every call that can fail; and defaults before it, which C++ allows only when it has one too.
#ifdef SWIFTGATEWAY_NO_EXCEPTIONS
#define SWIFTGATEWAY_EC std::error_code &ec
#define SWIFTGATEWAY_DEFAULT(value)
#else
#define SWIFTGATEWAY_EC std::error_code &ec = throws()
#define SWIFTGATEWAY_DEFAULT(value) = value
#endif

/// Everything of the C++ face.
namespace swiftgateway {

// Two translation units of one program may choose differently: their inline functions then have different names.
#ifdef SWIFTGATEWAY_NO_EXCEPTIONS
inline namespace without_exceptions {
#else
inline namespace with_exceptions {
#endif

// ----------------------------------------------------------------------------------------------------------- Enums

/// sg_status: what a call came to. Fits into a std::error_code.
enum class Status : std::uint32_t {
    Ok = SG_OK,                                     ///< It worked.
    InvalidArgument = SG_ERROR_INVALID_ARGUMENT,    ///< An argument that can never be right.
    InvalidState = SG_ERROR_INVALID_STATE,          ///< Not now: the object's state forbids the call.
    NotFound = SG_ERROR_NOT_FOUND,                  ///< No such shard, or no such value in an event.
    PayloadTooLarge = SG_ERROR_PAYLOAD_TOO_LARGE,   ///< An outgoing payload of more than 4096 bytes.
    QueueFull = SG_ERROR_QUEUE_FULL,                ///< Too many commands wait to be sent.
    Timeout = SG_ERROR_TIMEOUT,                     ///< The given time passed.
    Cancelled = SG_ERROR_CANCELLED,                 ///< Shut down while the call waited.
    WouldDeadlock = SG_ERROR_WOULD_DEADLOCK,        ///< The call waits for handlers and came from inside one.
    BufferTooSmall = SG_ERROR_BUFFER_TOO_SMALL,     ///< Text that does not fit; not seen through this header.
    Network = SG_ERROR_NETWORK,                     ///< Name resolution, connect, or the connection broke.
    Tls = SG_ERROR_TLS,                             ///< Handshake refused, or an untrusted certificate.
    Http = SG_ERROR_HTTP,                           ///< An unexpected HTTP status or body.
    Unauthorized = SG_ERROR_UNAUTHORIZED,           ///< The token was refused.
    RateLimited = SG_ERROR_RATE_LIMITED,            ///< HTTP 429, close code 4008, or a RATE_LIMITED answer.
    SessionLimit = SG_ERROR_SESSION_LIMIT,          ///< Fewer identifies left today than shards to start.
    GatewayClosed = SG_ERROR_GATEWAY_CLOSED,        ///< The gateway closed the connection; the code says why.
    Protocol = SG_ERROR_PROTOCOL,                   ///< The peer broke the protocol.
    File = SG_ERROR_FILE,                           ///< A file could not be read, written or understood.
    Unsupported = SG_ERROR_UNSUPPORTED,             ///< Not available here.
    Internal = SG_ERROR_INTERNAL                    ///< A defect of the library, or no memory.
};

/// sg_intent: what the gateway is asked to send. A bit mask: joined with |.
enum class Intent : std::uint64_t {
    None = 0,                                                ///< Only what is sent without being asked for.
    Guilds = SG_INTENT_GUILDS,                               ///< Guilds, roles, channels, threads, stages.
    GuildMembers = SG_INTENT_GUILD_MEMBERS,                  ///< Members; privileged.
    GuildModeration = SG_INTENT_GUILD_MODERATION,            ///< The audit log and bans.
    GuildExpressions = SG_INTENT_GUILD_EXPRESSIONS,          ///< Emojis, stickers, soundboard sounds.
    GuildIntegrations = SG_INTENT_GUILD_INTEGRATIONS,        ///< Integrations.
    GuildWebhooks = SG_INTENT_GUILD_WEBHOOKS,                ///< Webhooks.
    GuildInvites = SG_INTENT_GUILD_INVITES,                  ///< Invites.
    GuildVoiceStates = SG_INTENT_GUILD_VOICE_STATES,         ///< Who is in which voice channel.
    GuildPresences = SG_INTENT_GUILD_PRESENCES,              ///< Presences; privileged.
    GuildMessages = SG_INTENT_GUILD_MESSAGES,                ///< Messages in guilds.
    GuildMessageReactions = SG_INTENT_GUILD_MESSAGE_REACTIONS, ///< Reactions in guilds.
    GuildMessageTyping = SG_INTENT_GUILD_MESSAGE_TYPING,     ///< Typing in guilds.
    DirectMessages = SG_INTENT_DIRECT_MESSAGES,              ///< Direct messages.
    DirectMessageReactions = SG_INTENT_DIRECT_MESSAGE_REACTIONS, ///< Reactions to direct messages.
    DirectMessageTyping = SG_INTENT_DIRECT_MESSAGE_TYPING,   ///< Typing in direct messages.
    MessageContent = SG_INTENT_MESSAGE_CONTENT,              ///< What messages say; privileged.
    GuildScheduledEvents = SG_INTENT_GUILD_SCHEDULED_EVENTS, ///< Scheduled events.
    AutoModerationConfiguration = SG_INTENT_AUTO_MODERATION_CONFIGURATION, ///< Rules of auto moderation.
    AutoModerationExecution = SG_INTENT_AUTO_MODERATION_EXECUTION, ///< What these rules did.
    GuildMessagePolls = SG_INTENT_GUILD_MESSAGE_POLLS,       ///< Votes in guilds.
    DirectMessagePolls = SG_INTENT_DIRECT_MESSAGE_POLLS,     ///< Votes in direct messages.
    All = SG_INTENTS_ALL,                                    ///< Every documented intent.
    Unprivileged = SG_INTENTS_UNPRIVILEGED,                  ///< Every documented intent that needs no approval.
    Privileged = SG_INTENTS_PRIVILEGED                       ///< Those to switch on in the developer portal.
};

/// sg_compression: transport compression, server to client.
enum class Compression : std::uint32_t {
    None = SG_COMPRESSION_NONE, ///< Plain text.
    Zlib = SG_COMPRESSION_ZLIB, ///< Least memory; the default.
    Zstd = SG_COMPRESSION_ZSTD  ///< Least CPU; needs libzstd.so.1 at run time.
};

/// sg_inflate_backend: what inflates zlib-stream.
enum class InflateBackend : std::uint32_t {
    Auto = SG_INFLATE_AUTO,     ///< zlib-ng where it is installed, zlib otherwise; the default.
    Zlib = SG_INFLATE_ZLIB,     ///< The zlib that the library is linked with.
    ZlibNg = SG_INFLATE_ZLIB_NG ///< zlib-ng: less CPU; needs libz-ng.so.2 at run time.
};

/// sg_delivery: on which thread the event handler is called.
enum class Delivery : std::uint32_t {
    Queued = SG_DELIVERY_QUEUED, ///< On a delivery thread, from a bounded queue.
    Inline = SG_DELIVERY_INLINE  ///< On the connection's own thread: for handlers that return at once.
};

/// sg_zombie_policy: what to do when a heartbeat was not acknowledged by the time of the next one.
enum class ZombiePolicy : std::uint32_t {
    Grace = SG_ZOMBIE_GRACE,  ///< One interval more while data still flows; the default.
    Strict = SG_ZOMBIE_STRICT ///< Reconnect at once.
};

/// sg_shutdown_mode: how to leave.
enum class ShutdownMode : std::uint32_t {
    Final = SG_SHUTDOWN_FINAL,        ///< The bot goes offline at once, the session is over.
    Resumable = SG_SHUTDOWN_RESUMABLE ///< The session is kept and can be resumed for some minutes.
};

/// sg_restart_mode: how to restart one shard.
enum class RestartMode : std::uint32_t {
    Identify = SG_RESTART_IDENTIFY, ///< A new session.
    Resume = SG_RESTART_RESUME      ///< The same session on a new connection.
};

/// sg_log_level: levels of the log.
enum class LogLevel : std::uint32_t {
    Trace = SG_LOG_TRACE,     ///< Every frame's opcode and size.
    Debug = SG_LOG_DEBUG,     ///< Decisions of the engine.
    Info = SG_LOG_INFO,       ///< Life cycle.
    Warning = SG_LOG_WARNING, ///< Something failed and is retried.
    Error = SG_LOG_ERROR,     ///< A shard is fatal, or a file was refused.
    Off = SG_LOG_OFF          ///< As a minimum: nothing.
};

/// sg_event_kind: what an event is.
enum class EventKind : std::uint32_t {
    Dispatch = SG_EVENT_DISPATCH, ///< An event of Discord: type(), name(), sequence(), data().
    State = SG_EVENT_STATE,       ///< The shard changed: state(), code(), value().
    Closed = SG_EVENT_CLOSED,     ///< The connection ended: code(), data() is the reason, state() what follows.
    Latency = SG_EVENT_LATENCY,   ///< A heartbeat was acknowledged: value() is the round trip.
    Error = SG_EVENT_ERROR,       ///< Something failed: status(), and data() is a sentence.
    Payload = SG_EVENT_PAYLOAD    ///< Every payload received, before it is handled; opt-in.
};

/// Which kinds to deliver. A bit mask: joined with |.
enum class EventKinds : std::uint32_t {
    None = 0,                            ///< No event at all.
    Dispatch = 1u << SG_EVENT_DISPATCH,  ///< EventKind::Dispatch.
    State = 1u << SG_EVENT_STATE,        ///< EventKind::State.
    Closed = 1u << SG_EVENT_CLOSED,      ///< EventKind::Closed.
    Latency = 1u << SG_EVENT_LATENCY,    ///< EventKind::Latency.
    Error = 1u << SG_EVENT_ERROR,        ///< EventKind::Error.
    Payload = 1u << SG_EVENT_PAYLOAD,    ///< EventKind::Payload.
    Default = SG_EVENT_KINDS_DEFAULT,    ///< All but EventKind::Payload.
    All = SG_EVENT_KINDS_ALL             ///< All.
};

/// sg_shard_state: the life of a shard.
enum class ShardState : std::uint32_t {
    Idle = SG_SHARD_IDLE,                          ///< Not started.
    Connecting = SG_SHARD_CONNECTING,              ///< Resolving, TCP, TLS, websocket upgrade.
    AwaitingHello = SG_SHARD_AWAITING_HELLO,       ///< Connected; the gateway speaks first.
    AwaitingIdentify = SG_SHARD_AWAITING_IDENTIFY, ///< Waiting for the turn to identify.
    Identifying = SG_SHARD_IDENTIFYING,            ///< IDENTIFY sent; waiting for READY.
    Resuming = SG_SHARD_RESUMING,                  ///< RESUME sent; missed events arrive, then RESUMED.
    Active = SG_SHARD_ACTIVE,                      ///< READY or RESUMED received.
    Backoff = SG_SHARD_BACKOFF,                    ///< Waiting before the next attempt.
    Closing = SG_SHARD_CLOSING,                    ///< Leaving; waiting for the peer's close frame.
    Stopped = SG_SHARD_STOPPED,                    ///< Shut down by its owner.
    Fatal = SG_SHARD_FATAL                         ///< Stopped by an error that would repeat.
};

/// sg_dispatch: the names of Discord's events. Any other number may occur as well, from a newer library.
enum class Dispatch : std::uint32_t {
    /// A name that the library in use does not know.
    Unknown = SG_DISPATCH_UNKNOWN,
    /// The session begins: who the bot is, its guilds' ids, the session id.
    Ready = SG_DISPATCH_READY,
    /// The missed events have been replayed.
    Resumed = SG_DISPATCH_RESUMED,
    /// A command came too soon; the data says which and when again.
    RateLimited = SG_DISPATCH_RATE_LIMITED,
    /// Who may use a command changed.
    ApplicationCommandPermissionsUpdate = SG_DISPATCH_APPLICATION_COMMAND_PERMISSIONS_UPDATE,
    /// A rule was made.
    AutoModerationRuleCreate = SG_DISPATCH_AUTO_MODERATION_RULE_CREATE,
    /// A rule changed.
    AutoModerationRuleUpdate = SG_DISPATCH_AUTO_MODERATION_RULE_UPDATE,
    /// A rule was deleted.
    AutoModerationRuleDelete = SG_DISPATCH_AUTO_MODERATION_RULE_DELETE,
    /// A rule acted.
    AutoModerationActionExecution = SG_DISPATCH_AUTO_MODERATION_ACTION_EXECUTION,
    /// A channel was made.
    ChannelCreate = SG_DISPATCH_CHANNEL_CREATE,
    /// A channel changed.
    ChannelUpdate = SG_DISPATCH_CHANNEL_UPDATE,
    /// A channel was deleted.
    ChannelDelete = SG_DISPATCH_CHANNEL_DELETE,
    /// The answer to op 43.
    ChannelInfo = SG_DISPATCH_CHANNEL_INFO,
    /// A message was pinned or unpinned.
    ChannelPinsUpdate = SG_DISPATCH_CHANNEL_PINS_UPDATE,
    /// A voice channel's status text changed.
    VoiceChannelStatusUpdate = SG_DISPATCH_VOICE_CHANNEL_STATUS_UPDATE,
    /// When a voice channel's call began changed.
    VoiceChannelStartTimeUpdate = SG_DISPATCH_VOICE_CHANNEL_START_TIME_UPDATE,
    /// A thread was made, or the bot was added to one.
    ThreadCreate = SG_DISPATCH_THREAD_CREATE,
    /// A thread changed.
    ThreadUpdate = SG_DISPATCH_THREAD_UPDATE,
    /// A thread was deleted.
    ThreadDelete = SG_DISPATCH_THREAD_DELETE,
    /// The active threads of channels the bot gained access to.
    ThreadListSync = SG_DISPATCH_THREAD_LIST_SYNC,
    /// The bot's own membership of a thread changed.
    ThreadMemberUpdate = SG_DISPATCH_THREAD_MEMBER_UPDATE,
    /// Members joined or left a thread.
    ThreadMembersUpdate = SG_DISPATCH_THREAD_MEMBERS_UPDATE,
    /// A user gained an entitlement.
    EntitlementCreate = SG_DISPATCH_ENTITLEMENT_CREATE,
    /// An entitlement changed or was renewed.
    EntitlementUpdate = SG_DISPATCH_ENTITLEMENT_UPDATE,
    /// An entitlement was deleted.
    EntitlementDelete = SG_DISPATCH_ENTITLEMENT_DELETE,
    /// A guild, whole: after READY, after an outage, or newly joined.
    GuildCreate = SG_DISPATCH_GUILD_CREATE,
    /// A guild's settings changed.
    GuildUpdate = SG_DISPATCH_GUILD_UPDATE,
    /// A guild is unavailable, or the bot left it.
    GuildDelete = SG_DISPATCH_GUILD_DELETE,
    /// The audit log has a new entry.
    GuildAuditLogEntryCreate = SG_DISPATCH_GUILD_AUDIT_LOG_ENTRY_CREATE,
    /// A user was banned.
    GuildBanAdd = SG_DISPATCH_GUILD_BAN_ADD,
    /// A ban was lifted.
    GuildBanRemove = SG_DISPATCH_GUILD_BAN_REMOVE,
    /// A guild's emojis changed.
    GuildEmojisUpdate = SG_DISPATCH_GUILD_EMOJIS_UPDATE,
    /// A guild's stickers changed.
    GuildStickersUpdate = SG_DISPATCH_GUILD_STICKERS_UPDATE,
    /// A guild's integrations changed.
    GuildIntegrationsUpdate = SG_DISPATCH_GUILD_INTEGRATIONS_UPDATE,
    /// A user joined a guild.
    GuildMemberAdd = SG_DISPATCH_GUILD_MEMBER_ADD,
    /// A user left a guild or was removed.
    GuildMemberRemove = SG_DISPATCH_GUILD_MEMBER_REMOVE,
    /// A member changed.
    GuildMemberUpdate = SG_DISPATCH_GUILD_MEMBER_UPDATE,
    /// A part of the answer to op 8.
    GuildMembersChunk = SG_DISPATCH_GUILD_MEMBERS_CHUNK,
    /// A role was made.
    GuildRoleCreate = SG_DISPATCH_GUILD_ROLE_CREATE,
    /// A role changed.
    GuildRoleUpdate = SG_DISPATCH_GUILD_ROLE_UPDATE,
    /// A role was deleted.
    GuildRoleDelete = SG_DISPATCH_GUILD_ROLE_DELETE,
    /// A scheduled event was made.
    GuildScheduledEventCreate = SG_DISPATCH_GUILD_SCHEDULED_EVENT_CREATE,
    /// A scheduled event changed.
    GuildScheduledEventUpdate = SG_DISPATCH_GUILD_SCHEDULED_EVENT_UPDATE,
    /// A scheduled event was deleted.
    GuildScheduledEventDelete = SG_DISPATCH_GUILD_SCHEDULED_EVENT_DELETE,
    /// A user is interested in a scheduled event.
    GuildScheduledEventUserAdd = SG_DISPATCH_GUILD_SCHEDULED_EVENT_USER_ADD,
    /// A user is no longer interested in one.
    GuildScheduledEventUserRemove = SG_DISPATCH_GUILD_SCHEDULED_EVENT_USER_REMOVE,
    /// A soundboard sound was made.
    GuildSoundboardSoundCreate = SG_DISPATCH_GUILD_SOUNDBOARD_SOUND_CREATE,
    /// A soundboard sound changed.
    GuildSoundboardSoundUpdate = SG_DISPATCH_GUILD_SOUNDBOARD_SOUND_UPDATE,
    /// A soundboard sound was deleted.
    GuildSoundboardSoundDelete = SG_DISPATCH_GUILD_SOUNDBOARD_SOUND_DELETE,
    /// Several soundboard sounds changed.
    GuildSoundboardSoundsUpdate = SG_DISPATCH_GUILD_SOUNDBOARD_SOUNDS_UPDATE,
    /// The answer to op 31, for one guild.
    SoundboardSounds = SG_DISPATCH_SOUNDBOARD_SOUNDS,
    /// An integration was added.
    IntegrationCreate = SG_DISPATCH_INTEGRATION_CREATE,
    /// An integration changed.
    IntegrationUpdate = SG_DISPATCH_INTEGRATION_UPDATE,
    /// An integration was removed.
    IntegrationDelete = SG_DISPATCH_INTEGRATION_DELETE,
    /// A user used a command, a button or a form of the bot.
    InteractionCreate = SG_DISPATCH_INTERACTION_CREATE,
    /// An invite was made.
    InviteCreate = SG_DISPATCH_INVITE_CREATE,
    /// An invite was deleted.
    InviteDelete = SG_DISPATCH_INVITE_DELETE,
    /// A message was sent.
    MessageCreate = SG_DISPATCH_MESSAGE_CREATE,
    /// A message was edited.
    MessageUpdate = SG_DISPATCH_MESSAGE_UPDATE,
    /// A message was deleted.
    MessageDelete = SG_DISPATCH_MESSAGE_DELETE,
    /// Several messages were deleted at once.
    MessageDeleteBulk = SG_DISPATCH_MESSAGE_DELETE_BULK,
    /// A user reacted to a message.
    MessageReactionAdd = SG_DISPATCH_MESSAGE_REACTION_ADD,
    /// A user took a reaction back.
    MessageReactionRemove = SG_DISPATCH_MESSAGE_REACTION_REMOVE,
    /// All reactions of a message were removed.
    MessageReactionRemoveAll = SG_DISPATCH_MESSAGE_REACTION_REMOVE_ALL,
    /// All reactions with one emoji were removed.
    MessageReactionRemoveEmoji = SG_DISPATCH_MESSAGE_REACTION_REMOVE_EMOJI,
    /// A user voted in a poll.
    MessagePollVoteAdd = SG_DISPATCH_MESSAGE_POLL_VOTE_ADD,
    /// A user took a vote back.
    MessagePollVoteRemove = SG_DISPATCH_MESSAGE_POLL_VOTE_REMOVE,
    /// A user's status or activities changed.
    PresenceUpdate = SG_DISPATCH_PRESENCE_UPDATE,
    /// A stage began.
    StageInstanceCreate = SG_DISPATCH_STAGE_INSTANCE_CREATE,
    /// A stage changed.
    StageInstanceUpdate = SG_DISPATCH_STAGE_INSTANCE_UPDATE,
    /// A stage ended.
    StageInstanceDelete = SG_DISPATCH_STAGE_INSTANCE_DELETE,
    /// A subscription was bought.
    SubscriptionCreate = SG_DISPATCH_SUBSCRIPTION_CREATE,
    /// A subscription changed.
    SubscriptionUpdate = SG_DISPATCH_SUBSCRIPTION_UPDATE,
    /// A subscription was deleted.
    SubscriptionDelete = SG_DISPATCH_SUBSCRIPTION_DELETE,
    /// A user began to type.
    TypingStart = SG_DISPATCH_TYPING_START,
    /// The bot's own user changed.
    UserUpdate = SG_DISPATCH_USER_UPDATE,
    /// An effect was sent into a voice channel the bot is in.
    VoiceChannelEffectSend = SG_DISPATCH_VOICE_CHANNEL_EFFECT_SEND,
    /// A user joined, left, moved or muted in voice.
    VoiceStateUpdate = SG_DISPATCH_VOICE_STATE_UPDATE,
    /// The voice server to connect to.
    VoiceServerUpdate = SG_DISPATCH_VOICE_SERVER_UPDATE,
    /// A channel's webhooks changed.
    WebhooksUpdate = SG_DISPATCH_WEBHOOKS_UPDATE
};

/// sg_identify_kind: what an identify queue is told.
enum class IdentifyKind : std::uint32_t {
    Request = SG_IDENTIFY_REQUEST, ///< A shard wants to identify: answer with identify_grant(), now or later.
    Cancel = SG_IDENTIFY_CANCEL,   ///< It does not any more; the permit is void.
    Sent = SG_IDENTIFY_SENT        ///< Its IDENTIFY was sent just now.
};

namespace detail {
template <class E> struct IsMask : std::false_type {};
template <> struct IsMask<Intent> : std::true_type {};
template <> struct IsMask<EventKinds> : std::true_type {};
template <class E> using Mask = std::enable_if_t<IsMask<E>::value, E>;

template <class E> constexpr std::underlying_type_t<E> number(E value) noexcept {
    return static_cast<std::underlying_type_t<E>>(value);
}
} // namespace detail

/// The bits of either.
template <class E> constexpr detail::Mask<E> operator|(E a, E b) noexcept {
    return static_cast<E>(detail::number(a) | detail::number(b));
}
/// The bits of both.
template <class E> constexpr detail::Mask<E> operator&(E a, E b) noexcept {
    return static_cast<E>(detail::number(a) & detail::number(b));
}
/// The bits of one but not the other.
template <class E> constexpr detail::Mask<E> operator^(E a, E b) noexcept {
    return static_cast<E>(detail::number(a) ^ detail::number(b));
}
/// Every named bit that is not in it.
template <class E> constexpr detail::Mask<E> operator~(E a) noexcept {
    return static_cast<E>(detail::number(E::All) & ~detail::number(a));
}
/// Adds bits.
template <class E> constexpr detail::Mask<E> &operator|=(E &a, E b) noexcept { return a = a | b; }
/// Keeps the bits of both.
template <class E> constexpr detail::Mask<E> &operator&=(E &a, E b) noexcept { return a = a & b; }
/// Flips bits.
template <class E> constexpr detail::Mask<E> &operator^=(E &a, E b) noexcept { return a = a ^ b; }
/// Whether every bit of `bits` is in `mask`.
template <class E> constexpr std::enable_if_t<detail::IsMask<E>::value, bool> has(E mask, E bits) noexcept {
    return (mask & bits) == bits;
}

// ---------------------------------------------------------------------------------------------------------- Errors

/// sg_version: the version of the library in use.
inline std::string_view version() noexcept { return sg_version(); }

/// sg_last_error: the calling thread's last failure in a sentence; valid until the next one.
inline std::string_view last_error() noexcept { return sg_last_error(); }

/// sg_status_name: such as "SG_ERROR_TIMEOUT".
inline std::string_view name(Status status) noexcept { return sg_status_name(detail::number(status)); }

/// sg_shard_state_name: a state in words.
inline std::string_view name(ShardState state) noexcept { return sg_shard_state_name(detail::number(state)); }

/// sg_event_type_name: such as "MESSAGE_CREATE"; empty for a number without a name.
inline std::string_view name(Dispatch type) noexcept {
    const char *text = sg_event_type_name(detail::number(type));
    return text ? std::string_view(text) : std::string_view();
}

/// sg_event_intents: the intents of which any one makes the gateway send this dispatch.
inline Intent intents(Dispatch type) noexcept { return static_cast<Intent>(sg_event_intents(detail::number(type))); }

/// sg_shard_for_guild: the shard that serves a guild.
inline std::uint32_t shard_for_guild(std::uint64_t guild_id, std::uint32_t shard_total) noexcept {
    return sg_shard_for_guild(guild_id, shard_total);
}

/// The category of the library's error codes. Those that std::errc has a word for compare equal to it: a code of
/// Status::Timeout to std::errc::timed_out.
inline const std::error_category &category() noexcept {
    class Category final : public std::error_category {
        const char *name() const noexcept override { return "swiftgateway"; }
        std::string message(int value) const override { return sg_status_name(static_cast<std::uint32_t>(value)); }
        std::error_condition default_error_condition(int value) const noexcept override {
            switch (static_cast<Status>(value)) {
            case Status::InvalidArgument: return std::errc::invalid_argument;
            case Status::PayloadTooLarge: return std::errc::message_size;
            case Status::QueueFull: return std::errc::no_buffer_space;
            case Status::Timeout: return std::errc::timed_out;
            case Status::Cancelled: return std::errc::operation_canceled;
            case Status::WouldDeadlock: return std::errc::resource_deadlock_would_occur;
            case Status::Unauthorized: return std::errc::permission_denied;
            case Status::Protocol: return std::errc::protocol_error;
            case Status::Unsupported: return std::errc::not_supported;
            default: return std::error_condition(value, *this);
            }
        }
    };
    static const Category instance;
    return instance;
}

/// A status as an error code.
inline std::error_code make_error_code(Status status) noexcept {
    return std::error_code(static_cast<int>(status), category());
}

#ifndef SWIFTGATEWAY_NO_EXCEPTIONS
/// What a failed call throws. what() is the library's sentence, without the token.
class Error : public std::system_error {
public:
    /// An error with its sentence.
    Error(Status status, const std::string &sentence)
        : std::system_error(make_error_code(status)), sentence_(sentence) {}
    /// The status, for a switch.
    Status status() const noexcept { return static_cast<Status>(code().value()); }
    /// The sentence.
    const char *what() const noexcept override { return sentence_.what(); }

private:
    std::runtime_error sentence_; // copies without throwing
};

/// Stands for "throw": what `ec` is when it is left out. Never read or written.
inline std::error_code &throws() noexcept {
    static std::error_code marker;
    return marker;
}
#endif

namespace detail {

/// Ends a call: throws, or sets ec. Returns whether it went well.
inline bool report(Status status, const char *sentence, std::error_code &ec) {
#ifndef SWIFTGATEWAY_NO_EXCEPTIONS
    if (&ec == &throws()) {
        if (status != Status::Ok) throw Error(status, sentence);
        return true;
    }
#else
    static_cast<void>(sentence);
#endif
    if (status == Status::Ok) ec.clear();
    else ec = make_error_code(status);
    return status == Status::Ok;
}

inline bool report(sg_status status, std::error_code &ec) {
    return report(static_cast<Status>(status), sg_last_error(), ec);
}

/// Below zero no time, and never "for ever" by accident: the longest is 49 days.
inline std::uint32_t timeout(std::optional<std::chrono::milliseconds> time) noexcept {
    if (!time) return SG_WAIT_FOREVER;
    constexpr std::chrono::milliseconds longest{SG_WAIT_FOREVER - 1};
    return static_cast<std::uint32_t>(std::clamp(*time, std::chrono::milliseconds{0}, longest).count());
}

/// A setting in milliseconds that the C API can hold.
inline bool setting(std::chrono::milliseconds time, std::uint32_t &out, std::error_code &ec) {
    if (time.count() < 0) return report(Status::InvalidArgument, "a duration is negative", ec);
    if (time.count() > std::int64_t{UINT32_MAX}) {
        return report(Status::InvalidArgument, "a duration is longer than 4294967295 milliseconds", ec);
    }
    out = static_cast<std::uint32_t>(time.count());
    return true;
}

/// Text by the header's rule "Strings": asks for the length, then for the text, again when it grew meanwhile.
template <class Call> std::string text(Call call, std::error_code &ec) {
    std::string result;
    std::size_t length = 0;
    sg_status status = call(nullptr, &length);
    while (status == SG_ERROR_BUFFER_TOO_SMALL) {
        result.resize(length + length / 8 + 1);
        length = result.size();
        status = call(result.data(), &length);
    }
    if (!report(status, ec)) return std::string();
    result.resize(length);
    return result;
}

} // namespace detail

/// sg_identify_grant: lets a shard identify. False: the permit was granted or cancelled before, or is none.
inline bool identify_grant(std::uint64_t permit, SWIFTGATEWAY_EC) {
    const sg_status status = sg_identify_grant(permit);
    return detail::report(status == SG_ERROR_NOT_FOUND ? SG_OK : status, ec) && status == SG_OK;
}

// --------------------------------------------------------------------------------------------------------- Arguments

/// A NUL-terminated text on its way into the library. A std::string with a NUL inside is passed on as NULL, which the
/// library refuses, instead of being cut.
class CString {
public:
    /// A C string; NULL is left to the library to refuse.
    CString(const char *text) noexcept : text_(text) {}
    /// The text of a string that outlives the call.
    CString(const std::string &text) noexcept
        : text_(text.find('\0') == std::string::npos ? text.c_str() : nullptr) {}
    /// The C string.
    const char *get() const noexcept { return text_; }

private:
    const char *text_;
};

/// Some values side by side, owned by someone else: of a list in braces, a vector, an array, or a pointer and a count.
template <class T> class View {
public:
    /// None.
    constexpr View() noexcept = default;
    /// `count` values from `data` on.
    constexpr View(const T *data, std::size_t count) noexcept : data_(data), count_(count) {}
    /// A list in braces: good until the end of the statement it is written in.
    constexpr View(const std::initializer_list<T> &list) noexcept : count_(list.size()) { data_ = list.begin(); }
    /// A vector.
    View(const std::vector<T> &vector) noexcept : data_(vector.data()), count_(vector.size()) {}
    /// A std::array.
    template <std::size_t N> constexpr View(const std::array<T, N> &array) noexcept : data_(array.data()), count_(N) {}
    /// The first value.
    constexpr const T *data() const noexcept { return data_; }
    /// How many there are.
    constexpr std::size_t size() const noexcept { return count_; }
    /// The first, to iterate.
    constexpr const T *begin() const noexcept { return data_; }
    /// The end, to iterate.
    constexpr const T *end() const noexcept { return data_ + count_; }

private:
    const T *data_ = nullptr;
    std::size_t count_ = 0;
};

/// sg_intents_for_events: what to ask for in order to receive these dispatches. `alternatives`, when given, gets those
/// that may be left out as long as another one of the same dispatch stays.
inline Intent intents_for(View<Dispatch> types, Intent *alternatives SWIFTGATEWAY_DEFAULT(nullptr), SWIFTGATEWAY_EC) {
    std::vector<const char *> names;
    for (const Dispatch type : types) names.push_back(sg_event_type_name(detail::number(type)));
    std::uint64_t all = 0, some = 0;
    if (!detail::report(sg_intents_for_events(names.data(), names.size(), &all, &some), ec)) return Intent::None;
    if (alternatives) *alternatives = static_cast<Intent>(some);
    return static_cast<Intent>(all);
}

// ------------------------------------------------------------------------------------------------------------ Events

/// sg_event, looked at: valid until the handler returns. StoredEvent keeps one.
class Event {
public:
    /// A look at an event that outlives this.
    explicit Event(const sg_event &event) noexcept : event_(&event) {}

    /// What it is.
    EventKind kind() const noexcept { return static_cast<EventKind>(event_->kind); }
    /// Whose it is.
    std::uint32_t shard_id() const noexcept { return event_->shard_id; }
    /// Which dispatch; Dispatch::Unknown for a name that the library does not know, and for other kinds.
    Dispatch type() const noexcept { return static_cast<Dispatch>(event_->type); }
    /// The sequence of a dispatch.
    std::optional<std::uint64_t> sequence() const noexcept {
        return event_->sequence ? std::optional<std::uint64_t>(event_->sequence) : std::nullopt;
    }
    /// The name of a dispatch; empty for other kinds.
    std::string_view name() const noexcept { return view(event_->name, event_->name_length); }
    /// The raw JSON of a dispatch's d, the reason of a close, the sentence of an error, or a payload.
    std::string_view data() const noexcept { return view(event_->data, event_->data_length); }
    /// The state that a change led to, or that follows a close.
    ShardState state() const noexcept { return static_cast<ShardState>(event_->state); }
    /// A close code, a heartbeat interval in ms, or the number of an attempt.
    std::uint32_t code() const noexcept { return event_->code; }
    /// What an EventKind::Error is about.
    Status status() const noexcept { return static_cast<Status>(event_->status); }
    /// The round trip of EventKind::Latency, or the wait of ShardState::Backoff.
    std::chrono::nanoseconds value() const noexcept {
        return std::chrono::nanoseconds(static_cast<std::int64_t>(event_->value_ns));
    }
    /// When the bytes were read. The clock is CLOCK_MONOTONIC.
    std::chrono::steady_clock::time_point received() const noexcept {
        return std::chrono::steady_clock::time_point(std::chrono::duration_cast<std::chrono::steady_clock::duration>(
            std::chrono::nanoseconds(static_cast<std::int64_t>(event_->received_ns))));
    }

    /// sg_event_string: a string, unescaped. Empty when there is none at `pointer`; the library's other errors as ever.
    std::optional<std::string> as_string(const char *pointer, SWIFTGATEWAY_EC) const {
        char buffer[256];
        std::size_t length = sizeof buffer;
        sg_status status = sg_event_string(event_, pointer, buffer, &length);
        if (status == SG_OK) return found(std::string(buffer, length), ec);
        if (status != SG_ERROR_BUFFER_TOO_SMALL) return missing<std::string>(status, ec);
        std::string result(length + 1, '\0');
        length = result.size();
        status = sg_event_string(event_, pointer, result.data(), &length);
        if (status != SG_OK) return missing<std::string>(status, ec);
        result.resize(length);
        return found(std::move(result), ec);
    }
    /// sg_event_string without an allocation: the text in `buffer`. Status::BufferTooSmall when it does not fit.
    template <std::size_t N>
    std::optional<std::string_view> as_string(const char *pointer, char (&buffer)[N], SWIFTGATEWAY_EC) const {
        std::size_t length = N;
        const sg_status status = sg_event_string(event_, pointer, buffer, &length);
        if (status != SG_OK) return missing<std::string_view>(status, ec);
        return found(std::string_view(buffer, length), ec);
    }
    /// sg_event_uint64: a whole number or a snowflake.
    std::optional<std::uint64_t> as_uint64(const char *pointer, SWIFTGATEWAY_EC) const {
        std::uint64_t value = 0;
        const sg_status status = sg_event_uint64(event_, pointer, &value);
        return status == SG_OK ? found(value, ec) : missing<std::uint64_t>(status, ec);
    }
    /// sg_event_double: any number.
    std::optional<double> as_double(const char *pointer, SWIFTGATEWAY_EC) const {
        double value = 0;
        const sg_status status = sg_event_double(event_, pointer, &value);
        return status == SG_OK ? found(value, ec) : missing<double>(status, ec);
    }
    /// sg_event_bool: true or false.
    std::optional<bool> as_bool(const char *pointer, SWIFTGATEWAY_EC) const {
        bool value = false;
        const sg_status status = sg_event_bool(event_, pointer, &value);
        return status == SG_OK ? found(value, ec) : missing<bool>(status, ec);
    }
    /// sg_event_json: the raw JSON of any value, not copied.
    std::optional<std::string_view> as_json(const char *pointer, SWIFTGATEWAY_EC) const {
        const char *start = nullptr;
        std::size_t length = 0;
        const sg_status status = sg_event_json(event_, pointer, &start, &length);
        return status == SG_OK ? found(std::string_view(start, length), ec) : missing<std::string_view>(status, ec);
    }

    /// The C struct.
    const sg_event &native() const noexcept { return *event_; }

private:
    static std::string_view view(const char *text, std::size_t length) noexcept {
        return text ? std::string_view(text, length) : std::string_view();
    }
    template <class T> static std::optional<T> found(T value, std::error_code &ec) {
        detail::report(SG_OK, ec);
        return value;
    }
    template <class T> static std::optional<T> missing(sg_status status, std::error_code &ec) {
        detail::report(status == SG_ERROR_NOT_FOUND ? SG_OK : status, ec);
        return std::nullopt;
    }

    const sg_event *event_;
};

/// A copy of an event that lives as long as it is wanted, for queues and other threads. Copies share the bytes.
class StoredEvent {
public:
    /// Copies the event and what it points to.
    explicit StoredEvent(const Event &event) : block_(std::make_shared<const Block>(event)) {}
    /// The event, valid as long as this or a copy of it.
    Event get() const noexcept { return Event(block_->event); }

private:
    struct Block {
        explicit Block(const Event &source) : name(source.name()), data(source.data()) {
            const std::size_t size = std::min<std::size_t>(source.native().struct_size, sizeof event);
            std::memcpy(&event, &source.native(), size);
            event.struct_size = static_cast<std::uint32_t>(size);
            if (event.name) event.name = name.c_str();
            if (event.data) event.data = data.data();
        }
        std::string name, data;
        sg_event event{};
    };
    std::shared_ptr<const Block> block_;
};

/// Several events in order, valid until the handler returns.
class Batch {
public:
    /// Goes from event to event.
    class Iterator {
    public:
        /// At an event.
        explicit Iterator(const sg_event *at) noexcept : at_(at) {}
        /// The event.
        Event operator*() const noexcept { return Event(*at_); }
        /// The next one.
        Iterator &operator++() noexcept {
            ++at_;
            return *this;
        }
        /// Whether both are at the same event.
        friend bool operator==(const Iterator &a, const Iterator &b) noexcept { return a.at_ == b.at_; }
        /// Whether they are not.
        friend bool operator!=(const Iterator &a, const Iterator &b) noexcept { return a.at_ != b.at_; }

    private:
        const sg_event *at_;
    };

    /// `count` events from `events` on.
    Batch(const sg_event *events, std::size_t count) noexcept : events_(events), count_(count) {}
    /// How many there are, 1 to 256.
    std::size_t size() const noexcept { return count_; }
    /// One of them.
    Event operator[](std::size_t index) const noexcept { return Event(events_[index]); }
    /// The first.
    Iterator begin() const noexcept { return Iterator(events_); }
    /// The end.
    Iterator end() const noexcept { return Iterator(events_ + count_); }

private:
    const sg_event *events_;
    std::size_t count_;
};

/// sg_identify: what an identify queue is told of one shard's request. Valid until the handler returns.
class IdentifyRequest {
public:
    /// A look at a request.
    explicit IdentifyRequest(const sg_identify &request) noexcept : request_(&request) {}
    /// What happened to it.
    IdentifyKind kind() const noexcept { return static_cast<IdentifyKind>(request_->kind); }
    /// Its name, for identify_grant().
    std::uint64_t permit() const noexcept { return request_->permit; }
    /// Which shard.
    std::uint32_t shard_id() const noexcept { return request_->shard_id; }
    /// Of how many.
    std::uint32_t shard_total() const noexcept { return request_->shard_total; }
    /// How many may identify in one interval.
    std::uint32_t max_concurrency() const noexcept { return request_->max_concurrency; }
    /// Requests of one key must be the interval apart.
    std::uint32_t rate_limit_key() const noexcept { return request_->rate_limit_key; }
    /// The C struct.
    const sg_identify &native() const noexcept { return *request_; }

private:
    const sg_identify *request_;
};

/// Receives events by the batch. See sg_batch_fn.
using BatchHandler = std::function<void(const Batch &events)>;
/// Decides when shards may identify; must not block. See sg_identify_fn.
using IdentifyHandler = std::function<void(const IdentifyRequest &request)>;
/// Gives the sessions that were saved last, or nothing. See sg_session_load_fn.
using SessionLoad = std::function<std::optional<std::string>()>;
/// Keeps the sessions; returns whether it did. See sg_session_save_fn.
using SessionSave = std::function<bool(std::string_view json)>;

/// Receives events. Shards may call it at the same time.
using EventHandler = std::function<void(const Event &event)>;
/// Receives log lines; must not call the library. See sg_log_fn.
using LogHandler = std::function<void(LogLevel level, std::string_view target, std::string_view message)>;
/// Receives what left another handler, on the thread and at the moment it did; std::rethrow_exception tells what it is.
/// What leaves this one stops the cluster.
using ExceptionHandler = std::function<void(std::exception_ptr exception)>;

namespace detail {

struct Handlers {
    EventHandler event;
    std::vector<std::pair<Dispatch, EventHandler>> typed;
    BatchHandler batch;
    IdentifyHandler identify;
    SessionLoad load;
    SessionSave save;
    LogHandler log;
    LogLevel least = LogLevel::Off;
    ExceptionHandler exception;

    bool wants_events() const noexcept { return !batch && (event || !typed.empty()); }
};

/// What the library calls for one cluster or shard. Its address is the `user` of the C handlers.
class Sink {
public:
    explicit Sink(const Handlers &handlers) : handlers_(handlers) {}
    Sink(const Sink &) = delete;
    Sink &operator=(const Sink &) = delete;
    ~Sink() { join(); }

    /// Sets the C handlers of a config while something is made from it, and takes them away again: the config itself
    /// outlives no sink.
    class Attached {
    public:
        Attached(sg_config *config, Sink &sink, std::error_code &ec) : config_(config), handlers_(sink.handlers_) {
            good_ = (!handlers_.wants_events() || report(sg_config_set_event_handler(config, on_event, &sink), ec)) &&
                    (!handlers_.batch || report(sg_config_set_batch_handler(config, on_batch, &sink), ec)) &&
                    (!handlers_.identify || report(sg_config_set_identify_queue(config, on_identify, &sink), ec)) &&
                    (!handlers_.load || report(sg_config_set_session_store(config, on_load, on_save, &sink), ec)) &&
                    (!handlers_.log ||
                     report(sg_config_set_log_handler(config, number(handlers_.least), on_log, &sink), ec));
        }
        ~Attached() {
            if (handlers_.wants_events()) sg_config_set_event_handler(config_, nullptr, nullptr);
            if (handlers_.batch) sg_config_set_batch_handler(config_, nullptr, nullptr);
            if (handlers_.identify) sg_config_set_identify_queue(config_, nullptr, nullptr);
            if (handlers_.load) sg_config_set_session_store(config_, nullptr, nullptr, nullptr);
            if (handlers_.log) sg_config_set_log_handler(config_, SG_LOG_OFF, nullptr, nullptr);
        }
        Attached(const Attached &) = delete;
        Attached &operator=(const Attached &) = delete;
        explicit operator bool() const noexcept { return good_; }

    private:
        sg_config *config_;
        const Handlers &handlers_;
        bool good_ = false;
    };

    /// How to stop what an exception has to stop: on a thread of its own, since a handler cannot wait for its own end.
    void stop_with(std::function<void()> stop) {
        const std::lock_guard<std::mutex> lock(mutex_);
        stop_ = std::move(stop);
    }

    /// The exception that stopped it, given away.
    std::exception_ptr take() noexcept {
        const std::lock_guard<std::mutex> lock(mutex_);
        return std::exchange(first_, nullptr);
    }

    /// Whether an exception stopped it that nobody has taken yet.
    bool stopped() noexcept {
        const std::lock_guard<std::mutex> lock(mutex_);
        return first_ != nullptr;
    }

    /// Waits for the threads that stop it. Not inside a handler.
    void join() noexcept {
        std::vector<std::thread> stoppers;
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            stoppers.swap(stoppers_);
        }
        for (std::thread &stopper : stoppers) stopper.join();
    }

private:
    /// Whether the call returned, or what left it was taken care of.
    template <class Call> bool guarded(Call call, bool stops = true) noexcept {
#ifdef SWIFTGATEWAY_NO_EXCEPTIONS
        static_cast<void>(stops);
        call();
        return true;
#else
        try {
            call();
            return true;
        } catch (...) {
            return failed(std::current_exception(), stops);
        }
#endif
    }

    static void on_event(const sg_event *event, void *user) noexcept {
        Sink &sink = *static_cast<Sink *>(user);
        sink.guarded([&] {
            const Event view(*event);
            if (sink.handlers_.event) sink.handlers_.event(view);
            if (view.kind() != EventKind::Dispatch) return;
            for (const auto &[type, handler] : sink.handlers_.typed)
                if (type == view.type()) handler(view);
        });
    }

    /// sg_batch_fn returns how many events were handled, or in early versions nothing.
    using Handled = decltype(std::declval<sg_batch_fn>()(nullptr, 0, nullptr));

    static Handled on_batch(const sg_event *events, std::size_t count, void *user) noexcept {
        Sink &sink = *static_cast<Sink *>(user);
        const bool good = sink.guarded([&] { sink.handlers_.batch(Batch(events, count)); });
        return static_cast<Handled>(good ? count : 0);
    }

    static void on_identify(const sg_identify *request, void *user) noexcept {
        Sink &sink = *static_cast<Sink *>(user);
        sink.guarded([&] { sink.handlers_.identify(IdentifyRequest(*request)); });
    }

    static std::uint32_t on_load(char *buffer, std::size_t *length, void *user) noexcept {
        Sink &sink = *static_cast<Sink *>(user);
        std::uint32_t result = SG_ERROR_FILE;
        sink.guarded([&] {
            // What did not fit is asked for again, with more room: it is loaded once.
            if (!sink.loaded_) sink.loaded_ = sink.handlers_.load();
            result = SG_ERROR_NOT_FOUND;
            if (!sink.loaded_) return;
            const std::size_t capacity = std::exchange(*length, sink.loaded_->size());
            result = SG_ERROR_BUFFER_TOO_SMALL;
            if (*length > capacity) return;
            if (*length) std::memcpy(buffer, sink.loaded_->data(), *length);
            sink.loaded_.reset();
            result = SG_OK;
        }, false);
        return result;
    }

    static std::uint32_t on_save(const char *json, std::size_t length, void *user) noexcept {
        Sink &sink = *static_cast<Sink *>(user);
        std::uint32_t result = SG_ERROR_FILE;
        sink.guarded([&] {
            if (!sink.handlers_.save || sink.handlers_.save(std::string_view(json, length))) result = SG_OK;
        }, false);
        return result;
    }

    static void on_log(std::uint32_t level, const char *target, const char *message, void *user) noexcept {
        Sink &sink = *static_cast<Sink *>(user);
        sink.guarded([&] { sink.handlers_.log(static_cast<LogLevel>(level), target, message); });
    }

#ifndef SWIFTGATEWAY_NO_EXCEPTIONS
    bool failed(std::exception_ptr exception, bool stops) noexcept {
        if (handlers_.exception) {
            try {
                handlers_.exception(exception);
                return true;
            } catch (...) {
                exception = std::current_exception();
            }
        } else if (!stops) {
            return true; // the library tells of it
        }
        const std::lock_guard<std::mutex> lock(mutex_);
        if (first_) return false; // stopping already
        first_ = exception;
        if (!stop_) return false;
        try {
            stoppers_.emplace_back(stop_);
        } catch (...) {
            // No thread to be had: the exception still comes out of the next wait that returns.
        }
        return false;
    }
#endif

    const Handlers handlers_;
    std::mutex mutex_;
    std::exception_ptr first_;
    std::function<void()> stop_;
    std::vector<std::thread> stoppers_;
    std::optional<std::string> loaded_;
};

struct FreeConfig {
    void operator()(sg_config *config) const noexcept { sg_config_free(config); }
};

} // namespace detail

// ------------------------------------------------------------------------------------------------------------ Config

/// sg_config: how to connect and what to deliver. A template for clusters and shards: may be changed, reused or
/// destroyed once they are made. Setters return the config, to be chained.
class Config {
public:
    /// sg_config_new.
    Config(CString token, Intent intents, SWIFTGATEWAY_EC)
        : config_(sg_config_new(token.get(), detail::number(intents))) {
        detail::report(config_ ? SG_OK : SG_ERROR_INVALID_ARGUMENT, ec);
    }

    /// Whether there is one: not after a move, nor after a failure that ec told of.
    explicit operator bool() const noexcept { return config_ != nullptr; }
    /// The C handle, still owned by this. Handlers set through it take no part in what on_… promises.
    sg_config *native() const noexcept { return config_.get(); }

    /// Called for every event, of every kind. Replaces the one before.
    Config &on_event(EventHandler handler) {
        handlers_.event = std::move(handler);
        return *this;
    }
    /// Called for dispatches of one type, after on_event and in the order they were added.
    Config &on(Dispatch type, EventHandler handler) {
        handlers_.typed.emplace_back(type, std::move(handler));
        return *this;
    }
    /// Called for all events that wait, instead of what on_event and on are given: where each call costs something. For
    /// Delivery::Queued only. When an exception leaves it and stops the cluster, the whole batch counts as not handled.
    Config &on_batch(BatchHandler handler) {
        handlers_.batch = std::move(handler);
        return *this;
    }
    /// Called before a shard identifies, which waits for identify_grant(). See sg_config_set_identify_queue.
    Config &on_identify(IdentifyHandler handler) {
        handlers_.identify = std::move(handler);
        return *this;
    }
    /// Where sessions survive the process, in place of a session file. What leaves `load` or `save` is a failure to do
    /// it, which the library tells of as EventKind::Error with Status::File; on_exception hears of it as well, and
    /// without it the cluster goes on. See sg_config_set_session_store.
    Config &set_session_store(SessionLoad load, SessionSave save) {
        handlers_.load = std::move(load);
        handlers_.save = std::move(save);
        return *this;
    }
    /// Called for log lines of this level and above. It may be called by several threads at once.
    Config &on_log(LogLevel least, LogHandler handler) {
        handlers_.least = least;
        handlers_.log = std::move(handler);
        return *this;
    }
    /// Called with what leaves the other handlers; the connections go on.
    Config &on_exception(ExceptionHandler handler) {
        handlers_.exception = std::move(handler);
        return *this;
    }

    /// sg_config_set_gateway_url.
    Config &set_gateway_url(CString url, SWIFTGATEWAY_EC) {
        return done(sg_config_set_gateway_url(native(), url.get()), ec);
    }
    /// sg_config_set_api_url.
    Config &set_api_url(CString url, SWIFTGATEWAY_EC) { return done(sg_config_set_api_url(native(), url.get()), ec); }
    /// sg_config_set_ca_file.
    Config &set_ca_file(CString path, SWIFTGATEWAY_EC) { return done(sg_config_set_ca_file(native(), path.get()), ec); }
    /// sg_config_set_compression.
    Config &set_compression(Compression compression, SWIFTGATEWAY_EC) {
        return done(sg_config_set_compression(native(), detail::number(compression)), ec);
    }
    /// sg_config_set_inflate_backend.
    Config &set_inflate_backend(InflateBackend backend, SWIFTGATEWAY_EC) {
        return done(sg_config_set_inflate_backend(native(), detail::number(backend)), ec);
    }
    /// sg_config_set_shards.
    Config &set_shards(std::uint32_t first, std::uint32_t count, std::uint32_t total, SWIFTGATEWAY_EC) {
        return done(sg_config_set_shards(native(), first, count, total), ec);
    }
    /// sg_config_set_shards_auto.
    Config &set_shards_auto(SWIFTGATEWAY_EC) { return done(sg_config_set_shards_auto(native()), ec); }
    /// sg_config_set_shards_bucket.
    Config &set_shards_bucket(std::uint32_t bucket, std::uint32_t buckets, std::uint32_t total, SWIFTGATEWAY_EC) {
        return done(sg_config_set_shards_bucket(native(), bucket, buckets, total), ec);
    }
    /// sg_config_set_shards_split; a total of 0 is the API's recommendation.
    Config &set_shards_split(std::uint32_t process, std::uint32_t processes, std::uint32_t total, SWIFTGATEWAY_EC) {
        return done(sg_config_set_shards_split(native(), process, processes, total), ec);
    }
    /// sg_config_set_max_concurrency.
    Config &set_max_concurrency(std::uint32_t value, SWIFTGATEWAY_EC) {
        return done(sg_config_set_max_concurrency(native(), value), ec);
    }
    /// sg_config_set_identify_interval.
    Config &set_identify_interval(std::chrono::milliseconds interval, SWIFTGATEWAY_EC) {
        return timed(sg_config_set_identify_interval, interval, ec);
    }
    /// sg_config_set_identify_properties.
    Config &set_identify_properties(CString os, CString browser, CString device, SWIFTGATEWAY_EC) {
        return done(sg_config_set_identify_properties(native(), os.get(), browser.get(), device.get()), ec);
    }
    /// sg_config_set_large_threshold.
    Config &set_large_threshold(std::uint32_t members, SWIFTGATEWAY_EC) {
        return done(sg_config_set_large_threshold(native(), members), ec);
    }
    /// sg_config_set_presence.
    Config &set_presence(CString json, SWIFTGATEWAY_EC) {
        return done(sg_config_set_presence(native(), json.get()), ec);
    }
    /// sg_config_set_shard_presence.
    Config &set_shard_presence(std::uint32_t shard_id, CString json, SWIFTGATEWAY_EC) {
        return done(sg_config_set_shard_presence(native(), shard_id, json.get()), ec);
    }
    /// sg_config_set_event_filter, by type; none is all. A Dispatch without a name is refused.
    Config &set_event_filter(View<Dispatch> types, SWIFTGATEWAY_EC) {
        std::vector<const char *> names;
        for (const Dispatch type : types) names.push_back(sg_event_type_name(detail::number(type)));
        return done(sg_config_set_event_filter(native(), names.data(), names.size()), ec);
    }
    /// sg_config_set_event_filter, by name: for those that the library does not know.
    Config &set_event_filter_names(View<CString> names, SWIFTGATEWAY_EC) {
        std::vector<const char *> texts;
        for (const CString name : names) texts.push_back(name.get());
        return done(sg_config_set_event_filter(native(), texts.data(), texts.size()), ec);
    }
    /// sg_config_set_event_kinds.
    Config &set_event_kinds(EventKinds kinds, SWIFTGATEWAY_EC) {
        return done(sg_config_set_event_kinds(native(), detail::number(kinds)), ec);
    }
    /// sg_config_set_session_file.
    Config &set_session_file(CString path, SWIFTGATEWAY_EC) {
        return done(sg_config_set_session_file(native(), path.get()), ec);
    }
    /// sg_config_set_backoff.
    Config &set_backoff(std::chrono::milliseconds first, std::chrono::milliseconds limit, SWIFTGATEWAY_EC) {
        return timed(sg_config_set_backoff, first, limit, ec);
    }
    /// sg_config_set_connect_timeout.
    Config &set_connect_timeout(std::chrono::milliseconds time, SWIFTGATEWAY_EC) {
        return timed(sg_config_set_connect_timeout, time, ec);
    }
    /// sg_config_set_invalid_session_wait.
    Config &set_invalid_session_wait(std::chrono::milliseconds least, std::chrono::milliseconds most, SWIFTGATEWAY_EC) {
        return timed(sg_config_set_invalid_session_wait, least, most, ec);
    }
    /// sg_config_set_zombie_policy.
    Config &set_zombie_policy(ZombiePolicy policy, SWIFTGATEWAY_EC) {
        return done(sg_config_set_zombie_policy(native(), detail::number(policy)), ec);
    }
    /// sg_config_set_max_message_size.
    Config &set_max_message_size(std::size_t bytes, SWIFTGATEWAY_EC) {
        return done(sg_config_set_max_message_size(native(), bytes), ec);
    }
    /// sg_config_set_send_limit; a count of 0 is no limit.
    Config &set_send_limit(std::uint32_t count, std::chrono::milliseconds window, SWIFTGATEWAY_EC) {
        std::uint32_t milliseconds = 0;
        if (!detail::setting(window, milliseconds, ec)) return *this;
        return done(sg_config_set_send_limit(native(), count, milliseconds), ec);
    }
    /// sg_config_set_delivery; 0 bytes are the default.
    Config &set_delivery(Delivery mode, std::size_t queue_bytes SWIFTGATEWAY_DEFAULT(0), SWIFTGATEWAY_EC) {
        return done(sg_config_set_delivery(native(), detail::number(mode), queue_bytes), ec);
    }
    /// sg_config_set_io_threads.
    Config &set_io_threads(std::uint32_t count, SWIFTGATEWAY_EC) {
        return done(sg_config_set_io_threads(native(), count), ec);
    }
    /// sg_config_set_handshake_limit.
    Config &set_handshake_limit(std::uint32_t count, SWIFTGATEWAY_EC) {
        return done(sg_config_set_handshake_limit(native(), count), ec);
    }
    /// sg_config_set_reshard_window.
    Config &set_reshard_window(std::chrono::milliseconds window, SWIFTGATEWAY_EC) {
        return timed(sg_config_set_reshard_window, window, ec);
    }
    /// sg_config_import_sessions.
    Config &import_sessions(std::string_view json, SWIFTGATEWAY_EC) {
        return done(sg_config_import_sessions(native(), json.data(), json.size()), ec);
    }

private:
    template <class, class> friend class Connection;
    friend struct GatewayBot;

    Config &done(sg_status status, std::error_code &ec) {
        detail::report(status, ec);
        return *this;
    }
    template <class Set> Config &timed(Set set, std::chrono::milliseconds time, std::error_code &ec) {
        std::uint32_t milliseconds = 0;
        if (detail::setting(time, milliseconds, ec)) detail::report(set(native(), milliseconds), ec);
        return *this;
    }
    template <class Set>
    Config &timed(Set set, std::chrono::milliseconds a, std::chrono::milliseconds b, std::error_code &ec) {
        std::uint32_t first = 0, second = 0;
        if (detail::setting(a, first, ec) && detail::setting(b, second, ec)) {
            detail::report(set(native(), first, second), ec);
        }
        return *this;
    }

    std::unique_ptr<sg_config, detail::FreeConfig> config_;
    detail::Handlers handlers_;
};

/// sg_gateway_bot: what GET /gateway/bot answered.
struct GatewayBot {
    std::string url;                       ///< Where to connect.
    std::uint32_t shards = 0;              ///< Recommended number.
    std::uint32_t total = 0;               ///< Identifies allowed per day.
    std::uint32_t remaining = 0;           ///< Identifies left.
    std::uint32_t max_concurrency = 0;     ///< Identifies allowed per 5 s.
    std::chrono::milliseconds reset_after{0}; ///< Until `remaining` is `total` again.

    /// sg_fetch_gateway_bot: asks the API once and waits for the answer.
    static GatewayBot fetch(const Config &config, std::optional<std::chrono::milliseconds> time, SWIFTGATEWAY_EC) {
        GatewayBot result;
        sg_gateway_bot answer{};
        answer.struct_size = sizeof answer;
        detail::Sink sink(config.handlers_);
        const detail::Sink::Attached attached(config.native(), sink, ec);
        if (!attached || !detail::report(sg_fetch_gateway_bot(config.native(), detail::timeout(time), &answer), ec)) {
            return result;
        }
        result.url = answer.url;
        result.shards = answer.shards;
        result.total = answer.total;
        result.remaining = answer.remaining;
        result.max_concurrency = answer.max_concurrency;
        result.reset_after = std::chrono::milliseconds(static_cast<std::int64_t>(answer.reset_after_ms));
        return result;
    }

    /// sg_fetch_gateway: asks the API once for the URL alone.
    static std::string fetch_url(const Config &config, std::optional<std::chrono::milliseconds> time, SWIFTGATEWAY_EC) {
        detail::Sink sink(config.handlers_);
        const detail::Sink::Attached attached(config.native(), sink, ec);
        if (!attached) return std::string();
        std::string url(1024, '\0'); // with room: to ask for the length would be a question to the API of its own
        std::size_t length = url.size();
        if (!detail::report(sg_fetch_gateway(config.native(), detail::timeout(time), url.data(), &length), ec)) {
            return std::string();
        }
        url.resize(length);
        return url;
    }
};

// ------------------------------------------------------------------------------------------------------- Information

/// sg_shard_info: a snapshot of one shard. Counters are for the life of the cluster or shard, over all connections.
class ShardInfo {
public:
    /// An empty one.
    ShardInfo() noexcept { info_.struct_size = sizeof info_; }

    /// Its number.
    std::uint32_t id() const noexcept { return info_.id; }
    /// Of how many.
    std::uint32_t total() const noexcept { return info_.total; }
    /// Where it is in its life.
    ShardState state() const noexcept { return static_cast<ShardState>(info_.state); }
    /// The last sequence received.
    std::optional<std::uint64_t> sequence() const noexcept { return some(info_.sequence); }
    /// Of the last dispatch whose delivery is complete.
    std::optional<std::uint64_t> sequence_delivered() const noexcept { return some(info_.sequence_delivered); }
    /// The session, valid as long as this; empty without one.
    std::string_view session_id() const noexcept { return info_.session_id; }
    /// The round trip of the last acknowledged heartbeat.
    std::optional<std::chrono::nanoseconds> latency() const noexcept { return time(info_.latency_last_ns); }
    /// Over all acknowledged heartbeats.
    std::optional<std::chrono::nanoseconds> latency_average() const noexcept { return time(info_.latency_average_ns); }
    /// The last round trips, five at most, newest first.
    std::vector<std::chrono::nanoseconds> latency_recent() const {
        std::vector<std::chrono::nanoseconds> result;
        for (const std::uint64_t value : info_.latency_recent_ns)
            if (const auto duration = time(value)) result.push_back(*duration);
        return result;
    }
    /// Heartbeats sent.
    std::uint64_t heartbeats_sent() const noexcept { return info_.heartbeats_sent; }
    /// Heartbeats acknowledged.
    std::uint64_t heartbeats_acked() const noexcept { return info_.heartbeats_acked; }
    /// Connections opened.
    std::uint64_t connects() const noexcept { return info_.connects; }
    /// Connections lost or given up and opened again.
    std::uint64_t reconnects() const noexcept { return info_.reconnects; }
    /// IDENTIFY sent.
    std::uint64_t identifies() const noexcept { return info_.identifies; }
    /// RESUMED received.
    std::uint64_t resumes() const noexcept { return info_.resumes; }
    /// Dispatches received, filtered ones included.
    std::uint64_t events() const noexcept { return info_.events; }
    /// Dispatches whose handler returned.
    std::uint64_t events_delivered() const noexcept { return info_.events_delivered; }
    /// Bytes of websocket frames received.
    std::uint64_t bytes_wire() const noexcept { return info_.bytes_wire; }
    /// The same after decompression.
    std::uint64_t bytes_inflated() const noexcept { return info_.bytes_inflated; }
    /// Websocket payload bytes sent.
    std::uint64_t bytes_sent() const noexcept { return info_.bytes_sent; }
    /// Bytes of events that wait for delivery.
    std::uint64_t bytes_queued() const noexcept { return info_.bytes_queued; }
    /// Until the send limit allows a command again.
    std::chrono::nanoseconds next_permit() const noexcept {
        return std::chrono::nanoseconds(static_cast<std::int64_t>(info_.next_permit_ns));
    }
    /// Commands that wait to be sent.
    std::uint32_t commands_queued() const noexcept { return info_.commands_queued; }
    /// Commands the send limit allows now; empty without a limit.
    std::optional<std::uint32_t> send_permits() const noexcept {
        return info_.send_permits == UINT32_MAX ? std::nullopt : std::optional<std::uint32_t>(info_.send_permits);
    }
    /// As HELLO said; empty while not connected.
    std::optional<std::chrono::milliseconds> heartbeat_interval() const noexcept {
        if (!info_.heartbeat_interval_ms) return std::nullopt;
        return std::chrono::milliseconds(info_.heartbeat_interval_ms);
    }
    /// Of the last connection that ended.
    std::optional<std::uint32_t> last_close_code() const noexcept {
        return info_.last_close_code ? std::optional<std::uint32_t>(info_.last_close_code) : std::nullopt;
    }

    /// The C struct, to read.
    const sg_shard_info &native() const noexcept { return info_; }
    /// The C struct, to be filled.
    sg_shard_info &native() noexcept { return info_; }

private:
    static std::optional<std::uint64_t> some(std::uint64_t value) noexcept {
        return value ? std::optional<std::uint64_t>(value) : std::nullopt;
    }
    static std::optional<std::chrono::nanoseconds> time(std::uint64_t value) noexcept {
        if (!value) return std::nullopt;
        return std::chrono::nanoseconds(static_cast<std::int64_t>(value));
    }

    sg_shard_info info_{};
};

/// sg_cluster_summary: all shards at a glance. Counters are sums over the shards, for the life of the cluster's run.
class ClusterSummary {
public:
    /// An empty one.
    ClusterSummary() noexcept { summary_.struct_size = sizeof summary_; }

    /// Shards of this cluster; 0 before the API has said how many.
    std::uint32_t shards() const noexcept { return summary_.shards; }
    /// Shards of the bot, in all processes; 0 before it is known.
    std::uint32_t total() const noexcept { return summary_.total; }
    /// Shards that were active at least once.
    std::uint32_t ready() const noexcept { return summary_.ready; }
    /// Shards in this state.
    std::uint32_t in(ShardState state) const noexcept {
        constexpr std::size_t known = sizeof summary_.states / sizeof *summary_.states;
        return detail::number(state) < known ? summary_.states[detail::number(state)] : 0;
    }
    /// The longest of the last round trips of connected shards.
    std::optional<std::chrono::nanoseconds> latency_slowest() const noexcept {
        if (!summary_.latency_slowest_ns) return std::nullopt;
        return std::chrono::nanoseconds(static_cast<std::int64_t>(summary_.latency_slowest_ns));
    }
    /// Whose it is.
    std::uint32_t latency_slowest_shard() const noexcept { return summary_.latency_slowest_shard; }
    /// Identifies left until the reset; empty when the API was not asked.
    std::optional<std::uint32_t> identifies_left() const noexcept {
        return summary_.identifies_total ? std::optional<std::uint32_t>(summary_.identifies_left) : std::nullopt;
    }
    /// Identifies per 24 h; empty when the API was not asked.
    std::optional<std::uint32_t> identifies_total() const noexcept {
        return summary_.identifies_total ? std::optional<std::uint32_t>(summary_.identifies_total) : std::nullopt;
    }
    /// Until they are given back.
    std::chrono::nanoseconds identifies_reset() const noexcept {
        return std::chrono::nanoseconds(static_cast<std::int64_t>(summary_.identifies_reset_ns));
    }
    /// What inflates zlib-stream, never Auto; empty with another compression.
    std::optional<InflateBackend> inflate_backend() const noexcept {
        if (!summary_.inflate_backend) return std::nullopt;
        return static_cast<InflateBackend>(summary_.inflate_backend);
    }
    /// Dispatches received, filtered ones included.
    std::uint64_t events() const noexcept { return summary_.events; }
    /// Dispatches whose handler returned.
    std::uint64_t events_delivered() const noexcept { return summary_.events_delivered; }
    /// Connections lost or given up and opened again.
    std::uint64_t reconnects() const noexcept { return summary_.reconnects; }
    /// RESUMED received.
    std::uint64_t resumes() const noexcept { return summary_.resumes; }
    /// IDENTIFY sent.
    std::uint64_t identifies() const noexcept { return summary_.identifies; }
    /// Errors told.
    std::uint64_t errors() const noexcept { return summary_.errors; }
    /// Bytes of websocket frames received.
    std::uint64_t bytes_wire() const noexcept { return summary_.bytes_wire; }
    /// The same after decompression.
    std::uint64_t bytes_inflated() const noexcept { return summary_.bytes_inflated; }
    /// Websocket payload bytes sent.
    std::uint64_t bytes_sent() const noexcept { return summary_.bytes_sent; }
    /// Bytes of events that wait for delivery.
    std::uint64_t bytes_queued() const noexcept { return summary_.bytes_queued; }
    /// Commands that wait to be sent.
    std::uint64_t commands_queued() const noexcept { return summary_.commands_queued; }

    /// The C struct, to read.
    const sg_cluster_summary &native() const noexcept { return summary_; }
    /// The C struct, to be filled.
    sg_cluster_summary &native() noexcept { return summary_; }

private:
    sg_cluster_summary summary_{};
};

// ---------------------------------------------------------------------------------------------------------- Commands

/// sg_guild_members_request: whom to ask for. Make one with everyone(), named() or users().
struct GuildMembersRequest {
    std::uint64_t guild_id = 0;            ///< Of which guild.
    std::optional<std::string> query;      ///< The beginning of the username; or empty, with user_ids given.
    std::vector<std::uint64_t> user_ids;   ///< 1 to 100 users; or none, with a query given.
    std::uint32_t limit = 0;               ///< With a query: how many at most.
    std::string nonce;                     ///< Comes back in every chunk; at most 32 bytes; empty = none.
    bool presences = false;                ///< With presences, which needs Intent::GuildPresences.

    /// Every member.
    static GuildMembersRequest everyone(std::uint64_t guild_id) { return named(guild_id, "", 0); }
    /// Members whose username begins so, `limit` (1 to 100) at most.
    static GuildMembersRequest named(std::uint64_t guild_id, std::string beginning, std::uint32_t limit) {
        GuildMembersRequest result;
        result.guild_id = guild_id;
        result.query = std::move(beginning);
        result.limit = limit;
        return result;
    }
    /// These users.
    static GuildMembersRequest users(std::uint64_t guild_id, std::vector<std::uint64_t> ids) {
        GuildMembersRequest result;
        result.guild_id = guild_id;
        result.user_ids = std::move(ids);
        return result;
    }
    /// The C struct, valid until this changes.
    sg_guild_members_request native() const noexcept {
        sg_guild_members_request result{};
        result.struct_size = sizeof result;
        result.limit = limit;
        result.guild_id = guild_id;
        result.query = query ? CString(*query).get() : nullptr;
        result.user_ids = user_ids.empty() ? nullptr : user_ids.data();
        result.user_id_count = user_ids.size();
        result.nonce = nonce.empty() ? nullptr : nonce.c_str();
        result.presences = presences;
        return result;
    }
};

// ------------------------------------------------------------------------------------------------- Cluster and Shard

namespace detail {

struct ClusterCalls {
    static constexpr auto start = sg_cluster_start;
    static constexpr auto wait_ready = sg_cluster_wait_ready;
    static constexpr auto wait = sg_cluster_wait;
    static constexpr auto shutdown = sg_cluster_shutdown;
    static constexpr auto free = sg_cluster_free;
};

struct ShardCalls {
    static constexpr auto start = sg_shard_start;
    static constexpr auto wait_ready = sg_shard_wait_ready;
    static constexpr auto wait = sg_shard_wait;
    static constexpr auto shutdown = sg_shard_shutdown;
    static constexpr auto free = sg_shard_free;
};

} // namespace detail

/// What Cluster and Shard have in common: their life. Any thread may call, several at once, also inside a handler,
/// except for wait(), wait_ready() and shutdown(), which are Status::WouldDeadlock there. Moving and destroying are for
/// one thread alone.
template <class Handle, class Calls> class Connection {
public:
    /// Takes it over; the other is empty afterwards.
    Connection(Connection &&other) noexcept
        : handle_(std::exchange(other.handle_, nullptr)), sink_(std::move(other.sink_)) {}
    /// Destroys this one's and takes the other's.
    Connection &operator=(Connection &&other) noexcept {
        if (this != &other) {
            destroy();
            handle_ = std::exchange(other.handle_, nullptr);
            sink_ = std::move(other.sink_);
        }
        return *this;
    }
    Connection(const Connection &) = delete;
    Connection &operator=(const Connection &) = delete;

    /// Whether there is one: not after a move, nor after a failure that ec told of.
    explicit operator bool() const noexcept { return handle_ != nullptr; }
    /// The C handle, still owned by this.
    Handle *native() const noexcept { return handle_; }

    /// Connects; returns at once, progress comes as events. May be retried, and used again after a shutdown.
    void start(SWIFTGATEWAY_EC) { detail::report(Calls::start(handle_), ec); }

    /// Waits until all shards have been active at least once, for ever by default. False: the time passed.
    bool wait_ready(std::optional<std::chrono::milliseconds> time SWIFTGATEWAY_DEFAULT(std::nullopt), SWIFTGATEWAY_EC) {
        return ended(Calls::wait_ready(handle_, detail::timeout(time)), time.has_value(), ec);
    }
    /// The same, for ever.
    bool wait_ready(std::error_code &ec) { return wait_ready(std::nullopt, ec); }

    /// Waits until every shard has stopped, for ever by default. False: the time passed.
    bool wait(std::optional<std::chrono::milliseconds> time SWIFTGATEWAY_DEFAULT(std::nullopt), SWIFTGATEWAY_EC) {
        return ended(Calls::wait(handle_, detail::timeout(time)), time.has_value(), ec);
    }
    /// The same, for ever.
    bool wait(std::error_code &ec) { return wait(std::nullopt, ec); }

    /// Leaves, after what was received has been handled; 5 s by default. False: the time passed, and what was not
    /// handled by then is left to a later resume; it is stopped all the same.
    bool shutdown(ShutdownMode mode SWIFTGATEWAY_DEFAULT(ShutdownMode::Final),
                  std::optional<std::chrono::milliseconds> time SWIFTGATEWAY_DEFAULT(std::chrono::milliseconds(5000)),
                  SWIFTGATEWAY_EC) {
        return ended(Calls::shutdown(handle_, detail::number(mode), detail::timeout(time)), time.has_value(), ec);
    }
    /// The same with the defaults.
    bool shutdown(std::error_code &ec) { return shutdown(ShutdownMode::Final, std::chrono::milliseconds(5000), ec); }

    /// What left a handler and stopped this, given away: wait(), wait_ready() and shutdown() throw it themselves unless
    /// they were given an ec, which is then Status::Cancelled.
    std::exception_ptr take_exception() noexcept { return sink_ ? sink_->take() : nullptr; }

protected:
    /// Empty.
    Connection() noexcept = default;
    /// Shuts down resumable, within 5 s.
    ~Connection() { destroy(); }

    /// Makes the handle, with the handlers of a config.
    template <class Make> void make(const Config &config, Make create, std::error_code &ec) {
        auto sink = std::make_unique<detail::Sink>(config.handlers_);
        {
            const detail::Sink::Attached attached(config.native(), *sink, ec);
            if (!attached || !detail::report(create(config.native(), &handle_), ec)) return;
        }
        Handle *const handle = handle_;
        // No time to drain: what was not handled comes again with the resume.
        sink->stop_with([handle] { Calls::shutdown(handle, SG_SHUTDOWN_RESUMABLE, 0); });
        sink_ = std::move(sink);
    }

    /// What a wait came to; false: the time passed.
    bool ended(sg_status status, bool limited, std::error_code &ec) {
        if (sink_ && status != SG_ERROR_WOULD_DEADLOCK && sink_->stopped()) {
            sink_->join();
#ifndef SWIFTGATEWAY_NO_EXCEPTIONS
            if (&ec == &throws()) {
                // Another thread that waits may have taken it.
                if (const std::exception_ptr exception = sink_->take()) std::rethrow_exception(exception);
            }
#endif
            status = SG_ERROR_CANCELLED;
        }
        const bool passed = status == SG_ERROR_TIMEOUT && limited;
        return detail::report(passed ? SG_OK : status, ec) && !passed;
    }

private:
    void destroy() noexcept {
        if (!handle_) return;
        Handle *const handle = std::exchange(handle_, nullptr);
        const auto end = [](Handle *h, std::unique_ptr<detail::Sink> sink) {
            // First the end of all handlers, then of the thread that one of them may have started, then of the rest.
            const bool inside = Calls::shutdown(h, SG_SHUTDOWN_RESUMABLE, 5000) == SG_ERROR_WOULD_DEADLOCK;
            if (inside) return sink;
            sink->join();
            Calls::free(h);
            sink.reset();
            return sink;
        };
        std::unique_ptr<detail::Sink> left = end(handle, std::move(sink_));
        if (!left) return;
        std::thread([end, handle, sink = std::move(left)]() mutable { end(handle, std::move(sink)); }).detach();
    }

    Handle *handle_ = nullptr;
    std::unique_ptr<detail::Sink> sink_;
};

/// sg_cluster: some or all shards of one bot.
class Cluster : public Connection<sg_cluster, detail::ClusterCalls> {
public:
    /// sg_cluster_new: from a copy of the config and its handlers. Nothing connects yet.
    explicit Cluster(const Config &config, SWIFTGATEWAY_EC) { make(config, sg_cluster_new, ec); }

    /// sg_cluster_shard_ids.
    std::vector<std::uint32_t> shard_ids(SWIFTGATEWAY_EC) const {
        std::vector<std::uint32_t> ids;
        std::size_t count = 0;
        sg_status status = sg_cluster_shard_ids(native(), nullptr, &count);
        while (status == SG_ERROR_BUFFER_TOO_SMALL) {
            ids.resize(count);
            status = sg_cluster_shard_ids(native(), ids.data(), &count);
        }
        ids.resize(detail::report(status, ec) ? count : 0);
        return ids;
    }
    /// sg_cluster_info.
    ShardInfo info(std::uint32_t shard_id, SWIFTGATEWAY_EC) const {
        ShardInfo result;
        detail::report(sg_cluster_info(native(), shard_id, &result.native()), ec);
        return result;
    }
    /// sg_cluster_get_summary.
    ClusterSummary summary(SWIFTGATEWAY_EC) const {
        ClusterSummary result;
        detail::report(sg_cluster_get_summary(native(), &result.native()), ec);
        return result;
    }
    /// sg_cluster_guild_shard: the shard of this cluster that serves a guild; empty when it is in another process.
    std::optional<std::uint32_t> guild_shard(std::uint64_t guild_id, SWIFTGATEWAY_EC) const {
        std::uint32_t result = 0;
        const sg_status status = sg_cluster_guild_shard(native(), guild_id, &result);
        if (!detail::report(status == SG_ERROR_NOT_FOUND ? SG_OK : status, ec) || status != SG_OK) return std::nullopt;
        return result;
    }
    /// sg_cluster_send.
    void send(std::uint32_t shard_id, std::string_view json, SWIFTGATEWAY_EC) {
        detail::report(sg_cluster_send(native(), shard_id, json.data(), json.size()), ec);
    }
    /// sg_cluster_update_presence.
    void update_presence(std::uint32_t shard_id, std::string_view json, SWIFTGATEWAY_EC) {
        detail::report(sg_cluster_update_presence(native(), shard_id, json.data(), json.size()), ec);
    }
    /// sg_cluster_update_presence_all.
    void update_presence_all(std::string_view json, SWIFTGATEWAY_EC) {
        detail::report(sg_cluster_update_presence_all(native(), json.data(), json.size()), ec);
    }
    /// sg_cluster_update_voice_state; no channel is to leave.
    void update_voice_state(std::uint32_t shard_id, std::uint64_t guild_id, std::optional<std::uint64_t> channel_id,
                            bool self_mute SWIFTGATEWAY_DEFAULT(false),
                            bool self_deaf SWIFTGATEWAY_DEFAULT(false), SWIFTGATEWAY_EC) {
        detail::report(sg_cluster_update_voice_state(native(), shard_id, guild_id, channel_id.value_or(0), self_mute,
                                                     self_deaf), ec);
    }
    /// sg_cluster_request_guild_members.
    void request_guild_members(std::uint32_t shard_id, const GuildMembersRequest &request, SWIFTGATEWAY_EC) {
        const sg_guild_members_request whom = request.native();
        detail::report(sg_cluster_request_guild_members(native(), shard_id, &whom), ec);
    }
    /// sg_cluster_request_soundboard_sounds.
    void request_soundboard_sounds(std::uint32_t shard_id, View<std::uint64_t> guild_ids, SWIFTGATEWAY_EC) {
        detail::report(
            sg_cluster_request_soundboard_sounds(native(), shard_id, guild_ids.data(), guild_ids.size()), ec);
    }
    /// sg_cluster_request_channel_info.
    void request_channel_info(std::uint32_t shard_id, std::uint64_t guild_id, View<CString> fields, SWIFTGATEWAY_EC) {
        std::vector<const char *> texts;
        for (const CString field : fields) texts.push_back(field.get());
        detail::report(
            sg_cluster_request_channel_info(native(), shard_id, guild_id, texts.data(), texts.size()), ec);
    }
    /// sg_cluster_restart_shard.
    void restart_shard(std::uint32_t shard_id, RestartMode mode, SWIFTGATEWAY_EC) {
        detail::report(sg_cluster_restart_shard(native(), shard_id, detail::number(mode)), ec);
    }
    /// sg_cluster_add_shard.
    void add_shard(std::uint32_t shard_id, SWIFTGATEWAY_EC) {
        detail::report(sg_cluster_add_shard(native(), shard_id), ec);
    }
    /// sg_cluster_add_shard_session.
    void add_shard_session(std::uint32_t shard_id, std::string_view json, SWIFTGATEWAY_EC) {
        detail::report(sg_cluster_add_shard_session(native(), shard_id, json.data(), json.size()), ec);
    }
    /// sg_cluster_remove_shard.
    void remove_shard(std::uint32_t shard_id, ShutdownMode mode, SWIFTGATEWAY_EC) {
        detail::report(sg_cluster_remove_shard(native(), shard_id, detail::number(mode)), ec);
    }
    /// sg_cluster_reshard: begins to put other shards in the place of those that run, without a pause.
    void reshard(std::uint32_t first, std::uint32_t count, std::uint32_t total, SWIFTGATEWAY_EC) {
        detail::report(sg_cluster_reshard(native(), first, count, total), ec);
    }
    /// sg_cluster_reshard with 0, 0, 0: all shards that the API recommends.
    void reshard_auto(SWIFTGATEWAY_EC) { detail::report(sg_cluster_reshard(native(), 0, 0, 0), ec); }
    /// sg_cluster_reshard_bucket; a total of 0 is the API's recommendation.
    void reshard_bucket(std::uint32_t bucket, std::uint32_t buckets, std::uint32_t total, SWIFTGATEWAY_EC) {
        detail::report(sg_cluster_reshard_bucket(native(), bucket, buckets, total), ec);
    }
    /// sg_cluster_reshard_split; a total of 0 is the API's recommendation.
    void reshard_split(std::uint32_t process, std::uint32_t processes, std::uint32_t total, SWIFTGATEWAY_EC) {
        detail::report(sg_cluster_reshard_split(native(), process, processes, total), ec);
    }
    /// sg_cluster_wait_reshard; for ever by default. False: the time passed.
    bool wait_reshard(std::optional<std::chrono::milliseconds> time SWIFTGATEWAY_DEFAULT(std::nullopt), SWIFTGATEWAY_EC) {
        return this->ended(sg_cluster_wait_reshard(native(), detail::timeout(time)), time.has_value(), ec);
    }
    /// sg_cluster_cancel_reshard.
    void cancel_reshard(SWIFTGATEWAY_EC) { detail::report(sg_cluster_cancel_reshard(native()), ec); }
    /// sg_cluster_export_sessions.
    std::string export_sessions(SWIFTGATEWAY_EC) const {
        return detail::text([&](char *buffer, std::size_t *length) {
            return sg_cluster_export_sessions(native(), buffer, length);
        }, ec);
    }
    /// sg_cluster_export_shard; for ever by default.
    std::string export_shard(std::uint32_t shard_id,
                             std::optional<std::chrono::milliseconds> time SWIFTGATEWAY_DEFAULT(std::nullopt),
                             SWIFTGATEWAY_EC) const {
        return detail::text([&](char *buffer, std::size_t *length) {
            return sg_cluster_export_shard(native(), shard_id, detail::timeout(time), buffer, length);
        }, ec);
    }
    /// sg_cluster_metrics: in the text format of Prometheus.
    std::string metrics(SWIFTGATEWAY_EC) const {
        return detail::text([&](char *buffer, std::size_t *length) {
            return sg_cluster_metrics(native(), buffer, length);
        }, ec);
    }
};

/// sg_shard: one connection.
class Shard : public Connection<sg_shard, detail::ShardCalls> {
public:
    /// sg_shard_new: from a copy of the config and its handlers. Nothing connects yet.
    Shard(const Config &config, std::uint32_t shard_id, std::uint32_t shard_total, SWIFTGATEWAY_EC) {
        make(config, [&](sg_config *c, sg_shard **out) { return sg_shard_new(c, shard_id, shard_total, out); }, ec);
    }

    /// sg_shard_get_info.
    ShardInfo info(SWIFTGATEWAY_EC) const {
        ShardInfo result;
        detail::report(sg_shard_get_info(native(), &result.native()), ec);
        return result;
    }
    /// sg_shard_send.
    void send(std::string_view json, SWIFTGATEWAY_EC) {
        detail::report(sg_shard_send(native(), json.data(), json.size()), ec);
    }
    /// sg_shard_update_presence.
    void update_presence(std::string_view json, SWIFTGATEWAY_EC) {
        detail::report(sg_shard_update_presence(native(), json.data(), json.size()), ec);
    }
    /// sg_shard_update_voice_state; no channel is to leave.
    void update_voice_state(std::uint64_t guild_id, std::optional<std::uint64_t> channel_id,
                            bool self_mute SWIFTGATEWAY_DEFAULT(false),
                            bool self_deaf SWIFTGATEWAY_DEFAULT(false), SWIFTGATEWAY_EC) {
        detail::report(
            sg_shard_update_voice_state(native(), guild_id, channel_id.value_or(0), self_mute, self_deaf), ec);
    }
    /// sg_shard_request_guild_members.
    void request_guild_members(const GuildMembersRequest &request, SWIFTGATEWAY_EC) {
        const sg_guild_members_request whom = request.native();
        detail::report(sg_shard_request_guild_members(native(), &whom), ec);
    }
    /// sg_shard_request_soundboard_sounds.
    void request_soundboard_sounds(View<std::uint64_t> guild_ids, SWIFTGATEWAY_EC) {
        detail::report(sg_shard_request_soundboard_sounds(native(), guild_ids.data(), guild_ids.size()), ec);
    }
    /// sg_shard_request_channel_info.
    void request_channel_info(std::uint64_t guild_id, View<CString> fields, SWIFTGATEWAY_EC) {
        std::vector<const char *> texts;
        for (const CString field : fields) texts.push_back(field.get());
        detail::report(sg_shard_request_channel_info(native(), guild_id, texts.data(), texts.size()), ec);
    }
};

} // namespace with_exceptions or without_exceptions
} // namespace swiftgateway

namespace std {
/// A Status fits into a std::error_code.
template <> struct is_error_code_enum<swiftgateway::Status> : true_type {};
} // namespace std

#undef SWIFTGATEWAY_EC
#undef SWIFTGATEWAY_DEFAULT

#endif
