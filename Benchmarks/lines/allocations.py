"""Allocations per event in steady state: there are to be none."""

import collections
import json
import os
import re
import subprocess

from . import rig

WARM = 10_000  # events before the count begins


def counted(load, mode, who, last, first, stacks=None):
    environment = dict(rig.ENVIRONMENT, LD_PRELOAD=str(rig.WORK / "allocations.so"))
    if stacks:
        environment["BENCH_STACKS"] = str(stacks)
        if options_library := os.environ.get("BENCH_SYMBOLS"):
            environment["LD_LIBRARY_PATH"] = options_library
    if who == "floor":
        command = [rig.WORK / "floor-measure", load.port, mode, "-a", first, last]
    else:
        command = rig.client_command(load, mode, who, last, "-a", first)
    return json.loads(rig.run(command, environment).stdout.splitlines()[-1])


def name_stacks(path):
    """The stacks that allocated, most frequent first; with names where the library was built with them."""
    stacks = []
    for line in path.read_text().splitlines():
        number, size, *frames = line.split()
        stacks.append((int(number), int(size), frames))
    places = collections.defaultdict(set)
    for _, _, frames in stacks:
        for frame in frames:
            library, offset = frame.rsplit("+", 1)
            places[library].add(offset)
    names = {}
    for library, offsets in places.items():
        ordered = sorted(offsets)
        out = subprocess.run(["addr2line", "-f", "-s", "-e", library, *ordered], capture_output=True, text=True).stdout
        lines = out.splitlines()
        for offset, function, where in zip(ordered, lines[::2], lines[1::2]):
            names[f"{library}+{offset}"] = f"{function} {where}" if function != "??" else \
                f"{library.rsplit('/', 1)[-1]}+{offset}"
    everything = "\n".join(names.values())
    swift = subprocess.run(["swift", "demangle", "--compact"], input=everything, capture_output=True, text=True)
    if swift.returncode == 0:
        names = dict(zip(names, swift.stdout.splitlines()))
    for number, size, frames in sorted(stacks, reverse=True)[:20]:
        yield f"{number} times, {size} bytes", [re.sub(r"\s+", " ", names.get(f, f)) for f in frames[:10]]


def measure(table, options):
    events = 15_000 if options.quick else 110_000
    table.section("Allocations per event in steady state",
                  f"malloc and its kin on all threads from event {WARM} to event {events}, counted by allocations.c.\n"
                  "Bulk: a record for each event. Trickle: one event per wakeup, a tenth of the events.")
    with rig.Load("-f", rig.corpus(max(events, options.events))) as load:
        for way in ("bulk", "trickle"):
            count = events if way == "bulk" else events // 10
            first = WARM if way == "bulk" else count // 10
            load(f"send {count}"), load("pace 200 1" if way == "trickle" else "pace 0")
            for mode in options.modes:
                for who in ("inline", "queued") if way == "trickle" else ("floor", "inline", "queued"):
                    answer = counted(load, mode, who, count + 1, first)
                    number = answer["allocations"]
                    table.row(f"{way}, {mode}, {who}: {number} in {count + 1 - first} events",
                              number / (count + 1 - first), "", places=5,
                              bar=0 if who != "floor" else None, bar_on="figure", frees=answer["frees"])
                    if number and who != "floor" and options.stacks:
                        path = rig.WORK / "stacks"
                        counted(load, mode, who, count + 1, first, path)
                        for title, frames in name_stacks(path):
                            print(f"    {title}")
                            print("".join(f"        {frame}\n" for frame in frames), end="", flush=True)
