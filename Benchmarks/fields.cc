/* fields: author id and content of every MESSAGE_CREATE in a corpus, by the engine's accessors and by full parses with
 * JSON libraries (cJSON, simdjson's DOM), in nanoseconds a message.
 *
 *   fields CORPUS ROUNDS
 *
 * build: c++ -O2 -std=c++17 fields.cc -o fields -lswiftgateway -lcjson -lsimdjson
 */
#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include <cjson/cJSON.h>
#include <simdjson.h>
#include <swiftgateway.h>

struct Result {
    uint64_t id = 0;
    size_t bytes = 0; // of content
};

static std::vector<simdjson::padded_string> messages;

static Result by_engine(const simdjson::padded_string &m) {
    sg_event event{};
    event.struct_size = sizeof event;
    event.data = m.data();
    event.data_length = m.size();
    static char content[1 << 16];
    Result r;
    size_t length = sizeof content;
    sg_event_uint64(&event, "/author/id", &r.id);
    if (sg_event_string(&event, "/content", content, &length) == SG_OK) r.bytes = length;
    return r;
}
static Result by_cjson(const simdjson::padded_string &m) {
    cJSON *root = cJSON_ParseWithLength(m.data(), m.size());
    const cJSON *author = cJSON_GetObjectItemCaseSensitive(root, "author");
    Result r;
    r.id = strtoull(cJSON_GetObjectItemCaseSensitive(author, "id")->valuestring, nullptr, 10);
    r.bytes = strlen(cJSON_GetObjectItemCaseSensitive(root, "content")->valuestring);
    cJSON_Delete(root);
    return r;
}
static Result by_simdjson(const simdjson::padded_string &m) {
    static simdjson::dom::parser parser;
    simdjson::dom::element root = parser.parse(m);
    Result r;
    std::string_view id = root["author"]["id"], content = root["content"];
    r.id = strtoull(std::string(id).c_str(), nullptr, 10);
    r.bytes = content.size();
    return r;
}

int main(int argc, char **argv) {
    if (argc != 3) return fprintf(stderr, "usage: fields CORPUS ROUNDS\n"), 2;
    std::ifstream file(argv[1]);
    size_t bytes = 0;
    for (std::string line; std::getline(file, line);) {
        if (line.compare(0, 22, "{\"t\":\"MESSAGE_CREATE\",")) continue;
        const size_t at = line.find("\"d\":") + 4;
        messages.emplace_back(line.data() + at, line.size() - 1 - at);
        bytes += messages.back().size();
    }
    const struct {
        const char *name;
        Result (*get)(const simdjson::padded_string &);
    } ways[] = {{"engine", by_engine}, {"cjson", by_cjson}, {"simdjson", by_simdjson}};
    for (const auto &m : messages) {
        const Result a = by_engine(m);
        for (const auto &way : ways)
            if (const Result b = way.get(m); a.id != b.id || a.bytes != b.bytes)
                return fprintf(stderr, "fields: %s says %" PRIu64 " and %zu, the engine %" PRIu64 " and %zu, of %.*s\n",
                               way.name, b.id, b.bytes, a.id, a.bytes, (int)m.size(), m.data()), 1;
    }
    std::vector<double> times[3];
    uint64_t sink = 0;
    for (int round = 0; round < atoi(argv[2]); round++)
        for (int i = 0; i < 3; i++) {
            const auto begun = std::chrono::steady_clock::now();
            for (const auto &m : messages) sink += ways[(i + round) % 3].get(m).id;
            const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begun;
            times[(i + round) % 3].push_back(took.count() / (double)messages.size());
        }
    printf("{\"messages\":%zu,\"bytes\":%.0f,\"sink\":%d", messages.size(), (double)bytes / (double)messages.size(),
           (int)(sink & 1));
    for (int i = 0; i < 3; i++) {
        printf(",\"%s\":[", ways[i].name);
        for (size_t j = 0; j < times[i].size(); j++) printf("%s%.1f", j ? "," : "", times[i][j]);
        printf("]");
    }
    printf("}\n");
}
