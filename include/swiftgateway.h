/*
 * SwiftGateway: connections to the Discord gateway, held for as long as their owner wants.
 * The C API of libswiftgateway.so. C99; usable from C++ and, without any macro, from a foreign-function interface.
 *
 *     sg_config *config = sg_config_new(getenv("DISCORD_TOKEN"), SG_INTENT_GUILDS | SG_INTENT_GUILD_MESSAGES);
 *     sg_config_set_event_handler(config, on_event, NULL);
 *     sg_cluster *cluster = NULL;
 *     if (sg_cluster_new(config, &cluster) != SG_OK || sg_cluster_start(cluster) != SG_OK) puts(sg_last_error());
 *     sg_config_free(config);
 *     sg_cluster_wait(cluster, SG_WAIT_FOREVER);
 *     sg_cluster_free(cluster);
 *
 * CONVENTIONS, which hold for every function below
 *
 * Handles   sg_config, sg_cluster and sg_shard are opaque. `_new` creates one, `_free` destroys it, `_free(NULL)` does
 *           nothing. A handle that was freed is refused like NULL; it is never followed.
 * Errors    Every function that can fail returns sg_status; 0 is SG_OK. Results come through out-parameters, which a
 *           failure leaves as they were. sg_last_error() says in a sentence what was wrong. Everywhere:
 *             SG_ERROR_INVALID_ARGUMENT  a NULL handle, a NULL pointer where one is needed, text that is not UTF-8, a
 *                                        number out of range, an unknown enum value or flag
 *             SG_ERROR_INVALID_STATE     the object's state forbids the call
 *             SG_ERROR_INTERNAL          a defect of the library, or no memory
 *           A function's own comment names what it returns beyond these. No argument makes the library trap.
 * Strings   Going in: NUL-terminated UTF-8, copied before the call returns; byte buffers as pointer and length, copied
 *           as well (a length of 0 allows NULL only where said). Coming out: static, or written into the caller's
 *           buffer. For the latter `*length` holds the capacity in bytes before the call and the length of the text,
 *           without its NUL, after it, as with snprintf: capacity must be at least length + 1. A smaller one gives
 *           SG_ERROR_BUFFER_TOO_SMALL, `*length` set, and the buffer as it was. A NULL buffer with `*length` 0 asks
 *           for the length alone.
 * Enums     Parameters and fields that take an enum's value are uint32_t: their size depends on no compiler.
 * Structs   Those that may grow begin with struct_size. The one who allocates sets it to sizeof; the library reads and
 *           writes no byte beyond it. Smaller than the first version of the struct is SG_ERROR_INVALID_ARGUMENT.
 * Threads   A config belongs to one thread at a time. Clusters and shards may be used from any thread, by several at
 *           once, and from inside a callback, except that `_shutdown`, `_wait`, `_wait_ready` and `_free` inside a
 *           callback return SG_ERROR_WOULD_DEADLOCK (`_free` does nothing then; sg_last_error() says so).
 *           No `_free` while another thread is inside a call on the same handle.
 * Callbacks Called on threads of the library. What an event points to is valid until the callback returns. Per shard,
 *           events come in order and never two at once; different shards may call at the same time. A callback must
 *           return normally: no longjmp, no C++ exception.
 * Time      `_ms` and "milliseconds" are milliseconds, `_ns` nanoseconds of CLOCK_MONOTONIC. A timeout of 0 looks once
 *           and returns at once; SG_WAIT_FOREVER never ends the wait.
 *
 * "§" refers to the sections of the protocol description that the numbers come from; "practice" marks values that are
 * usual among clients but not documented by Discord.
 */
#ifndef SWIFTGATEWAY_H
#define SWIFTGATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version this header belongs to; sg_version() tells that of the library in use. The minor number grows with every
 * addition; the major number, which is also the library's soname, with every change that is not compatible. */
#define SG_VERSION_MAJOR 0 /* what changes when programs have to be built anew, or written anew */
#define SG_VERSION_MINOR 1 /* what changes with additions */
#define SG_VERSION_PATCH 0 /* what changes with corrections */
/* The three as text. */
#define SG_VERSION "0.1.0"

/* A timeout that never passes. */
#define SG_WAIT_FOREVER 0xFFFFFFFFu

/* ---------------------------------------------------------------------------------------------------- Status */

/* What a call came to, and what an SG_EVENT_ERROR is about. New values may be added. */
typedef enum sg_status {
    SG_OK = 0, /* it worked */

    /* The call itself. */
    SG_ERROR_INVALID_ARGUMENT = 1,  /* an argument that can never be right */
    SG_ERROR_INVALID_STATE = 2,     /* not now: the object's state forbids the call */
    SG_ERROR_NOT_FOUND = 3,         /* no such shard, or no such value in an event */
    SG_ERROR_PAYLOAD_TOO_LARGE = 4, /* an outgoing payload of more than 4096 bytes (§12) */
    SG_ERROR_QUEUE_FULL = 5,        /* too many commands wait to be sent */
    SG_ERROR_TIMEOUT = 6,           /* the given time passed */
    SG_ERROR_CANCELLED = 7,         /* shut down while the call waited */
    SG_ERROR_WOULD_DEADLOCK = 8,    /* the call waits for callbacks and came from inside one */
    SG_ERROR_BUFFER_TOO_SMALL = 9,  /* see "Strings" above */

    /* The world. */
    SG_ERROR_NETWORK = 20,        /* name resolution, connect, or the connection broke */
    SG_ERROR_TLS = 21,            /* handshake refused, or the certificate is untrusted, expired or for another host */
    SG_ERROR_HTTP = 22,           /* the API or the upgrade was answered with an unexpected HTTP status or body */
    SG_ERROR_UNAUTHORIZED = 23,   /* the token was refused: HTTP 401, or close code 4004 */
    SG_ERROR_RATE_LIMITED = 24,   /* HTTP 429, close code 4008, or a RATE_LIMITED answer */
    SG_ERROR_SESSION_LIMIT = 25,  /* fewer identifies left today than shards to start (§2) */
    SG_ERROR_GATEWAY_CLOSED = 26, /* the gateway closed the connection; the code says why (§10) */
    SG_ERROR_PROTOCOL = 27,       /* the peer broke the protocol: websocket, compression or JSON */
    SG_ERROR_FILE = 28,           /* a file could not be read, written or understood */
    SG_ERROR_UNSUPPORTED = 29,    /* not available here, such as zstd without libzstd.so.1 */

    SG_ERROR_INTERNAL = 99 /* a defect of the library, or no memory */
} sg_status;

/* The version of the library in use, such as "1.2.3". Static; never NULL. Any thread. */
const char *sg_version(void);

/* The name of a status, such as "SG_ERROR_TIMEOUT"; "SG_STATUS_UNKNOWN" for a number without one. Static; never NULL.
 * Any thread. */
const char *sg_status_name(uint32_t status);

/* The calling thread's last failure in one plain sentence that says what was wrong with which value. Never holds the
 * token. Never NULL and never empty: "no error" before the first failure. A call that succeeds does not change it. The
 * text is valid until the next failure on the same thread, and no longer than the thread. */
const char *sg_last_error(void);

/* ----------------------------------------------------------------------------------------------------- Types */

typedef struct sg_config sg_config;   /* how to connect and what to deliver; a template for clusters and shards */
typedef struct sg_cluster sg_cluster; /* some or all shards of one bot */
typedef struct sg_shard sg_shard;     /* one connection */

/* Intents (§17): what the gateway is asked to send. Privileged ones must be switched on in the developer portal, else
 * the gateway closes with 4014. Bits without a name here are sent as they are; an unknown one is closed with 4013. */
typedef enum sg_intent {
    SG_INTENT_GUILDS = 1 << 0, /* guilds, roles, channels, threads, stages */
    SG_INTENT_GUILD_MEMBERS = 1 << 1, /* privileged: members join, leave, change */
    SG_INTENT_GUILD_MODERATION = 1 << 2, /* the audit log and bans */
    SG_INTENT_GUILD_EXPRESSIONS = 1 << 3, /* emojis, stickers, soundboard sounds */
    SG_INTENT_GUILD_INTEGRATIONS = 1 << 4, /* integrations */
    SG_INTENT_GUILD_WEBHOOKS = 1 << 5, /* webhooks */
    SG_INTENT_GUILD_INVITES = 1 << 6, /* invites */
    SG_INTENT_GUILD_VOICE_STATES = 1 << 7, /* who is in which voice channel */
    SG_INTENT_GUILD_PRESENCES = 1 << 8, /* privileged: status and activities */
    SG_INTENT_GUILD_MESSAGES = 1 << 9, /* messages in guilds */
    SG_INTENT_GUILD_MESSAGE_REACTIONS = 1 << 10, /* reactions in guilds */
    SG_INTENT_GUILD_MESSAGE_TYPING = 1 << 11, /* typing in guilds */
    SG_INTENT_DIRECT_MESSAGES = 1 << 12, /* messages to the bot */
    SG_INTENT_DIRECT_MESSAGE_REACTIONS = 1 << 13, /* reactions to them */
    SG_INTENT_DIRECT_MESSAGE_TYPING = 1 << 14, /* typing to the bot */
    SG_INTENT_MESSAGE_CONTENT = 1 << 15, /* privileged: what messages say */
    SG_INTENT_GUILD_SCHEDULED_EVENTS = 1 << 16, /* scheduled events */
    SG_INTENT_AUTO_MODERATION_CONFIGURATION = 1 << 20, /* rules of auto moderation */
    SG_INTENT_AUTO_MODERATION_EXECUTION = 1 << 21, /* what these rules did */
    SG_INTENT_GUILD_MESSAGE_POLLS = 1 << 24, /* votes in guilds */
    SG_INTENT_DIRECT_MESSAGE_POLLS = 1 << 25, /* votes in direct messages */
    SG_INTENTS_ALL = 53608447, /* every documented intent */
    SG_INTENTS_UNPRIVILEGED = 53575421, /* every documented intent that needs no approval */
    SG_INTENTS_PRIVILEGED = 33026 /* the intents to switch on in the developer portal */
} sg_intent;

/* Transport compression, server to client (§14). */
typedef enum sg_compression {
    SG_COMPRESSION_NONE = 0, /* plain text */
    SG_COMPRESSION_ZLIB = 1, /* least memory, the default */
    SG_COMPRESSION_ZSTD = 2  /* least CPU, five times the memory of a zlib shard; needs libzstd.so.1 at run time */
} sg_compression;

/* What inflates zlib-stream. */
typedef enum sg_inflate_backend {
    SG_INFLATE_AUTO = 0,   /* zlib-ng where it is installed, zlib otherwise; the default */
    SG_INFLATE_ZLIB = 1,   /* the zlib that the library is linked with */
    SG_INFLATE_ZLIB_NG = 2 /* zlib-ng: less CPU (measured: 5 to 15 % of an event); needs libz-ng.so.2 at run time */
} sg_inflate_backend;

/* On which thread the event handler is called. */
typedef enum sg_delivery {
    SG_DELIVERY_QUEUED = 0, /* on a delivery thread, from a bounded queue: a slow handler delays no heartbeat */
    SG_DELIVERY_INLINE = 1  /* on the connection's own thread, without a copy: for handlers that return at once */
} sg_delivery;

/* What to do when a heartbeat was not acknowledged by the time of the next one (§6). */
typedef enum sg_zombie_policy {
    SG_ZOMBIE_GRACE = 0, /* at once if nothing was read since; one interval more while data still flows */
    SG_ZOMBIE_STRICT = 1 /* at once, whatever else arrived: the documented criterion */
} sg_zombie_policy;

/* How to leave (§11). */
typedef enum sg_shutdown_mode {
    SG_SHUTDOWN_FINAL = 0,    /* close 1000: the bot goes offline at once, the session is over and forgotten */
    SG_SHUTDOWN_RESUMABLE = 1 /* close 4000: the session is kept and can be resumed for some minutes */
} sg_shutdown_mode;

/* How to restart one shard. The numbers agree with sg_shutdown_mode, whose names may be used as well. */
typedef enum sg_restart_mode {
    SG_RESTART_IDENTIFY = 0, /* close 1000, then a new session */
    SG_RESTART_RESUME = 1    /* close 4000, then the same session on a new connection */
} sg_restart_mode;

/* Levels of the log. */
typedef enum sg_log_level {
    SG_LOG_TRACE = 0,   /* every frame's opcode and size */
    SG_LOG_DEBUG = 1,   /* decisions of the engine */
    SG_LOG_INFO = 2,    /* life cycle: connected, ready, resumed, closed */
    SG_LOG_WARNING = 3, /* something failed and is retried */
    SG_LOG_ERROR = 4,   /* a shard is fatal, or a file was refused */
    SG_LOG_OFF = 5      /* as a minimum: nothing */
} sg_log_level;

/* ---------------------------------------------------------------------------------------------------- Events */

/* What an event is. The comments name the fields that carry something; all others are 0 or NULL. */
typedef enum sg_event_kind {
    SG_EVENT_DISPATCH = 0, /* op 0: name, type, sequence; data = the raw JSON of d, byte for byte as it was sent */
    SG_EVENT_STATE = 1,    /* the shard changed: state; code = the heartbeat interval in ms for SG_SHARD_IDENTIFYING and
                              SG_SHARD_RESUMING, the number of the attempt, from 1, for SG_SHARD_CONNECTING and
                              SG_SHARD_BACKOFF; value_ns = the wait for SG_SHARD_BACKOFF */
    SG_EVENT_CLOSED = 2,   /* the connection ended: code = close code (1006 without a close frame), data = the reason as
                              UTF-8 text, state = what follows */
    SG_EVENT_LATENCY = 3,  /* a heartbeat was acknowledged: value_ns = round trip */
    SG_EVENT_ERROR = 4,    /* something failed: status, and data = a plain sentence; the shard goes on unless state is
                              SG_SHARD_FATAL */
    SG_EVENT_PAYLOAD = 5   /* every payload received, whole, decompressed, before it is handled: data; opt-in */
} sg_event_kind;

/* Masks for sg_config_set_event_kinds; one kind's bit is 1 << its number. */
typedef enum sg_event_kinds {
    SG_EVENT_KINDS_DEFAULT = 31, /* all but SG_EVENT_PAYLOAD */
    SG_EVENT_KINDS_ALL = 63 /* every kind */
} sg_event_kinds;

/* The life of a shard (§1). */
typedef enum sg_shard_state {
    SG_SHARD_IDLE = 0,              /* not started */
    SG_SHARD_CONNECTING = 1,        /* resolving, TCP, TLS, websocket upgrade */
    SG_SHARD_AWAITING_HELLO = 2,    /* connected; the gateway speaks first */
    SG_SHARD_AWAITING_IDENTIFY = 3, /* heartbeats run; waiting for the turn to identify (§16) */
    SG_SHARD_IDENTIFYING = 4,       /* IDENTIFY sent; waiting for READY */
    SG_SHARD_RESUMING = 5,          /* RESUME sent; missed events arrive, then RESUMED */
    SG_SHARD_ACTIVE = 6,            /* READY or RESUMED received */
    SG_SHARD_BACKOFF = 7,           /* waiting before the next attempt */
    SG_SHARD_CLOSING = 8,           /* leaving; waiting for the peer's close frame */
    SG_SHARD_STOPPED = 9,           /* shut down by its owner */
    SG_SHARD_FATAL = 10             /* stopped by an error that would repeat: bad token, intents or shard numbers */
} sg_shard_state;

/* Dispatch events (§18), numbered in the order of the protocol's table. New ones are appended; numbers never change. */
typedef enum sg_dispatch {
    SG_DISPATCH_UNKNOWN = 0, /* a name that this build does not know; see sg_event.name */
    SG_DISPATCH_READY = 1, /* the session begins: who the bot is, its guilds' ids, the session id */
    SG_DISPATCH_RESUMED = 2, /* the missed events have been replayed */
    SG_DISPATCH_RATE_LIMITED = 3, /* a command came too soon; the data says which and when again */
    SG_DISPATCH_APPLICATION_COMMAND_PERMISSIONS_UPDATE = 4, /* who may use a command changed */
    SG_DISPATCH_AUTO_MODERATION_RULE_CREATE = 5, /* a rule was made */
    SG_DISPATCH_AUTO_MODERATION_RULE_UPDATE = 6, /* a rule changed */
    SG_DISPATCH_AUTO_MODERATION_RULE_DELETE = 7, /* a rule was deleted */
    SG_DISPATCH_AUTO_MODERATION_ACTION_EXECUTION = 8, /* a rule acted */
    SG_DISPATCH_CHANNEL_CREATE = 9, /* a channel was made */
    SG_DISPATCH_CHANNEL_UPDATE = 10, /* a channel changed */
    SG_DISPATCH_CHANNEL_DELETE = 11, /* a channel was deleted */
    SG_DISPATCH_CHANNEL_INFO = 12, /* the answer to op 43 */
    SG_DISPATCH_CHANNEL_PINS_UPDATE = 13, /* a message was pinned or unpinned */
    SG_DISPATCH_VOICE_CHANNEL_STATUS_UPDATE = 14, /* a voice channel's status text changed */
    SG_DISPATCH_VOICE_CHANNEL_START_TIME_UPDATE = 15, /* when a voice channel's call began changed */
    SG_DISPATCH_THREAD_CREATE = 16, /* a thread was made, or the bot was added to one */
    SG_DISPATCH_THREAD_UPDATE = 17, /* a thread changed */
    SG_DISPATCH_THREAD_DELETE = 18, /* a thread was deleted */
    SG_DISPATCH_THREAD_LIST_SYNC = 19, /* the active threads of channels the bot gained access to */
    SG_DISPATCH_THREAD_MEMBER_UPDATE = 20, /* the bot's own membership of a thread changed */
    SG_DISPATCH_THREAD_MEMBERS_UPDATE = 21, /* members joined or left a thread */
    SG_DISPATCH_ENTITLEMENT_CREATE = 22, /* a user gained an entitlement */
    SG_DISPATCH_ENTITLEMENT_UPDATE = 23, /* an entitlement changed or was renewed */
    SG_DISPATCH_ENTITLEMENT_DELETE = 24, /* an entitlement was deleted */
    SG_DISPATCH_GUILD_CREATE = 25, /* a guild, whole: after READY, after an outage, or newly joined */
    SG_DISPATCH_GUILD_UPDATE = 26, /* a guild's settings changed */
    SG_DISPATCH_GUILD_DELETE = 27, /* a guild is unavailable, or the bot left it */
    SG_DISPATCH_GUILD_AUDIT_LOG_ENTRY_CREATE = 28, /* the audit log has a new entry */
    SG_DISPATCH_GUILD_BAN_ADD = 29, /* a user was banned */
    SG_DISPATCH_GUILD_BAN_REMOVE = 30, /* a ban was lifted */
    SG_DISPATCH_GUILD_EMOJIS_UPDATE = 31, /* a guild's emojis changed */
    SG_DISPATCH_GUILD_STICKERS_UPDATE = 32, /* a guild's stickers changed */
    SG_DISPATCH_GUILD_INTEGRATIONS_UPDATE = 33, /* a guild's integrations changed */
    SG_DISPATCH_GUILD_MEMBER_ADD = 34, /* a user joined a guild */
    SG_DISPATCH_GUILD_MEMBER_REMOVE = 35, /* a user left a guild or was removed */
    SG_DISPATCH_GUILD_MEMBER_UPDATE = 36, /* a member changed */
    SG_DISPATCH_GUILD_MEMBERS_CHUNK = 37, /* a part of the answer to op 8 */
    SG_DISPATCH_GUILD_ROLE_CREATE = 38, /* a role was made */
    SG_DISPATCH_GUILD_ROLE_UPDATE = 39, /* a role changed */
    SG_DISPATCH_GUILD_ROLE_DELETE = 40, /* a role was deleted */
    SG_DISPATCH_GUILD_SCHEDULED_EVENT_CREATE = 41, /* a scheduled event was made */
    SG_DISPATCH_GUILD_SCHEDULED_EVENT_UPDATE = 42, /* a scheduled event changed */
    SG_DISPATCH_GUILD_SCHEDULED_EVENT_DELETE = 43, /* a scheduled event was deleted */
    SG_DISPATCH_GUILD_SCHEDULED_EVENT_USER_ADD = 44, /* a user is interested in a scheduled event */
    SG_DISPATCH_GUILD_SCHEDULED_EVENT_USER_REMOVE = 45, /* a user is no longer interested in one */
    SG_DISPATCH_GUILD_SOUNDBOARD_SOUND_CREATE = 46, /* a soundboard sound was made */
    SG_DISPATCH_GUILD_SOUNDBOARD_SOUND_UPDATE = 47, /* a soundboard sound changed */
    SG_DISPATCH_GUILD_SOUNDBOARD_SOUND_DELETE = 48, /* a soundboard sound was deleted */
    SG_DISPATCH_GUILD_SOUNDBOARD_SOUNDS_UPDATE = 49, /* several soundboard sounds changed */
    SG_DISPATCH_SOUNDBOARD_SOUNDS = 50, /* the answer to op 31, for one guild */
    SG_DISPATCH_INTEGRATION_CREATE = 51, /* an integration was added */
    SG_DISPATCH_INTEGRATION_UPDATE = 52, /* an integration changed */
    SG_DISPATCH_INTEGRATION_DELETE = 53, /* an integration was removed */
    SG_DISPATCH_INTERACTION_CREATE = 54, /* a user used a command, a button or a form of the bot */
    SG_DISPATCH_INVITE_CREATE = 55, /* an invite was made */
    SG_DISPATCH_INVITE_DELETE = 56, /* an invite was deleted */
    SG_DISPATCH_MESSAGE_CREATE = 57, /* a message was sent */
    SG_DISPATCH_MESSAGE_UPDATE = 58, /* a message was edited */
    SG_DISPATCH_MESSAGE_DELETE = 59, /* a message was deleted */
    SG_DISPATCH_MESSAGE_DELETE_BULK = 60, /* several messages were deleted at once */
    SG_DISPATCH_MESSAGE_REACTION_ADD = 61, /* a user reacted to a message */
    SG_DISPATCH_MESSAGE_REACTION_REMOVE = 62, /* a user took a reaction back */
    SG_DISPATCH_MESSAGE_REACTION_REMOVE_ALL = 63, /* all reactions of a message were removed */
    SG_DISPATCH_MESSAGE_REACTION_REMOVE_EMOJI = 64, /* all reactions with one emoji were removed */
    SG_DISPATCH_MESSAGE_POLL_VOTE_ADD = 65, /* a user voted in a poll */
    SG_DISPATCH_MESSAGE_POLL_VOTE_REMOVE = 66, /* a user took a vote back */
    SG_DISPATCH_PRESENCE_UPDATE = 67, /* a user's status or activities changed */
    SG_DISPATCH_STAGE_INSTANCE_CREATE = 68, /* a stage began */
    SG_DISPATCH_STAGE_INSTANCE_UPDATE = 69, /* a stage changed */
    SG_DISPATCH_STAGE_INSTANCE_DELETE = 70, /* a stage ended */
    SG_DISPATCH_SUBSCRIPTION_CREATE = 71, /* a subscription was bought */
    SG_DISPATCH_SUBSCRIPTION_UPDATE = 72, /* a subscription changed */
    SG_DISPATCH_SUBSCRIPTION_DELETE = 73, /* a subscription was deleted */
    SG_DISPATCH_TYPING_START = 74, /* a user began to type */
    SG_DISPATCH_USER_UPDATE = 75, /* the bot's own user changed */
    SG_DISPATCH_VOICE_CHANNEL_EFFECT_SEND = 76, /* an effect was sent into a voice channel the bot is in */
    SG_DISPATCH_VOICE_STATE_UPDATE = 77, /* a user joined, left, moved or muted in voice */
    SG_DISPATCH_VOICE_SERVER_UPDATE = 78, /* the voice server to connect to */
    SG_DISPATCH_WEBHOOKS_UPDATE = 79 /* a channel's webhooks changed */
} sg_dispatch;

/* One event, as it is passed to the handler. Everything in it is valid until the handler returns. */
typedef struct sg_event {
    uint32_t struct_size; /* bytes of this struct that the library filled */
    uint32_t kind;        /* sg_event_kind */
    uint32_t shard_id;    /* whose event it is */
    uint32_t type;        /* sg_dispatch; 0 = a name this build does not know (still delivered, see name) */
    uint64_t sequence;    /* s of the dispatch; 0 where there is none */
    const char *name;     /* name of the dispatch, NUL-terminated as well; NULL for other kinds */
    size_t name_length;   /* without the NUL */
    const char *data;     /* not NUL-terminated; may be NULL when data_length is 0 */
    size_t data_length;   /* in bytes */
    uint32_t state;       /* sg_shard_state */
    uint32_t code;        /* a close code, an interval or the number of an attempt: see sg_event_kind */
    uint32_t status;      /* sg_status */
    uint32_t reserved;    /* 0 */
    uint64_t value_ns;    /* a round trip or a wait: see sg_event_kind */
    uint64_t received_ns; /* CLOCK_MONOTONIC when the bytes were read */
} sg_event;

/* The fields of an event's JSON without a JSON library.
 *
 * `pointer` is an RFC 6901 pointer into the event's data: "/author/id", "/embeds/0/title", "" for the whole. Each call
 * scans the data from its beginning and allocates nothing. May be called wherever the event is valid, from any thread,
 * and on a copy of the struct whose data the caller owns; struct_size must be set.
 * Errors of all five:
 *   SG_ERROR_INVALID_ARGUMENT  a pointer that is not RFC 6901
 *   SG_ERROR_NOT_FOUND         no such value, or one of another type than was asked for (null is one), or no data
 *   SG_ERROR_PROTOCOL          data is not JSON as far as it had to be read */

/* A string, unescaped and NUL-terminated, written to `buffer` ("Strings" at the top). A lone surrogate becomes U+FFFD.
 * SG_ERROR_BUFFER_TOO_SMALL with `*length` set when it does not fit. */
sg_status sg_event_string(const sg_event *event, const char *pointer, char *buffer, size_t *length);

/* A whole number from 0 to 2^64 - 1, written as a JSON number or as a string of decimal digits (a snowflake).
 * A number with a sign, a fraction or an exponent, or a larger one, is another type. */
sg_status sg_event_uint64(const sg_event *event, const char *pointer, uint64_t *out);

/* Any JSON number, rounded to the nearest double. */
sg_status sg_event_double(const sg_event *event, const char *pointer, double *out);

/* true or false. */
sg_status sg_event_bool(const sg_event *event, const char *pointer, bool *out);

/* The raw JSON of any value, as a slice of the event's data without the whitespace around it: not NUL-terminated, not
 * copied, valid as long as the data. */
sg_status sg_event_json(const sg_event *event, const char *pointer, const char **start, size_t *length);

/* The name of a dispatch number, such as "MESSAGE_CREATE"; NULL for SG_DISPATCH_UNKNOWN and unknown numbers. Static. */
const char *sg_event_type_name(uint32_t type);

/* The intents of which any one makes the gateway send this dispatch; 0 for those that are always sent and for unknown
 * numbers. */
uint64_t sg_event_intents(uint32_t type);

/* What to ask for in order to receive these dispatches, by name, such as "MESSAGE_CREATE": `*out` is every intent that
 * brings one of them. Where several bring the same one, such as SG_INTENT_GUILD_MESSAGES and SG_INTENT_DIRECT_MESSAGES,
 * all are in `*out`; those in `*alternatives` (NULL: not wanted) may be left out as long as another one of the same
 * dispatch, see sg_event_intents, stays. Look out for privileged ones there: THREAD_MEMBERS_UPDATE alone names
 * SG_INTENT_GUILD_MEMBERS beside SG_INTENT_GUILDS. Dispatches that are always sent, such as INTERACTION_CREATE, need
 * none. SG_INTENT_MESSAGE_CONTENT brings no dispatch, only content, and is never in it. A count of 0 (names may then be
 * NULL) gives 0. SG_ERROR_INVALID_ARGUMENT: a name that this build does not know; sg_last_error() tells which. */
sg_status sg_intents_for_events(const char *const *names, size_t count, uint64_t *out, uint64_t *alternatives);

/* A shard state in words, such as "awaiting hello"; "unknown" for a number without one. Static; never NULL. */
const char *sg_shard_state_name(uint32_t state);

/* --------------------------------------------------------------------------------------------- Configuration
 *
 * A config is a template: sg_cluster_new and sg_shard_new copy it, so that it may be changed, reused or freed
 * afterwards. Each setter replaces what was set before, or on failure leaves it. */

/* A config for the bot with this token ("Bot " is put in front where HTTP needs it and may be there already) and these
 * intents (SG_INTENT_…, joined with |). The token is 1 to 512 bytes of visible ASCII.
 * NULL on a bad argument or without memory; sg_last_error() says which. Free with sg_config_free. */
sg_config *sg_config_new(const char *token, uint64_t intents);

/* Destroys a config. Clusters and shards made from it are not affected. NULL is fine. */
void sg_config_free(sg_config *config);

/* Where to connect: wss:// or ws:// with a host and, where wanted, port and path; no user. The engine adds its query in
 * place of any other. Default: asked of the API with GET /gateway/bot (§2), or, with a shard total set, with GET
 * /gateway where the API does not know the former; how many identifies are left is not known then. A URL that was asked
 * for is asked for anew, with GET /gateway, when connecting to it fails, once a minute at most; a new one of ws:// is not
 * taken where the old one was of wss://. One that is set here stays. */
sg_status sg_config_set_gateway_url(sg_config *config, const char *url);

/* The base of the HTTP API, https:// or http://. Default "https://discord.com/api/v10". Not used when a gateway URL and
 * a shard total are set. */
sg_status sg_config_set_api_url(sg_config *config, const char *url);

/* A PEM file of certificate authorities that replaces the system's trust store. Default: the system's. SG_ERROR_FILE:
 * it cannot be read or holds no certificate. It is read again when a cluster or shard starts. */
sg_status sg_config_set_ca_file(sg_config *config, const char *pem_path);

/* SG_COMPRESSION_…; default SG_COMPRESSION_ZLIB. SG_ERROR_UNSUPPORTED: zstd, and libzstd.so.1 cannot be loaded. */
sg_status sg_config_set_compression(sg_config *config, uint32_t compression);

/* SG_INFLATE_…, what inflates zlib-stream; default SG_INFLATE_AUTO. sg_cluster_summary tells which one it is.
 * SG_ERROR_UNSUPPORTED: zlib-ng, and libz-ng.so.2 cannot be loaded. */
sg_status sg_config_set_inflate_backend(sg_config *config, uint32_t backend);

/* The shards first, first + 1, … first + count - 1 of total (§16): count at least 1, first + count at most total, total
 * at most 1,000,000. */
sg_status sg_config_set_shards(sg_config *config, uint32_t first, uint32_t count, uint32_t total);

/* All the shards that the API recommends. The default. */
sg_status sg_config_set_shards_auto(sg_config *config);

/* The shards bucket, bucket + buckets, bucket + 2 * buckets … below total: one of `buckets` processes that share a bot.
 * bucket below buckets, buckets at most total, total at most 1,000,000. */
sg_status sg_config_set_shards_bucket(sg_config *config, uint32_t bucket, uint32_t buckets, uint32_t total);

/* The shards of process number `process`, from 0, of `processes` that share a bot: consecutive, and as even as can be.
 * 25 shards over 2 processes are 0 to 12 and 13 to 24. A total of 0 takes the API's recommendation, which all processes
 * must meet at the same number. process below processes, processes at most total, total at most 1,000,000. */
sg_status sg_config_set_shards_split(sg_config *config, uint32_t process, uint32_t processes, uint32_t total);

/* How many shards may identify in one interval: at least 1 (§16). Default: the API's answer, 1 without one. */
sg_status sg_config_set_max_concurrency(sg_config *config, uint32_t value);

/* The time between two identifies of shards with the same remainder by the maximum concurrency. Default 5000 (§7), to
 * which the library adds 100 ms against the jitter of the network (practice). 0 does not space them at all, which only a
 * test server allows. */
sg_status sg_config_set_identify_interval(sg_config *config, uint32_t milliseconds);

/* What an identify queue is told. */
typedef enum sg_identify_kind {
    SG_IDENTIFY_REQUEST = 0, /* a shard wants to identify: answer with sg_identify_grant, now or later */
    SG_IDENTIFY_CANCEL = 1,  /* it does not any more, as its connection ended: nothing was sent, the permit is void */
    SG_IDENTIFY_SENT = 2     /* its IDENTIFY was sent just now: the interval of its key counts from here */
} sg_identify_kind;

/* One request of one shard. */
typedef struct sg_identify {
    uint32_t struct_size;     /* bytes of this struct that the library filled */
    uint32_t kind;            /* sg_identify_kind */
    uint64_t permit;          /* names the request; never 0, never used again in this process, below 2^53 */
    uint32_t shard_id;        /* whose request it is */
    uint32_t shard_total;     /* of how many */
    uint32_t max_concurrency; /* as the API or sg_config_set_max_concurrency says */
    uint32_t rate_limit_key;  /* shard_id % max_concurrency: requests of one key must be the interval apart (§16) */
} sg_identify;

/* The host's identify queue. Called on the shard's I/O thread; for one permit in order and never twice at once, for
 * different shards perhaps at the same time. Every SG_IDENTIFY_REQUEST is followed by exactly one SG_IDENTIFY_SENT or
 * SG_IDENTIFY_CANCEL, at the latest when the cluster is shut down. It must not block: heartbeats of all shards of that
 * thread wait for it. It may call sg_identify_grant at once. `request` is valid until it returns. */
typedef void (*sg_identify_fn)(const sg_identify *request, void *user);

/* Who decides when each shard may send IDENTIFY, in place of the library's own queue: for a bot whose shards run in
 * several processes, which must share one (§16). The maximum concurrency is passed on to it; the interval of
 * sg_config_set_identify_interval is the library's own queue's and not used. A RESUME is never asked for, and the daily
 * limit (§7) is kept by the library before it asks. NULL, the default: the library's own. `user` must live until the
 * cluster or shard is freed. */
sg_status sg_config_set_identify_queue(sg_config *config, sg_identify_fn request, void *user);

/* Lets the shard of an SG_IDENTIFY_REQUEST identify. Any thread, also inside the queue's function.
 * SG_ERROR_NOT_FOUND: the permit was granted or cancelled before, or is none; nothing happens then. */
sg_status sg_identify_grant(uint64_t permit);

/* The `properties` of IDENTIFY (§7), none of them empty. Default: "linux", "SwiftGateway", "SwiftGateway". */
sg_status sg_config_set_identify_properties(sg_config *config, const char *os, const char *browser, const char *device);

/* The number of members, 50 to 250, above which GUILD_CREATE leaves out those who are offline. Default 50 (§7). */
sg_status sg_config_set_large_threshold(sg_config *config, uint32_t members);

/* The presence to begin a session with: a JSON object as for op 3's d (§13), at most 2048 bytes. Default: none. */
sg_status sg_config_set_presence(sg_config *config, const char *json);

/* The same for one shard, in place of the one for all. */
sg_status sg_config_set_shard_presence(sg_config *config, uint32_t shard_id, const char *json);

/* The dispatches to deliver, by name, such as "MESSAGE_CREATE"; names this build does not know are fine. Others are
 * handled by the engine and dropped. Default, and with a count of 0 (names may then be NULL): all. */
sg_status sg_config_set_event_filter(sg_config *config, const char *const *names, size_t count);

/* The kinds of events to deliver: the sum of 1 << SG_EVENT_… . Default SG_EVENT_KINDS_DEFAULT. */
sg_status sg_config_set_event_kinds(sg_config *config, uint32_t kind_mask);

/* A file in which sessions survive the process. Written atomically, at most every 250 ms and at shutdown; what it says
 * of a session is the last event whose delivery is complete: a resume misses none, and repeats none after a shutdown;
 * after a crash, what was handled since the last write comes again. A file that
 * is corrupt or of another bot gives an SG_EVENT_ERROR with SG_ERROR_FILE and a new session. Default: none. Replaces a
 * session store that was set before. */
sg_status sg_config_set_session_file(sg_config *config, const char *path);

/* Gives the text that was saved last. `*length`: in, the capacity of `buffer` in bytes, at least 1; out, the length of
 * the text, which needs no NUL. SG_OK: it was written; or, with a length of 0, there is none. SG_ERROR_BUFFER_TOO_SMALL
 * (or SG_OK with a length beyond the capacity): the function is called again with room for one byte more than it said,
 * at most 8 times and up to 64 MiB. SG_ERROR_NOT_FOUND: there is none. Anything else: it could not be loaded.
 * Called on the thread that calls sg_cluster_start (or sg_shard_start), before that returns, and not when the cluster
 * still has the sessions of an earlier run. It must not call the same cluster. */
typedef uint32_t (*sg_session_load_fn)(char *buffer, size_t *length, void *user);

/* Keeps a text in place of the one before: JSON of some 200 bytes for each shard, NUL-terminated as well, valid until
 * the function returns. What is in it belongs to the library; a session id lets its holder listen in, so keep it from
 * others. SG_OK, or anything else when it could not be saved; then what is current is tried again. Called on a thread of
 * the library's own, one call at a time: when something has changed, at most every 250 ms, and once more in
 * sg_cluster_shutdown (or sg_shard_shutdown), which waits for it; on the thread that shuts down if that is final and
 * comes before the API has told the shards. It may block, and must not call the same cluster. */
typedef uint32_t (*sg_session_save_fn)(const char *json, size_t length, void *user);

/* A place of your own in which sessions survive the process, such as a database: as sg_config_set_session_file in
 * everything else, and replaces a file that was set before. A failure of either function gives an SG_EVENT_ERROR with
 * SG_ERROR_FILE, for the second only at the first of several in a row, and the cluster goes on. Both functions, or
 * neither: NULL for both is the default, none. `user` must live until the cluster or shard is freed. */
sg_status sg_config_set_session_store(sg_config *config, sg_session_load_fn load, sg_session_save_fn save, void *user);

/* The wait after a failed connection: random up to first_ms, doubled for each further failure, up to limit_ms; back to
 * the beginning once a connection was live for first_ms after READY or RESUMED. 1 at least, first_ms at most limit_ms. Default 1000, 60000 (practice). */
sg_status sg_config_set_backoff(sg_config *config, uint32_t first_ms, uint32_t limit_ms);

/* The time for a whole connection attempt: name, TCP, TLS and upgrade. At least 1. Default 10000 (practice). */
sg_status sg_config_set_connect_timeout(sg_config *config, uint32_t milliseconds);

/* The random wait after op 9 with false, before identifying again. min_ms at most max_ms. Default 1000, 5000 (§9). */
sg_status sg_config_set_invalid_session_wait(sg_config *config, uint32_t min_ms, uint32_t max_ms);

/* SG_ZOMBIE_…; default SG_ZOMBIE_GRACE. */
sg_status sg_config_set_zombie_policy(sg_config *config, uint32_t policy);

/* The largest payload to accept, in bytes, both as received and after decompression; at least 1. A larger one ends the
 * connection, which is then resumed. Default 64 MiB. */
sg_status sg_config_set_max_message_size(sg_config *config, size_t bytes);

/* How many payloads a connection may send in any window of window_ms (§12). Heartbeats count and never wait. A count of
 * 0 sets no limit; otherwise window_ms is at least 1. Default 120, 60000. */
sg_status sg_config_set_send_limit(sg_config *config, uint32_t count, uint32_t window_ms);

/* SG_DELIVERY_…, default SG_DELIVERY_QUEUED, and for it the bytes of events that may wait, per I/O thread; 0 is the
 * default of 8 MiB. When three quarters are used, reading pauses until the handler catches up (heartbeats go on); nothing
 * is dropped. Below that an event of any size is taken in: the last one may go beyond queue_bytes. Rounded up to a power
 * of two, at least 64 KiB; more than 64 GiB is SG_ERROR_INVALID_ARGUMENT. */
sg_status sg_config_set_delivery(sg_config *config, uint32_t mode, size_t queue_bytes);

/* The number of I/O threads, 1 to 256; 0 is the default: one per core, at most one per 64 shards. */
sg_status sg_config_set_io_threads(sg_config *config, uint32_t count);

/* How many connections of one I/O thread may be in their TCP, TLS and upgrade handshakes at once, 1 to 65535; others
 * wait their turn. Default 16 (measured): each holds some 40 KB while it lasts, and a thousand at once leave holes of
 * 14 KB a shard in the heap. */
sg_status sg_config_set_handshake_limit(sg_config *config, uint32_t count);

/* How far the two copies of an event may be apart that an old and a new shard get during sg_cluster_reshard: 1 to 600000,
 * default 5000 (practice: they come within a second). The new shards are watched for two of these before they take over,
 * and for one after that. */
sg_status sg_config_set_reshard_window(sg_config *config, uint32_t milliseconds);

/* Receives events; `user` is what was given with it. See "Callbacks" at the top. */
typedef void (*sg_event_fn)(const sg_event *event, void *user);

/* The function that receives every event of the cluster or shard. Default, and with NULL: none. `user` must live until
 * the cluster or shard is freed. */
sg_status sg_config_set_event_handler(sg_config *config, sg_event_fn handler, void *user);

/* Receives events by the batch: `events` are `count` events (1 to 256) in order, one behind the other in memory, valid
 * until it returns. Returns how many of them, from the first, it handled: `count` to go on. Fewer says that it wants no
 * more: nothing further is handed to it, and what is left counts as not delivered, so that a session that is resumed later
 * gets it again. */
typedef size_t (*sg_batch_fn)(const sg_event *events, size_t count, void *user);

/* Instead of an event handler, a function that receives all events that wait, up to 256 at a time: for callers to whom
 * each call costs something, such as other languages. For queued delivery only: sg_cluster_new and sg_shard_new refuse it
 * with SG_DELIVERY_INLINE (SG_ERROR_INVALID_ARGUMENT). It is called on delivery threads (one for each I/O thread, possibly
 * at the same time for different shards, and each of them is told by its own call that no more is wanted); what it handled
 * counts as delivered when it returns. Of the event handler and the
 * batch handler the one that was set last is used; NULL: none. `user` must live until the cluster or shard is freed. */
sg_status sg_config_set_batch_handler(sg_config *config, sg_batch_fn handler, void *user);

/* Receives log lines. `target` names the part that speaks, such as "shard 3"; both texts are valid until it returns. */
typedef void (*sg_log_fn)(uint32_t level, const char *target, const char *message, void *user);

/* The function that receives log lines of min_level (SG_LOG_…) and above. It may be called from several threads at once
 * and must not call the library. Lines never hold the token. Default, and with NULL: none. */
sg_status sg_config_set_log_handler(sg_config *config, uint32_t min_level, sg_log_fn handler, void *user);

/* Sessions to resume, as sg_cluster_export_sessions wrote them: to hand a bot over to another process. SG_ERROR_FILE:
 * not such a document, or of a version this build does not know. */
sg_status sg_config_import_sessions(sg_config *config, const char *json, size_t length);

/* What GET /gateway/bot answered (§2). The caller sets struct_size. */
typedef struct sg_gateway_bot {
    uint32_t struct_size;     /* set by the caller */
    uint32_t shards;          /* recommended number */
    uint32_t total;           /* identifies allowed per day */
    uint32_t remaining;       /* identifies left */
    uint32_t max_concurrency; /* identifies allowed per 5 s */
    uint32_t reserved;        /* 0 */
    uint64_t reset_after_ms;  /* until `remaining` is `total` again */
    char url[256];            /* gateway URL, NUL-terminated */
} sg_gateway_bot;

/* Asks the API once, with the config's token, API URL and trust store, and waits for the answer.
 * SG_ERROR_TIMEOUT, SG_ERROR_NETWORK, SG_ERROR_TLS, SG_ERROR_FILE (trust store), SG_ERROR_UNAUTHORIZED (401),
 * SG_ERROR_RATE_LIMITED (429), SG_ERROR_HTTP (any other answer but 200, or a body that is not understood). May be called
 * inside a callback, which waits with it. */
sg_status sg_fetch_gateway_bot(const sg_config *config, uint32_t timeout_ms, sg_gateway_bot *out);

/* Asks the API once for the gateway's URL alone, with GET /gateway (§2), which needs no token: it is not sent and may be
 * any. Written to `url` ("Strings" at the top); 256 bytes are plenty. The answer may be kept, and given to
 * sg_config_set_gateway_url, for as long as connecting to it works. Errors and threads as sg_fetch_gateway_bot, without
 * SG_ERROR_UNAUTHORIZED. */
sg_status sg_fetch_gateway(const sg_config *config, uint32_t timeout_ms, char *url, size_t *length);

/* -------------------------------------------------------------------------------------------- Shard information */

/* A snapshot of one shard. Counters are for the life of the cluster or shard object, over all its connections. The
 * caller sets struct_size. */
typedef struct sg_shard_info {
    uint32_t struct_size;           /* set by the caller */
    uint32_t id;                    /* the number of the shard */
    uint32_t total;                 /* of how many */
    uint32_t state;                 /* sg_shard_state */
    uint64_t sequence;              /* last sequence received; 0 = none */
    char session_id[128];           /* NUL-terminated; empty = no session */
    uint64_t latency_last_ns;       /* round trip of the last acknowledged heartbeat; 0 = none */
    uint64_t latency_average_ns;    /* over all acknowledged heartbeats; 0 = none */
    uint64_t latency_recent_ns[5];  /* the last five round trips, newest first; 0 = none */
    uint64_t heartbeats_sent;       /* op 1 sent */
    uint64_t heartbeats_acked;      /* op 11 received */
    uint64_t connects;              /* connections opened, the first included */
    uint64_t reconnects;            /* connections lost or given up and opened again */
    uint64_t identifies;            /* IDENTIFY sent */
    uint64_t resumes;               /* RESUMED received */
    uint64_t events;                /* dispatches received, filtered ones included */
    uint64_t events_delivered;      /* dispatches whose callback returned */
    uint64_t sequence_delivered;    /* sequence of the last dispatch whose delivery is complete; 0 = none */
    uint64_t bytes_wire;            /* bytes of websocket frames received, inside TLS */
    uint64_t bytes_inflated;        /* the same after decompression */
    uint64_t bytes_sent;            /* websocket payload bytes sent */
    uint64_t bytes_queued;          /* bytes of events that wait for delivery */
    uint64_t next_permit_ns;        /* until the send limit allows a command again; 0 = now */
    uint32_t commands_queued;       /* commands that wait to be sent */
    uint32_t send_permits;          /* commands the send limit allows now; UINT32_MAX without a limit */
    uint32_t heartbeat_interval_ms; /* as HELLO said; 0 = not connected */
    uint32_t last_close_code;       /* of the last connection that ended; 0 = none */
} sg_shard_info;

/* All shards of a cluster at a glance. Counters are sums over the shards, for the life of the cluster's run. The caller
 * sets struct_size. */
typedef struct sg_cluster_summary {
    uint32_t struct_size;           /* set by the caller */
    uint32_t shards;                /* of this cluster; 0 before the API has said how many */
    uint32_t total;                 /* of the bot, in all processes; 0 before it is known */
    uint32_t ready;                 /* that were active at least once, which is what sg_cluster_wait_ready waits for */
    uint32_t states[16];            /* shards in each sg_shard_state, by its number */
    uint64_t latency_slowest_ns;    /* longest of the last round trips of connected shards; 0 = none yet */
    uint32_t latency_slowest_shard; /* whose it is */
    uint32_t identifies_left;       /* until the reset (§7) */
    uint32_t identifies_total;      /* per 24 h; 0 = not known, as the API was not asked */
    uint32_t inflate_backend;       /* what inflates zlib-stream, never SG_INFLATE_AUTO; 0 = the compression is another */
    uint64_t identifies_reset_ns;   /* until identifies_left is identifies_total again; 0 = it is due */
    uint64_t events;                /* dispatches received, filtered ones included */
    uint64_t events_delivered;      /* dispatches whose callback returned */
    uint64_t reconnects;            /* connections lost or given up and opened again */
    uint64_t resumes;               /* RESUMED received */
    uint64_t identifies;            /* IDENTIFY sent */
    uint64_t errors;                /* errors told */
    uint64_t bytes_wire;            /* bytes of websocket frames received, inside TLS */
    uint64_t bytes_inflated;        /* the same after decompression */
    uint64_t bytes_sent;            /* websocket payload bytes sent */
    uint64_t bytes_queued;          /* bytes of events that wait for delivery */
    uint64_t commands_queued;       /* commands that wait to be sent */
} sg_cluster_summary;

/* The shard that serves a guild: (guild_id >> 22) % shard_total (§16). 0 when shard_total is 0. */
uint32_t sg_shard_for_guild(uint64_t guild_id, uint32_t shard_total);

/* --------------------------------------------------------------------------------------------------- Commands */

/* What to ask for with op 8 (§13). The caller sets struct_size and zeroes what is not used. Exactly one of query and
 * user_ids is given. */
typedef struct sg_guild_members_request {
    uint32_t struct_size;     /* set by the caller */
    uint32_t limit;           /* with query: how many members, at most 100; with an empty query any number, 0 = all */
    uint64_t guild_id;        /* of which guild */
    const char *query;        /* beginning of the username; "" = everyone; NULL when user_ids is used */
    const uint64_t *user_ids; /* 1 to 100 users; NULL when query is used */
    size_t user_id_count;     /* how many user_ids there are */
    const char *nonce;        /* comes back in every chunk; at most 32 bytes; NULL = none */
    uint32_t presences;       /* 1 = with presences, which needs SG_INTENT_GUILD_PRESENCES; 0 = without */
    uint32_t reserved;        /* 0 */
} sg_guild_members_request;

/* ---------------------------------------------------------------------------------------------------- Cluster */

/* Makes a cluster from a copy of the config. Nothing connects yet. Free with sg_cluster_free. */
sg_status sg_cluster_new(const sg_config *config, sg_cluster **out);

/* Starts every shard, in the order and at the pace that identifying allows (§16), and returns at once; progress comes
 * as events. May be retried: after a failure of this call, and after a start that failed because the API could not be
 * asked (an SG_EVENT_ERROR, and the answer of the wait functions), the cluster is as it was before. So it is once every
 * shard is fatal.
 * A cluster that was shut down may be started again. SG_ERROR_INVALID_STATE: it runs already. SG_ERROR_FILE: the trust
 * store cannot be read. */
sg_status sg_cluster_start(sg_cluster *cluster);

/* Waits until all shards have been active at least once. SG_ERROR_TIMEOUT; SG_ERROR_CANCELLED: shut down meanwhile;
 * SG_ERROR_INVALID_STATE: not started; when a shard is fatal or the API cannot be asked, the status that says why. */
sg_status sg_cluster_wait_ready(sg_cluster *cluster, uint32_t timeout_ms);

/* Waits until every shard has stopped. SG_OK after a shutdown; SG_ERROR_TIMEOUT; SG_ERROR_INVALID_STATE: not started;
 * when a shard is fatal, at once and without stopping the others: SG_ERROR_UNAUTHORIZED (4004), SG_ERROR_GATEWAY_CLOSED
 * (4010 to 4014) or what else it was. */
sg_status sg_cluster_wait(sg_cluster *cluster, uint32_t timeout_ms);

/* Ends every connection (SG_SHUTDOWN_…), after events already received have been delivered, writes the session file and
 * waits for all that. When the time passes, connections are dropped, undelivered events are left to a later resume, and
 * the answer is SG_ERROR_TIMEOUT; SG_ERROR_FILE: the sessions could not be saved at the end, and no event has said so
 * before. The cluster is stopped all the same. SG_OK, and nothing to do, for one that does not run. No event is delivered
 * after it returned. After SG_SHUTDOWN_FINAL neither the session file nor an export holds a
 * session, whatever the shards were doing. One that had no connection just then (SG_SHARD_BACKOFF), or was closing it
 * with 4000 already, cannot tell Discord: the bot stays shown online until that session times out there, some minutes
 * later (§11). */
sg_status sg_cluster_shutdown(sg_cluster *cluster, uint32_t mode, uint32_t timeout_ms);

/* Destroys a cluster; one that still runs is shut down first, SG_SHUTDOWN_RESUMABLE, within 5 s. NULL is fine. */
void sg_cluster_free(sg_cluster *cluster);

/* The ids of the cluster's shards, ascending. `*count`: in, the capacity of `ids`; out, how many there are. Too small a
 * capacity is SG_ERROR_BUFFER_TOO_SMALL with `*count` set. None before the API has said how many there should be. */
sg_status sg_cluster_shard_ids(const sg_cluster *cluster, uint32_t *ids, size_t *count);

/* A snapshot of one shard; the caller sets out->struct_size. SG_ERROR_NOT_FOUND: not a shard of this cluster.
 * SG_ERROR_INVALID_STATE: the cluster was never started. After a shutdown: as it was at the end. */
sg_status sg_cluster_info(const sg_cluster *cluster, uint32_t shard_id, sg_shard_info *out);

/* All shards at a glance; the caller sets out->struct_size. SG_ERROR_INVALID_STATE: the cluster was never started. After
 * a shutdown: as it was at the end. */
sg_status sg_cluster_get_summary(const sg_cluster *cluster, sg_cluster_summary *out);

/* Queues a payload, a whole JSON object such as {"op":3,"d":…}, for one shard. It is sent in its turn while the shard
 * is active, within the send limit, and is kept across reconnects; SG_OK means queued, not sent. Only client commands
 * may be sent: opcodes 1, 2 and 6 belong to the engine and are SG_ERROR_INVALID_ARGUMENT, as is text that is not a JSON
 * object with an op. SG_ERROR_PAYLOAD_TOO_LARGE: more than 4096 bytes (§12). SG_ERROR_QUEUE_FULL: 1024 wait already.
 * SG_ERROR_NOT_FOUND: not a shard of this cluster. SG_ERROR_INVALID_STATE: the cluster is not started or has stopped,
 * or the shard is fatal. */
sg_status sg_cluster_send(sg_cluster *cluster, uint32_t shard_id, const char *json, size_t length);

/* Op 3: the bot's status and activities on one shard. `json` is the object for d (§13). Errors as sg_cluster_send. */
sg_status sg_cluster_update_presence(sg_cluster *cluster, uint32_t shard_id, const char *json, size_t length);

/* The same on every shard: on those that run now, and in every session that begins later, also of shards added later, in
 * place of what the config says. A shard that is fatal is left out. SG_ERROR_QUEUE_FULL: a shard had 1024 commands
 * waiting; the others have taken theirs. SG_ERROR_INVALID_STATE: no shard took it. */
sg_status sg_cluster_update_presence_all(sg_cluster *cluster, const char *json, size_t length);

/* Op 4: joins a voice channel, moves, or leaves (channel_id 0). guild_id is not 0. Errors as sg_cluster_send. */
sg_status sg_cluster_update_voice_state(sg_cluster *cluster, uint32_t shard_id, uint64_t guild_id, uint64_t channel_id,
                                        bool self_mute, bool self_deaf);

/* Op 8: asks for members of a guild; GUILD_MEMBERS_CHUNK events answer. Errors as sg_cluster_send; the limits stated at
 * the struct are checked here. */
sg_status sg_cluster_request_guild_members(sg_cluster *cluster, uint32_t shard_id,
                                           const sg_guild_members_request *request);

/* Op 31: asks for the soundboard sounds of 1 or more guilds; a SOUNDBOARD_SOUNDS event answers for each. As many ids as
 * fit into 4096 bytes, about 180. Errors as sg_cluster_send. */
sg_status sg_cluster_request_soundboard_sounds(sg_cluster *cluster, uint32_t shard_id, const uint64_t *guild_ids,
                                               size_t guild_id_count);

/* Op 43: asks for 1 or more fields ("status", "voice_start_time") of a guild's voice channels; a CHANNEL_INFO event
 * answers. Errors as sg_cluster_send. */
sg_status sg_cluster_request_channel_info(sg_cluster *cluster, uint32_t shard_id, uint64_t guild_id,
                                          const char *const *fields, size_t field_count);

/* Ends one shard's connection and opens another (SG_RESTART_…); a fatal shard is started afresh. Returns at once.
 * SG_ERROR_NOT_FOUND: not a shard of this cluster. SG_ERROR_INVALID_STATE: the cluster does not run. */
sg_status sg_cluster_restart_shard(sg_cluster *cluster, uint32_t shard_id, uint32_t mode);

/* Adds a shard, below the cluster's total, to a running cluster and starts it in its turn. Returns at once.
 * SG_ERROR_INVALID_STATE: the cluster does not run, or has this shard already. */
sg_status sg_cluster_add_shard(sg_cluster *cluster, uint32_t shard_id);

/* The same, to go on with a session that sg_cluster_export_shard (or sg_cluster_export_sessions) of another cluster
 * wrote: the shard resumes, with no IDENTIFY, and gets what it missed. SG_ERROR_FILE: not such a document, of another bot
 * or total, or without this shard. */
sg_status sg_cluster_add_shard_session(sg_cluster *cluster, uint32_t shard_id, const char *json, size_t length);

/* Shuts one shard down (SG_SHUTDOWN_…) and takes it out of the cluster. Returns at once; its last event is the state
 * SG_SHARD_STOPPED. SG_ERROR_NOT_FOUND: not a shard of this cluster. SG_ERROR_INVALID_STATE: it does not run. */
sg_status sg_cluster_remove_shard(sg_cluster *cluster, uint32_t shard_id, uint32_t mode);

/* The session of one shard, as a document for sg_cluster_add_shard_session or sg_config_import_sessions, written to
 * `buffer` ("Strings" at the top). To move a shard to another process: remove it, SG_SHUTDOWN_RESUMABLE, export it, add
 * it there. Of a shard that was removed it is the last word: waits until the shard has stopped and all its events are
 * delivered, and may be called again, until the shard is added again. Of one that runs: what it would resume with now,
 * at once. SG_ERROR_TIMEOUT: not stopped and delivered in time. SG_ERROR_NOT_FOUND: never a shard of this cluster, or it
 * has no session. SG_ERROR_WOULD_DEADLOCK: it would have to wait inside a callback. SG_ERROR_INVALID_STATE: the cluster
 * does not run. */
sg_status sg_cluster_export_shard(sg_cluster *cluster, uint32_t shard_id, uint32_t timeout_ms, char *buffer,
                                  size_t *length);

/* The shard of this cluster that serves a guild, for the functions above. SG_ERROR_NOT_FOUND: it is in another process
 * (sg_shard_for_guild tells its number). SG_ERROR_INVALID_STATE: the API has not said yet how many shards there are. */
sg_status sg_cluster_guild_shard(const sg_cluster *cluster, uint64_t guild_id, uint32_t *out);

/* Begins to put other shards in the place of those that run, without a pause: the shards first, first + 1, … first +
 * count - 1 of total, which must be another total than now; 0, 0, 0: all that the API recommends. Returns at once, and the
 * cluster goes on as before.
 * The new shards identify beside the old ones, at the pace that all share, and their events are held back. Once all are
 * active and have got their guilds, delivery switches once: everything of the old shards is delivered first, then the new
 * ones go on with what these did not get. Each event comes once, those of a guild in their order. At the switch every old
 * shard tells the state SG_SHARD_STOPPED and every new one SG_SHARD_ACTIVE; from then on all that names a shard means the
 * new ones, sg_shard_info.total says which. Until then all of it means the old ones, and none can be added or removed.
 * The switch waits while a shard is without a connection, or does not read because the handler is too slow for it.
 * What the gateway forces: one IDENTIFY of the daily limit for each new shard, and twice the sessions meanwhile. READY and
 * the GUILD_CREATEs with which the new sessions begin are not handed out: they tell nothing new. An event whose data
 * differs between two sessions, which Discord's do not, would come twice. Answers to commands that an old shard has sent and
 * that are not there at the switch are lost; commands that wait go over to the new shard of their guild.
 * SG_ERROR_INVALID_STATE: the cluster does not run, its shards are not known yet, or it is being resharded already. What
 * fails later is an SG_EVENT_ERROR and the answer of sg_cluster_wait_reshard, and leaves the old shards as they are:
 * SG_ERROR_SESSION_LIMIT (fewer identifies left today than new shards), SG_ERROR_INVALID_ARGUMENT (the same total as now),
 * SG_ERROR_QUEUE_FULL (an old shard was away for so long that more than 64 MiB of events had to be held back), the status of
 * a new shard that is fatal, or why the API could not be asked. Any thread, also inside a callback. */
sg_status sg_cluster_reshard(sg_cluster *cluster, uint32_t first, uint32_t count, uint32_t total);

/* The same with the shards of sg_config_set_shards_bucket; a total of 0 is what the API recommends. */
sg_status sg_cluster_reshard_bucket(sg_cluster *cluster, uint32_t bucket, uint32_t buckets, uint32_t total);

/* The same with the shards of sg_config_set_shards_split; a total of 0 is what the API recommends. */
sg_status sg_cluster_reshard_split(sg_cluster *cluster, uint32_t process, uint32_t processes, uint32_t total);

/* Waits until the new shards have taken over and no copy of an event can come any more; SG_OK at once when that is past.
 * SG_ERROR_TIMEOUT: it is under way. SG_ERROR_CANCELLED: cancelled, or the cluster was shut down; SG_ERROR_INVALID_STATE:
 * the cluster was not resharded; else what made it fail, see sg_cluster_reshard. */
sg_status sg_cluster_wait_reshard(sg_cluster *cluster, uint32_t timeout_ms);

/* Gives a resharding up: the new shards end, the old ones go on. SG_ERROR_INVALID_STATE: none is under way, or the new
 * shards are taking over already. Any thread, also inside a callback. */
sg_status sg_cluster_cancel_reshard(sg_cluster *cluster);

/* The sessions of all shards as a JSON document with a version, for sg_config_import_sessions: of the last event whose
 * delivery is complete. Written to `buffer` ("Strings" at the top). Best after a resumable shutdown. */
sg_status sg_cluster_export_sessions(const sg_cluster *cluster, char *buffer, size_t *length);

/* Counters, gauges and histograms in the text format of Prometheus (text/plain; version=0.0.4), written to `buffer`
 * ("Strings" at the top): of the cluster as a whole, by I/O thread (label loop) and by shard (label shard), some 1.5 KB
 * a shard. The length may grow between two calls. Counters start over with each start of the cluster.
 * SG_ERROR_INVALID_STATE: it does not run. */
sg_status sg_cluster_metrics(const sg_cluster *cluster, char *buffer, size_t *length);

/* ------------------------------------------------------------------------------------------------------ Shard
 *
 * One connection: the same engine as a cluster of one. Each function does what its sg_cluster_ namesake does. */

/* Makes the shard shard_id of shard_total, 1 to 1,000,000, from a copy of the config, whose own choice of shards is not
 * used. Nothing connects yet. Free with sg_shard_free. */
sg_status sg_shard_new(const sg_config *config, uint32_t shard_id, uint32_t shard_total, sg_shard **out);

/* See sg_cluster_start. */
sg_status sg_shard_start(sg_shard *shard);

/* See sg_cluster_wait_ready. */
sg_status sg_shard_wait_ready(sg_shard *shard, uint32_t timeout_ms);

/* See sg_cluster_wait. */
sg_status sg_shard_wait(sg_shard *shard, uint32_t timeout_ms);

/* See sg_cluster_shutdown. */
sg_status sg_shard_shutdown(sg_shard *shard, uint32_t mode, uint32_t timeout_ms);

/* See sg_cluster_free. */
void sg_shard_free(sg_shard *shard);

/* See sg_cluster_info. */
sg_status sg_shard_get_info(const sg_shard *shard, sg_shard_info *out);

/* See sg_cluster_send. */
sg_status sg_shard_send(sg_shard *shard, const char *json, size_t length);

/* See sg_cluster_update_presence. */
sg_status sg_shard_update_presence(sg_shard *shard, const char *json, size_t length);

/* See sg_cluster_update_voice_state. */
sg_status sg_shard_update_voice_state(sg_shard *shard, uint64_t guild_id, uint64_t channel_id, bool self_mute,
                                      bool self_deaf);

/* See sg_cluster_request_guild_members. */
sg_status sg_shard_request_guild_members(sg_shard *shard, const sg_guild_members_request *request);

/* See sg_cluster_request_soundboard_sounds. */
sg_status sg_shard_request_soundboard_sounds(sg_shard *shard, const uint64_t *guild_ids, size_t guild_id_count);

/* See sg_cluster_request_channel_info. */
sg_status sg_shard_request_channel_info(sg_shard *shard, uint64_t guild_id, const char *const *fields,
                                        size_t field_count);

#ifdef __cplusplus
}
#endif

#endif
