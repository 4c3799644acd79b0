"""Many idle shards: time to all ready, CPU at rest, and what grows with them."""

import time

from . import rig
from .table import progress

HEARTBEAT = 41.25  # seconds, as the gateway says


def measure(table, options):
    # A shorter run beats more often instead: at rest nothing but heartbeats happens.
    scale = 1 if options.seconds >= HEARTBEAT else 10
    interval = HEARTBEAT / scale
    span = interval * (max(1, round(options.seconds / interval)) if scale == 1 else 2)
    scaled = "" if scale == 1 else \
        f"\nScaled: a heartbeat every {interval:g} s for {span:g} s, and a {scale}th of what that took."
    table.section(f"{options.shards} idle zlib shards at rest",
                  f"Ready: from the start of the cluster to the last READY, identify interval 0, one loop\n"
                  f"thread. CPU: of one core, over {span:g} s at a heartbeat of {HEARTBEAT} s." + scaled)
    counts = {}
    for shards in (1, options.shards):
        with rig.Load("-i", int(interval * 1000)) as load, \
                rig.Staying(load, "zlib", "inline", 1, shards=shards) as client:
            counts[shards] = rig.resources(client.pid)
            if shards == 1:
                continue
            table.row("time to all ready", client.start["seconds"], "s")
            table.row("CPU of that, per shard", client.start["cpu_s"] / shards * 1000, "ms")
            time.sleep(1)
            cpu, wakeups, begun = rig.cpu_seconds(client.pid), rig.wakeups(client.pid), time.monotonic()
            acked = load("mark")
            progress(f"rest: {span:g} s of {shards} idle shards")
            time.sleep(span)
            progress("")
            cpu, wakeups = rig.cpu_seconds(client.pid) - cpu, rig.wakeups(client.pid) - wakeups
            took = time.monotonic() - begun
            beats = load("counts")["acked"]
            table.row("CPU at rest, of one core", cpu / took / scale * 100, "%", places=3, heartbeats=beats)
            table.row("CPU of one heartbeat", cpu / beats * 1e6 if beats else 0, "µs", places=1)
            table.row("wakeups a second", wakeups / took / scale, "", places=1)
    for kind in counts[1]:
        one, many = counts[1][kind], counts[options.shards].get(kind, 0)
        expected = options.shards - 1 if kind == "sockets" else 0
        note = "" if many - one <= expected else "  MISSED: it grows"
        table.missed += bool(note)
        table.text(f"{kind}: 1 shard, {options.shards} shards", f"{one}, {many}{note}")
