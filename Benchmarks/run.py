#!/usr/bin/env python3
"""Measures the engine and prints one table.

    python3 Benchmarks/run.py [--quick] [--only cpu,latency,…] [--rounds 9] [--json FILE]

The method: engine and floor (floor.c) run alternately against the same load generator (loadgw.c), so that what the
machine does meanwhile hits both; figures are medians over rounds, "spread" is half the distance between the quartiles;
what counts is the ratio. Bars are those the project has set itself. --list says what each line is.

Needs: the library in build/lib (make lib) and what `scripts/setup bench` installs.
"""

import argparse
import importlib
import json
import sys
import time

from lines import rig
from lines.table import Table

# line: module, what it measures
LINES = {
    "cpu": "CPU per event against the floor: inline and queued, bulk and one event per wakeup",
    "latency": "from a readable socket to the callback at 1,000 events a second",
    "memory": "anonymous memory per shard, idle and warm, at 1, 10, 100 and 1,000 shards",
    "rest": "1,000 idle shards: time to all ready, CPU at rest, files, threads and timers",
    "storm": "1,000 shards dropped at once: every one resumes; with and without TLS session resumption",
    "scale": "how the lines grow: 1, 10, 100, 1,000 shards on 1 and 2 loop threads",
    "sleeper": "memory of a queued consumer that sleeps under full load",
    "threads": "two loop threads against one",
    "library": "size, load time and memory of the library",
    "fields": "two fields of a message against a full parse by a JSON library",
    "peers": "discord.py and hikari from PyPI: CPU per event, memory per shard",
    "python": "the Python package above the C client, and discord.py beside it",
    "allocations": "allocations per event in steady state",
    "instructions": "instructions per event against the floor, and those spent on counting; needs valgrind",
}


def main():
    parser = argparse.ArgumentParser(description="Measures the engine and prints one table.")
    parser.add_argument("--quick", action="store_true", help="few and small rounds, about 2 minutes: shows that all runs")
    parser.add_argument("--only", help="these lines, separated by commas")
    parser.add_argument("--skip", default="", help="all but these lines")
    parser.add_argument("--list", action="store_true", help="say what each line measures")
    parser.add_argument("--rounds", type=int, help="rounds of alternated runs; default 9, quick 1")
    parser.add_argument("--events", type=int, help="events of a bulk run; default 200000, quick 20000")
    parser.add_argument("--shards", type=int, help="the many shards; default 1000, quick 100")
    parser.add_argument("--seconds", type=float, help="how long a consumer sleeps and shards rest; default 60, quick 5")
    parser.add_argument("--stacks", action="store_true", help="print where allocations come from")
    parser.add_argument("--functions", action="store_true", help="print the instructions of each function")
    parser.add_argument("--inflate", choices=("auto", "zlib", "zlib-ng"), help="the engine's inflate; default its own choice")
    parser.add_argument("--modes", default=",".join(rig.MODES), help="of none,zlib,zstd")
    parser.add_argument("--json", metavar="FILE", help="write every figure and every sample there")
    options = parser.parse_args()
    if options.list:
        print("\n".join(f"{name:<14}{what}" for name, what in LINES.items()))
        return
    for name, full, quick in (("rounds", 9, 1), ("events", 200_000, 20_000), ("shards", 1000, 100), ("seconds", 60, 5)):
        if getattr(options, name) is None:
            setattr(options, name, quick if options.quick else full)
    options.modes = options.modes.split(",")
    if options.inflate:
        rig.CLIENT_OPTIONS += ["-i", ("auto", "zlib", "zlib-ng").index(options.inflate)]
    chosen = options.only.split(",") if options.only else [n for n in LINES if n not in options.skip.split(",")]
    if unknown := [name for name in chosen if name not in LINES]:
        sys.exit(f"there is no line {unknown[0]}; there are {', '.join(LINES)}")

    rig.build()
    where = rig.machine()
    print(f"{where['processor']}, {where['cores']} cores, Linux {where['kernel']}, {where['openssl']}, "
          f"commit {where['commit']}, {where['time']}")
    if where["load"] > 0.5:
        print(f"The machine is busy (load {where['load']:.1f}): times are noise, ratios less so.")
    table = Table()
    begun = time.monotonic()
    for name in chosen:
        start = time.monotonic()
        importlib.import_module(f"lines.{name}").measure(table, options)
        table.rows.append({"line": name, "took": time.monotonic() - start})
    print(f"\n{time.monotonic() - begun:.0f} s; {table.missed} bars missed")
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"machine": where, "options": vars(options), "rows": table.rows}, file, indent=1)


if __name__ == "__main__":
    main()
