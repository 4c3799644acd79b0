// Prints messages, and what happens to the connection: DISCORD_TOKEN=… example [seconds]
#include <cstdlib>
#include <iostream>
#include <swiftgateway.hpp>

using namespace swiftgateway; // Config, Cluster, Event, Dispatch, …

int main(int argc, char **argv) try {
    Config config(std::getenv("DISCORD_TOKEN"), Intent::Guilds | Intent::GuildMessages);
    if (const char *url = std::getenv("API_URL")) config.set_api_url(url);
    if (const char *file = std::getenv("CA_FILE")) config.set_ca_file(file);
    config.set_shards(0, 1, 1); // one shard, so that no two handlers run at once

    unsigned messages = 0;
    config.on(Dispatch::MessageCreate, [&](const Event &event) {
        messages++;
        std::cout << event.as_string("/author/username").value_or("someone") << ": "
                  << event.as_string("/content").value_or("") << '\n';
    });
    config.on_event([](const Event &event) {
        if (event.kind() == EventKind::State) std::cout << "the shard is " << name(event.state()) << '\n';
    });
    config.on_log(LogLevel::Warning, [](LogLevel, std::string_view who, std::string_view what) {
        std::cerr << who << ": " << what << '\n'; // what failed and is tried again
    });

    Cluster cluster(config);
    cluster.start();
    if (argc > 1) cluster.wait(std::chrono::seconds(std::atoi(argv[1]))); // throws when the shard is fatal
    else cluster.wait();
    cluster.shutdown();
    std::cout << messages << " messages\n";
} catch (const Error &error) {
    std::cerr << "example: " << error.what() << '\n';
    return 1;
}
