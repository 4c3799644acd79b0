/* swiftgateway.hpp where exceptions are switched off: every call takes an error code. */
#include <atomic>
#include <string>
#include "check.h"
#include "swiftgateway.hpp"

#ifndef SWIFTGATEWAY_NO_EXCEPTIONS
#error "the header has to notice"
#endif

using namespace swiftgateway;
using namespace std::chrono_literals;

/* Whether a call said what was expected of it. */
static std::error_code ec;
static bool good() { return !std::exchange(ec, Status::Internal); }
static bool bad(Status status) { return std::exchange(ec, Status::Internal) == status; }

int main() {
    const Config none(nullptr, Intent::None, ec);
    CHECK(bad(Status::InvalidArgument) && !none);
    Config config(SECRET, Intent::Guilds, ec);
    CHECK(good() && config);
    config.set_gateway_url("ws://127.0.0.1:1", ec).set_shards(0, 1, 1, ec).set_backoff(1ms, 20ms, ec);
    CHECK(good());
    config.set_delivery(Delivery::Queued, 0, ec);
    CHECK(good());
    config.set_connect_timeout(-1ms, ec);
    CHECK(bad(Status::InvalidArgument));

    std::atomic<unsigned> events{0};
    config.on_event([&](const Event &event) { events += event.kind() == EventKind::State; });
    Cluster cluster(config, ec);
    CHECK(good() && cluster);
    cluster.wait(ec);
    CHECK(bad(Status::InvalidState));
    cluster.start(ec);
    CHECK(good());
    CHECK(!cluster.wait_ready(0ms, ec) && good());
    CHECK(cluster.info(0, ec).total() == 1 && good());
    CHECK(cluster.shard_ids(ec).size() == 1 && good());
    CHECK(!cluster.metrics(ec).empty() && good());
    cluster.update_voice_state(0, 1, std::nullopt, false, false, ec);
    CHECK(good());
    cluster.update_voice_state(0, 0, std::nullopt, false, false, ec);
    CHECK(bad(Status::InvalidArgument));
    CHECK(cluster.shutdown(ec) && good());
    CHECK(cluster.wait(std::nullopt, ec) && good() && events > 0);
    CHECK(!cluster.wait_ready(ec) && bad(Status::Cancelled));

    Shard shard(config, 0, 1, ec);
    shard.start(ec);
    CHECK(good() && shard.shutdown(ShutdownMode::Resumable, 5s, ec) && good());

    const std::string json = "{\"id\":\"5\"}";
    sg_event raw{};
    raw.struct_size = sizeof raw;
    raw.data = json.data();
    raw.data_length = json.size();
    CHECK(Event(raw).as_uint64("/id", ec) == 5u && good());
    CHECK(!Event(raw).as_string("/none", ec) && good());
    CHECK(!Event(raw).as_string("none", ec) && bad(Status::InvalidArgument));
    return finish();
}
