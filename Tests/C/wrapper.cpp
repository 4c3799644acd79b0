/* swiftgateway.hpp without a server: types, arguments, owners, handlers and what they throw. */
#include <atomic>
#include <condition_variable>
#include <string>
#include "check.h"
#include "swiftgateway.hpp"

using namespace swiftgateway;
using namespace std::chrono_literals;

/* The status that a call throws; Ok when it throws nothing. The sentence has to be there, and without the token. */
template <class Call> static Status thrown(Call call) {
    try {
        call();
    } catch (const Error &error) {
        CHECK(*error.what() != 0 && std::strstr(error.what(), "secret") == nullptr);
        CHECK(error.code() == error.status());
        return error.status();
    }
    return Status::Ok;
}
#define THROWS(expression, expected) CHECK(thrown([&] { expression; }) == Status::expected)

static Config make_config() {
    Config config(SECRET, Intent::Guilds);
    config.set_gateway_url("ws://127.0.0.1:1").set_shards(0, 2, 3).set_max_concurrency(1).set_backoff(1ms, 20ms);
    return config;
}

static void masks() {
    static_assert((Intent::Guilds | Intent::GuildMembers) == static_cast<Intent>(3));
    static_assert((Intent::All & Intent::Privileged) == Intent::Privileged);
    static_assert((Intent::All ^ Intent::Privileged) == Intent::Unprivileged && ~Intent::Privileged == Intent::Unprivileged);
    static_assert(has(Intent::All, Intent::MessageContent) && !has(Intent::Unprivileged, Intent::MessageContent));
    static_assert(~EventKinds::Payload == EventKinds::Default);
    Intent intent = Intent::None;
    intent |= Intent::Guilds;
    intent ^= Intent::All;
    intent &= Intent::Guilds | Intent::GuildMembers;
    CHECK(intent == Intent::GuildMembers);
}

static void names() {
    CHECK(version() == SG_VERSION);
    CHECK(name(Status::Timeout) == "SG_ERROR_TIMEOUT" && name(ShardState::AwaitingHello) == "awaiting hello");
    CHECK(name(Dispatch::MessageCreate) == "MESSAGE_CREATE" && name(Dispatch::Unknown).empty());
    CHECK(intents(Dispatch::MessageCreate) == (Intent::GuildMessages | Intent::DirectMessages));
    CHECK(shard_for_guild(std::uint64_t{5} << 22, 4) == 1);
    Intent alternatives = Intent::All;
    CHECK(intents_for({Dispatch::GuildCreate}) == Intent::Guilds && intents_for({}) == Intent::None);
    CHECK(has(intents_for({Dispatch::MessageCreate, Dispatch::Ready}, &alternatives), Intent::DirectMessages));
    CHECK(alternatives == (Intent::GuildMessages | Intent::DirectMessages));
    THROWS(intents_for({Dispatch::Unknown}), InvalidArgument);
}

static void codes() {
    const std::error_code code = Status::Timeout;
    CHECK(code == std::errc::timed_out && code == Status::Timeout && code != Status::Network);
    CHECK(&code.category() == &category() && std::string(code.category().name()) == "swiftgateway");
    CHECK(code.message() == "SG_ERROR_TIMEOUT");
    CHECK(std::error_code(Status::Cancelled) == std::errc::operation_canceled);
    CHECK(make_error_code(Status::Tls).default_error_condition() == std::error_condition(SG_ERROR_TLS, category()));
    CHECK(!std::error_code(Status::Ok));
    const Error error(Status::Http, "a sentence");
    const std::system_error &base = error;
    CHECK(std::string(base.what()) == "a sentence" && base.code() == Status::Http);
}

static void configuration() {
    std::error_code ec;
    THROWS(Config(nullptr, Intent::None), InvalidArgument);
    THROWS(Config("", Intent::None), InvalidArgument);
    THROWS(Config(std::string("a\0b", 3), Intent::None), InvalidArgument);
    const Config none("", Intent::None, ec);
    CHECK(!none && ec == std::errc::invalid_argument && last_error() == sg_last_error());
    Config config(std::string(SECRET), Intent::All);
    CHECK(config && config.native());

    config.set_gateway_url("wss://gateway.discord.gg").set_api_url(std::string("https://discord.com/api/v10"));
    config.set_compression(Compression::None).set_shards(1, 2, 4).set_shards_auto().set_shards_bucket(1, 2, 5);
    config.set_shards_split(0, 2, 4).set_handshake_limit(4);
    config.set_max_concurrency(16).set_identify_interval(5s).set_identify_properties("a", std::string("b"), "c");
    config.set_large_threshold(250).set_presence("{\"status\":\"idle\"}").set_shard_presence(1, "{\"status\":\"dnd\"}");
    config.set_event_filter({Dispatch::MessageCreate, Dispatch::Ready}).set_event_filter({});
    config.set_event_filter(std::array<Dispatch, 1>{Dispatch::Ready}).set_event_filter(std::vector<Dispatch>{});
    config.set_event_filter_names({"MESSAGE_CREATE", "NEW_THING"});
    config.set_event_kinds(EventKinds::State | EventKinds::Error).set_session_file("session.json");
    config.set_backoff(1s, 1min).set_connect_timeout(10s).set_invalid_session_wait(1s, 5s);
    config.set_zombie_policy(ZombiePolicy::Strict).set_max_message_size(1 << 20).set_send_limit(120, 1min);
    config.set_delivery(Delivery::Inline).set_delivery(Delivery::Queued, 1 << 20).set_io_threads(2);
    passed++;

    THROWS(config.set_gateway_url("nonsense"), InvalidArgument);
    THROWS(config.set_api_url(std::string("https://a\0b", 11)), InvalidArgument);
    THROWS(config.set_ca_file("/nonexistent/ca.pem"), File);
    THROWS(config.set_compression(static_cast<Compression>(9)), InvalidArgument);
    config.set_inflate_backend(InflateBackend::Zlib).set_inflate_backend(InflateBackend::Auto);
    THROWS(config.set_inflate_backend(static_cast<InflateBackend>(3)), InvalidArgument);
    THROWS(config.set_shards(1, 1, 1), InvalidArgument);
    THROWS(config.set_shards_bucket(2, 2, 2), InvalidArgument);
    THROWS(config.set_max_concurrency(0), InvalidArgument);
    THROWS(config.set_shards_split(2, 2, 2), InvalidArgument);
    THROWS(config.set_handshake_limit(0), InvalidArgument);
    THROWS(config.set_identify_interval(-1ms), InvalidArgument);
    THROWS(config.set_identify_interval(std::chrono::hours(2000)), InvalidArgument);
    THROWS(config.set_identify_properties("", "b", "c"), InvalidArgument);
    THROWS(config.set_large_threshold(0), InvalidArgument);
    THROWS(config.set_presence("no json"), InvalidArgument);
    THROWS(config.set_shard_presence(0, "no json"), InvalidArgument);
    THROWS(config.set_event_filter({Dispatch::Unknown}), InvalidArgument);
    THROWS(config.set_event_filter_names({nullptr}), InvalidArgument);
    THROWS(config.set_event_kinds(static_cast<EventKinds>(1u << 31)), InvalidArgument);
    THROWS(config.set_session_file(nullptr), InvalidArgument);
    THROWS(config.set_backoff(2s, 1s), InvalidArgument);
    THROWS(config.set_backoff(1s, -1s), InvalidArgument);
    THROWS(config.set_connect_timeout(0ms), InvalidArgument);
    THROWS(config.set_invalid_session_wait(2ms, 1ms), InvalidArgument);
    THROWS(config.set_zombie_policy(static_cast<ZombiePolicy>(2)), InvalidArgument);
    THROWS(config.set_max_message_size(0), InvalidArgument);
    THROWS(config.set_send_limit(1, 0ms), InvalidArgument);
    THROWS(config.set_send_limit(1, -1ms), InvalidArgument);
    THROWS(config.set_delivery(static_cast<Delivery>(2)), InvalidArgument);
    THROWS(config.set_io_threads(257), InvalidArgument);
    THROWS(config.import_sessions("no sessions"), File);

    config.set_io_threads(257, ec);
    CHECK(ec == Status::InvalidArgument);
    config.set_identify_interval(-1ms, ec);
    CHECK(ec == Status::InvalidArgument);
    config.set_io_threads(1, ec);
    CHECK(!ec);

    Config moved = std::move(config);
    CHECK(moved && !config); // NOLINT: what is left of a moved config is said
    THROWS(config.set_shards_auto(), InvalidArgument);
    THROWS(Cluster{config}, InvalidArgument);
}

static sg_event event_of(const std::string &json) {
    sg_event event{};
    event.struct_size = sizeof event;
    event.type = SG_DISPATCH_MESSAGE_CREATE;
    event.sequence = 7;
    event.name = "MESSAGE_CREATE";
    event.name_length = std::strlen(event.name);
    event.data = json.data();
    event.data_length = json.size();
    return event;
}

static void events() {
    const std::string json = "{\"id\":\"81384788765712384\",\"tts\":true,\"ratio\":-0.5,\"content\":\"caf\\u00e9\","
                             "\"long\":\"" + std::string(1000, 'x') + "\",\"list\":[1, 2],\"null\":null}";
    const sg_event raw = event_of(json);
    const Event event(raw);
    std::error_code ec = Status::Internal;
    CHECK(event.kind() == EventKind::Dispatch && event.type() == Dispatch::MessageCreate && event.shard_id() == 0);
    CHECK(event.name() == "MESSAGE_CREATE" && event.data() == json && event.sequence() == 7u && &event.native() == &raw);
    CHECK(event.as_uint64("/id") == std::uint64_t{81384788765712384} && event.as_bool("/tts") == true);
    const std::optional<double> ratio = event.as_double("/ratio");
    CHECK(ratio && *ratio < -0.49 && *ratio > -0.51);
    CHECK(event.as_string("/content") == "caf\xc3\xa9" && event.as_string("/long")->size() == 1000);
    CHECK(event.as_json("/list") == "[1, 2]" && event.as_json("/list")->data() > event.data().data());
    char buffer[8];
    CHECK(event.as_string("/content", buffer) == "caf\xc3\xa9" && event.as_string("/content", buffer)->data() == buffer);
    THROWS(event.as_string("/long", buffer), BufferTooSmall);
    CHECK(!event.as_string("/none") && !event.as_uint64("/null") && !event.as_double("/id") && !event.as_bool("/list"));
    CHECK(!event.as_json("/none", ec) && !ec);
    THROWS(event.as_string("bad pointer"), InvalidArgument);
    THROWS(event.as_json(nullptr), InvalidArgument);
    CHECK(!event.as_uint64("bad pointer", ec) && ec == Status::InvalidArgument);
    CHECK(event.as_uint64("/id", ec) && !ec);
    const std::string cut = "{\"a\":";
    const sg_event broken = event_of(cut);
    THROWS(Event(broken).as_bool("/a"), Protocol);

    sg_event state{};
    state.struct_size = sizeof state;
    state.kind = SG_EVENT_STATE;
    state.state = SG_SHARD_BACKOFF;
    state.code = 3;
    state.value_ns = 1500000000;
    state.received_ns = 2000000000;
    state.status = SG_ERROR_TLS;
    const Event change(state);
    CHECK(change.kind() == EventKind::State && change.state() == ShardState::Backoff && change.code() == 3);
    CHECK(change.value() == 1500ms && change.received().time_since_epoch() == 2s && change.status() == Status::Tls);
    CHECK(!change.sequence() && change.name().empty() && change.data().empty() && change.type() == Dispatch::Unknown);
}

static void stored() {
    std::vector<StoredEvent> kept;
    {
        const std::string json = "{\"content\":\"kept\"}";
        const sg_event raw = event_of(json);
        kept.emplace_back(Event(raw));
        sg_event state{};
        state.struct_size = sizeof state;
        state.kind = SG_EVENT_LATENCY;
        state.value_ns = 5;
        kept.emplace_back(Event(state));
    }
    const std::vector<StoredEvent> copies = kept;
    kept.clear();
    CHECK(copies[0].get().as_string("/content") == "kept" && copies[0].get().name() == "MESSAGE_CREATE");
    CHECK(copies[1].get().value() == 5ns && copies[1].get().native().name == nullptr);
}

static void members() {
    sg_guild_members_request all = GuildMembersRequest::everyone(5).native();
    CHECK(all.struct_size == sizeof all && all.guild_id == 5 && all.limit == 0 && all.nonce == nullptr);
    GuildMembersRequest some = GuildMembersRequest::users(5, {1, 2});
    some.nonce = "n";
    some.presences = true;
    const sg_guild_members_request whom = some.native();
    CHECK(!whom.query && whom.user_id_count == 2 && whom.user_ids[1] == 2 && std::string(whom.nonce) == "n");
    CHECK(whom.presences == 1);
    const GuildMembersRequest named = GuildMembersRequest::named(5, "ada", 10);
    CHECK(std::string(named.native().query) == "ada" && named.native().limit == 10);
}

static void clusters() {
    static_assert(!std::is_copy_constructible_v<Cluster> && std::is_nothrow_move_constructible_v<Cluster>);
    static_assert(!std::is_copy_constructible_v<Config> && std::is_nothrow_move_constructible_v<Shard>);
    std::error_code ec;
    Cluster cluster(make_config());
    THROWS(cluster.wait(), InvalidState);
    THROWS(cluster.info(0), InvalidState);
    CHECK(cluster.shutdown());
    CHECK(cluster.shard_ids() == std::vector<std::uint32_t>({0, 1}));
    cluster.start();
    THROWS(cluster.start(), InvalidState);
    CHECK(!cluster.wait_ready(0ms) && !cluster.wait(-5s));
    CHECK(!cluster.wait(0ms, ec) && !ec);

    const ShardInfo info = cluster.info(1);
    CHECK(info.id() == 1 && info.total() == 3 && info.state() != ShardState::Active && !info.sequence());
    CHECK(info.session_id().empty() && !info.latency() && !info.latency_average() && info.latency_recent().empty());
    CHECK(!info.heartbeat_interval() && info.last_close_code().value_or(1006) == 1006 && info.send_permits());
    CHECK(info.heartbeats_sent() + info.heartbeats_acked() + info.identifies() + info.resumes() + info.events() == 0);
    CHECK(info.events_delivered() + info.bytes_wire() + info.bytes_inflated() == 0);
    CHECK(info.bytes_queued() == info.native().bytes_queued);
    CHECK(info.bytes_sent() == 0 && info.commands_queued() == 0 && info.next_permit() == 0ns && !info.sequence_delivered());
    CHECK(info.connects() >= info.reconnects() && info.native().struct_size == sizeof(sg_shard_info));
    THROWS(cluster.info(2), NotFound);
    CHECK(cluster.metrics().find("swiftgateway") != std::string::npos);
    const ClusterSummary summary = cluster.summary();
    CHECK(summary.shards() == 2 && summary.total() == 3 && summary.ready() == 0 && !summary.latency_slowest());
    CHECK(summary.in(ShardState::Active) == 0 && summary.in(static_cast<ShardState>(99)) == 0 && !summary.identifies_left());
    CHECK(summary.native().struct_size == sizeof(sg_cluster_summary) && !summary.identifies_total());
    CHECK(cluster.guild_shard(std::uint64_t{1} << 22) == 1u && !cluster.guild_shard(std::uint64_t{2} << 22));
    THROWS(cluster.export_shard(7), NotFound);
    THROWS(cluster.add_shard_session(2, "no session"), File);
    const std::string sessions = cluster.export_sessions();
    make_config().import_sessions(sessions);

    cluster.send(0, "{\"op\":3,\"d\":{\"since\":null,\"activities\":[],\"status\":\"idle\",\"afk\":false}}");
    cluster.update_presence(0, "{\"since\":null,\"activities\":[],\"status\":\"idle\",\"afk\":false}");
    THROWS(cluster.update_presence_all("no"), InvalidArgument);
    cluster.update_voice_state(0, 1, 2, true);
    cluster.update_voice_state(0, 1, std::nullopt);
    cluster.request_guild_members(0, GuildMembersRequest::everyone(1));
    cluster.request_soundboard_sounds(0, {1, 2});
    cluster.request_channel_info(0, 1, {"status", std::string("voice_start_time")});
    CHECK(cluster.info(0).commands_queued() == 7);
    THROWS(cluster.send(0, ""), InvalidArgument);
    THROWS(cluster.update_presence(0, "no"), InvalidArgument);
    THROWS(cluster.update_voice_state(0, 0, 2), InvalidArgument);
    THROWS(cluster.request_guild_members(0, GuildMembersRequest()), InvalidArgument);
    THROWS(cluster.request_soundboard_sounds(0, {}), InvalidArgument);
    THROWS(cluster.request_channel_info(0, 1, {}), InvalidArgument);
    cluster.restart_shard(0, RestartMode::Identify);
    THROWS(cluster.wait_reshard(0ms), InvalidState);
    THROWS(cluster.cancel_reshard(), InvalidState);
    THROWS(cluster.reshard(3, 2, 4), InvalidArgument);
    THROWS(cluster.reshard_bucket(2, 2, 4), InvalidArgument);
    THROWS(cluster.reshard_split(2, 2, 4), InvalidArgument);
    cluster.reshard(0, 4, 4);
    THROWS(cluster.reshard_auto(), InvalidState);
    CHECK(!cluster.wait_reshard(0ms));
    cluster.cancel_reshard();
    THROWS(cluster.wait_reshard(), Cancelled);
    cluster.add_shard(2);
    cluster.remove_shard(2, ShutdownMode::Final);
    THROWS(cluster.restart_shard(7, RestartMode::Resume), NotFound);
    THROWS(cluster.add_shard(3), InvalidArgument);
    THROWS(cluster.remove_shard(7, ShutdownMode::Final), NotFound);

    Cluster moved = std::move(cluster);
    CHECK(moved && !cluster); // NOLINT
    THROWS(cluster.start(), InvalidArgument);
    CHECK(cluster.take_exception() == nullptr);
    CHECK(moved.shutdown(ShutdownMode::Resumable, 5s) && moved.wait());
    CHECK(!moved.wait_ready(ec) && ec == std::errc::operation_canceled);
    moved.start();
    moved = Cluster(make_config()); // the running one ends here
    THROWS(moved.wait(), InvalidState);
    moved.shutdown(ec);
    CHECK(!ec);
}

static void shards() {
    THROWS(Shard(make_config(), 1, 1), InvalidArgument);
    std::error_code ec;
    const Shard none(make_config(), 1, 1, ec);
    CHECK(!none && ec == Status::InvalidArgument);
    Shard shard(make_config(), 4, 5);
    THROWS(shard.info(), InvalidState);
    shard.start();
    CHECK(shard.info().id() == 4 && shard.info().total() == 5);
    shard.send("{\"op\":3,\"d\":{\"since\":null,\"activities\":[],\"status\":\"idle\",\"afk\":false}}");
    shard.update_presence("{\"since\":null,\"activities\":[],\"status\":\"idle\",\"afk\":false}");
    shard.update_voice_state(1, 2);
    shard.request_guild_members(GuildMembersRequest::everyone(1));
    shard.request_soundboard_sounds({1});
    shard.request_channel_info(1, {"status"});
    CHECK(shard.info().commands_queued() == 6 && !shard.wait_ready(0ms));
    CHECK(shard.shutdown() && shard.wait() && shard.info().state() == ShardState::Stopped);
}

static void fetching() {
    std::error_code ec;
    Config config(SECRET, Intent::None);
    std::atomic<unsigned> lines{0};
    config.on_log(LogLevel::Trace, [&](LogLevel, std::string_view, std::string_view) { ++lines; });
    config.set_api_url("http://127.0.0.1:1/api/v10");
    THROWS(GatewayBot::fetch(config, 5s), Network);
    const GatewayBot answer = GatewayBot::fetch(config, std::nullopt, ec);
    CHECK(ec == Status::Network && answer.url.empty() && answer.shards == 0);
    THROWS(GatewayBot::fetch_url(config, 5s), Network);
    CHECK(GatewayBot::fetch_url(config, 5s, ec).empty() && ec == Status::Network);
}

/* Something that a test waits for. */
struct Signal {
    std::mutex mutex;
    std::condition_variable changed;
    bool set = false;
    void raise() {
        const std::lock_guard<std::mutex> lock(mutex);
        set = true;
        changed.notify_all();
    }
    void wait() {
        std::unique_lock<std::mutex> lock(mutex);
        changed.wait(lock, [&] { return set; });
    }
};

static void handlers() {
    Signal logged, changed;
    std::atomic<bool> deadlock{false};
    Config config = make_config();
    Cluster *running = nullptr;
    config.on_log(LogLevel::Trace, [&](LogLevel level, std::string_view target, std::string_view message) {
        if (level < LogLevel::Off && !target.empty() && !message.empty()) logged.raise();
    });
    config.on_event([&](const Event &event) {
        if (event.kind() != EventKind::State) return;
        std::error_code ec;
        running->wait(ec);
        deadlock = ec == Status::WouldDeadlock;
        changed.raise();
    });
    Cluster cluster(config);
    running = &cluster;
    config.on_event(nullptr).on_log(LogLevel::Off, nullptr); // a cluster keeps what it was made with
    cluster.start();
    logged.wait();
    changed.wait();
    cluster.shutdown();
    CHECK(deadlock);
}

struct Oops {};

/* Queues and stores of one's own: asked, and told when they throw. */
static void pluggable() {
    std::atomic<int> loads{0}, told{0}, errors{0};
    Signal refused;
    Config config = make_config();
    config.on_event([&](const Event &event) {
        if (event.kind() == EventKind::Error && event.status() == Status::File && ++errors == 1) refused.raise();
    });
    config.on_identify([](const IdentifyRequest &request) {
        if (request.kind() == IdentifyKind::Request) identify_grant(request.permit());
    });
    config.set_session_store([&] { return ++loads, std::optional<std::string>(); }, [](std::string_view) { return true; });
    {
        Cluster cluster(config);
        cluster.start();
        CHECK(cluster.shutdown() && loads == 1 && errors == 0);
    }
    std::error_code ec;
    CHECK(!identify_grant(0, ec) && !ec && !identify_grant(12345));

    config.set_session_store([]() -> std::optional<std::string> { throw Oops(); }, [](std::string_view) { return true; });
    Cluster cluster(config);
    cluster.start();
    refused.wait();
    CHECK(!cluster.wait(0ms) && cluster.take_exception() == nullptr); // it goes on
    cluster.shutdown();
    config.on_exception([&](std::exception_ptr exception) { told += exception != nullptr; });
    Cluster other(config);
    other.start();
    CHECK(told == 1);
}

/* By the batch, in place of the other handlers. */
static void batches() {
    Signal seen;
    std::atomic<bool> single{false};
    Config config = make_config();
    config.on_event([&](const Event &) { single = true; });
    config.on_batch([&](const Batch &events) {
        std::size_t count = 0;
        for (const Event event : events) count += event.kind() == events[count].kind();
        if (count == events.size() && count > 0) seen.raise();
    });
    {
        Cluster cluster(config);
        cluster.start();
        seen.wait();
        cluster.shutdown();
        CHECK(!single);
    }
    config.set_delivery(Delivery::Inline);
    THROWS(Cluster{config}, InvalidArgument);
    config.set_delivery(Delivery::Queued).on_batch([](const Batch &) { throw Oops(); });
    Cluster cluster(config);
    cluster.start();
    bool caught = false;
    try {
        cluster.wait();
    } catch (const Oops &) {
        caught = true;
    }
    CHECK(caught);
}

/* Without on_exception: the cluster stops, and the exception comes out of the wait. */
static void exceptions_stop() {
    for (const Delivery delivery : {Delivery::Queued, Delivery::Inline}) {
        Config config = make_config();
        config.set_delivery(delivery).on_event([](const Event &) { throw Oops(); });
        Cluster cluster(config);
        for (int round = 0; round < 2; round++) { // and it may be started again
            cluster.start();
            bool caught = false;
            try {
                cluster.wait();
            } catch (const Oops &) {
                caught = true;
            }
            CHECK(caught && cluster.info(0).state() == ShardState::Stopped);
            CHECK(cluster.shutdown());
        }
        cluster.start();
        std::error_code ec;
        CHECK(!cluster.wait(ec) && ec == Status::Cancelled);
        CHECK(cluster.take_exception() != nullptr && cluster.take_exception() == nullptr);
        cluster.start();
    } // destroyed while, or after, it stops
    Config config = make_config();
    config.on_log(LogLevel::Trace, [](LogLevel, std::string_view, std::string_view) { throw 5; });
    Shard shard(config, 0, 1);
    shard.start();
    bool caught = false;
    try {
        shard.wait_ready();
    } catch (int value) {
        caught = value == 5;
    }
    CHECK(caught);
}

/* With on_exception: reported, and the cluster goes on; what leaves on_exception itself stops it. */
static void exceptions_reported() {
    Signal third;
    std::atomic<int> count{0};
    Config config = make_config();
    config.on_event([](const Event &event) { throw static_cast<int>(event.kind()) + 100; });
    config.on_exception([&](std::exception_ptr exception) {
        try {
            std::rethrow_exception(exception);
        } catch (int value) {
            if (value >= 100 && ++count == 3) third.raise();
        }
    });
    Cluster cluster(config);
    cluster.start();
    third.wait();
    CHECK(!cluster.wait(0ms));
    cluster.shutdown();
    CHECK(cluster.take_exception() == nullptr);

    config.on_exception([](std::exception_ptr) { throw Oops(); });
    Cluster other(config);
    other.start();
    bool caught = false;
    try {
        other.wait();
    } catch (const Oops &) {
        caught = true;
    }
    CHECK(caught);
}

/* The last owner of a cluster may be one of its handlers: what cannot be waited for there is done elsewhere. */
static void destroyed_inside() {
    struct Token {
        explicit Token(Signal &s) : signal(s) {}
        Token(const Token &) = delete;
        Token &operator=(const Token &) = delete;
        ~Token() { signal.raise(); }
        Signal &signal;
    };
    Signal inside, gone;
    {
        auto owner = std::make_shared<std::optional<Cluster>>();
        auto token = std::make_shared<Token>(gone);
        Config config = make_config();
        config.on_event([&inside, owner, token](const Event &) {
            owner->reset();
            inside.raise();
        });
        token.reset();
        owner->emplace(config);
        (*owner)->start();
        inside.wait();
        config.on_event(nullptr);
    }
    gone.wait(); // the handler has been destroyed, with the cluster
    passed++;
}

int main() {
    masks();
    names();
    codes();
    configuration();
    events();
    stored();
    members();
    clusters();
    shards();
    fetching();
    handlers();
    pluggable();
    batches();
    exceptions_stop();
    exceptions_reported();
    destroyed_inside();
    return finish();
}
