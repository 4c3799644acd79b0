"""Allocations per event in steady state: there are to be none."""

import collections
import json
import os
import re
import subprocess

from . import rig



def counted(load, mode, who, last, first, until, stacks=None):
    environment = dict(rig.ENVIRONMENT, LD_PRELOAD=str(rig.WORK / "allocations.so"))
    if stacks:
        environment["BENCH_STACKS"] = str(stacks)
        environment["LD_LIBRARY_PATH"] = str(rig.SYMBOLS)
    if who == "floor":
        command = [rig.WORK / "floor-measure", load.port, mode, "-a", first, until]
    else:
        environment["BENCH_OWN"] = "libswiftgateway"
        command = rig.client_command(load, mode, who, last, "-a", f"{first}:{until}")
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


def ways(full):
    """Name, commands, events to send, and between which of them to count: caches are warm, and the end of the corpus is
    so far off that a full queue does not reach to it."""
    return (("bulk, a record each", ("pack 0", "pace 0"), 120_000 if full else 25_000, 10_000, 110_000 if full else 15_000),
            ("bulk, packed", ("pack 1", "pace 0"), 120_000 if full else 25_000, 10_000, 110_000 if full else 15_000),
            ("one per wakeup", ("pack 0", "pace 200 1"), 12_000 if full else 2000, 500, 11_500 if full else 1500))


def measure(table, options):
    full = not options.quick
    table.section("Allocations per event in steady state",
                  "malloc and its kin on all threads, counted by allocations.c: by the engine itself, and by the libraries\n"
                  "it uses. OpenSSL 3.0 allocates 40 bytes for each TLS record, for the floor as well.")
    with rig.Load("-f", rig.corpus(max(options.events, 120_000 if full else 25_000))) as load:
        for way, commands, send, first, until in ways(full):
            for command in (f"send {send}", *commands):
                load(command)
            for mode in options.modes:
                for who in ("floor", "inline", "queued"):
                    answer = counted(load, mode, who, send + 1, first, until)
                    events, own = until - first, answer["own"]
                    others = answer["allocations"] - own
                    table.row(f"{way}, {mode}: {who}", own / events, "", places=5, bar=0 if who != "floor" else None,
                              bar_on="figure", note=f"{own} in {events} events; libraries {others / events:.3f} each",
                              libraries=others / events)
                    if own and who != "floor" and options.stacks:
                        path = rig.WORK / "stacks"
                        counted(load, mode, who, send + 1, first, until, path)
                        for title, frames in name_stacks(path):
                            print(f"    {title}")
                            print("".join(f"        {frame}\n" for frame in frames), end="", flush=True)
