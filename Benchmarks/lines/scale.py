"""How the lines grow: 1, 10, 100, 1,000 shards, on one and on two loop threads."""

import array
import time

from . import rig
from .table import progress

COLUMNS = (("shards", 8), ("loops", 7), ("ready s", 10), ("start ms", 11), ("CPU µs", 9), ("events/s", 11),
           ("memory KB", 11), ("p50 µs", 9), ("p99 µs", 9), ("resume ms", 11), ("resumed s", 11), ("rest %", 9), ("beat µs", 9), ("files", 7),
           ("threads", 9))


def busy(load, loops, shards, events):
    """One process from its start to a reconnect of every shard."""
    each = max(events // shards, 100)
    load(f"send {each}"), load("pack 0"), load("hold 1"), load("mark")
    with rig.Staying(load, "zlib", "inline", 1, "-j", loops, "-m", shards=shards) as client:
        start = client.start
        before = rig.cpu_seconds(client.pid)
        load("go")
        burst = load.until("finished", shards, 300)
        cpu = rig.cpu_seconds(client.pid) - before
        time.sleep(1.5)  # buffers are given back, and the connections count as good
        memory = rig.memory_kb(client.pid) - start["base_kb"]
        kinds = rig.resources(client.pid)
        before = rig.cpu_seconds(client.pid)
        load("drop")
        storm = load.until("resumed", shards, 120)
        time.sleep(1)
        again = rig.cpu_seconds(client.pid) - before
    return {"ready s": start["seconds"], "start ms": start["cpu_s"] / shards * 1000,
            "CPU µs": cpu / (each * shards) * 1e6, "events/s": each * shards / burst["seconds"],
            "memory KB": memory / shards, "resume ms": again / shards * 1000, "resumed s": storm["seconds"],
            "files": kinds["sockets"] + kinds["other files"] + kinds["timerfds"], "threads": kinds["threads"]}


def latency(load, loops, shards, events, stamps, output):
    """One shard with 1,000 events a second among others that are silent."""
    load(f"send {events}"), load("pack 0"), load("pace 1000 1"), load("hold 1"), load("mark")
    with rig.Staying(load, "zlib", "inline", 1, "-j", loops, "-t", stamps, "-o", output, shards=shards):
        load("go 1")
        load.until("finished", 1, 60)
    # The silent ones would hold for ever: their end is seen by writing only. The next run's "go 1" must not meet them.
    load("pace 0"), load("go")
    raw = sorted(array.array("Q", output.read_bytes())[200::2])
    return {"p50 µs": raw[len(raw) // 2] / 1000, "p99 µs": raw[len(raw) * 99 // 100] / 1000}


def resting(load, loops, shards, interval):
    with rig.Staying(load, "zlib", "inline", 1, "-j", loops, shards=shards) as client:
        time.sleep(0.5)
        load("mark")
        before, begun = rig.cpu_seconds(client.pid), time.monotonic()
        time.sleep(2 * interval)
        cpu, took = rig.cpu_seconds(client.pid) - before, time.monotonic() - begun
        beats = load("counts")["acked"]
    return {"rest %": cpu / took * 100 * interval / 41.25, "beat µs": cpu / beats * 1e6 if beats else 0}


def measure(table, options):
    sizes = [1, 100] if options.quick else [size for size in (1, 10, 100, 1000) if size <= options.shards]
    events = 20_000 if options.quick else 100_000
    interval = 1.0 if options.quick else 2.0
    table.section("How it grows: zlib, inline, a record for each event",
                  "ready: to the last READY. start: CPU for each shard, process included. CPU: for an event, of "
                  f"{events} in all\n(100 a shard at least), all shards at once. memory: anonymous, for a shard, warm. "
                  "p50, p99: latency\nof a shard with 1,000 events a second among silent ones. resume: CPU for each "
                  "of all shards dropped at once.\nrest: CPU of one core at a heartbeat of 41.25 s, "
                  f"scaled from {interval:g} s.\nOne run each: for the shape, not for the third digit.", columns=False)
    print("".join(name.rjust(width) for name, width in COLUMNS), flush=True)
    stamps, output = rig.WORK / "stamps", rig.WORK / "latencies"
    paced = 1000 if options.quick else 3000
    with rig.Load("-f", rig.corpus(events), "-m", "zlib") as load, \
            rig.Load("-f", rig.corpus(paced), "-m", "zlib", "-t", stamps) as timed, rig.Load("-i", int(interval * 1000)) as idle:
        for loops in (1, 2):
            for shards in sizes:
                if loops > shards:
                    continue
                progress(f"scale: {shards} shards on {loops}")
                row = {"shards": shards, "loops": loops, **busy(load, loops, shards, events),
                       **latency(timed, loops, shards, paced, stamps, output),
                       **resting(idle, loops, shards, interval)}
                progress("")
                places = {"shards": 0, "loops": 0, "events/s": 0, "memory KB": 1, "files": 0, "threads": 0, "rest %": 3, "p50 µs": 1, "p99 µs": 1,
                          "beat µs": 1, "start ms": 3, "resume ms": 3}
                print("".join(f"{row[name]:.{places.get(name, 2)}f}".rjust(width) for name, width in COLUMNS), flush=True)
                table.rows.append({"section": table.name, **row})
