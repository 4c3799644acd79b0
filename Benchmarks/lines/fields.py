"""Two fields of a message by the engine's accessors, against a full parse by a JSON library."""

import json
import os
import statistics

from . import rig


def measure(table, options):
    rig.compile_program("fields", "fields.cc", ["-std=c++17", *rig.ENGINE, "-lcjson", "-lsimdjson"],
                        os.environ.get("CXX", "c++"))
    count, rounds = (5000, 3) if options.quick else (20_000, max(options.rounds, 9))
    answer = json.loads(rig.run([rig.WORK / "fields", rig.corpus(count), rounds]).stdout)
    table.section("Author id and content of a MESSAGE_CREATE",
                  f"In ns for both fields, {answer['messages']} messages of {answer['bytes']} bytes in the middle; "
                  f"medians of {rounds} alternated rounds.")
    engine = statistics.median(answer["engine"])
    table.row("sg_event_uint64 and sg_event_string", engine, "ns", samples=answer["engine"], places=0)
    for name, title in (("simdjson", "full parse by simdjson (DOM)"), ("cjson", "full parse by cJSON")):
        middle = statistics.median(answer[name])
        table.row(title, middle, "ns", samples=answer[name], places=0, note=f"{middle / engine:.2f} × the accessors")
