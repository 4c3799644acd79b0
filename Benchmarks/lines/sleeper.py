"""A queued consumer that sleeps while the server sends as fast as it can."""

import time

from . import rig
from .table import progress

QUEUE = 8 << 20  # the engine's default
SLEEP = 1000  # µs for each event: far slower than the server


def measure(table, options):
    table.section(f"A queued consumer that sleeps {SLEEP} µs for each event, 1 zlib shard under full load",
                  f"Anonymous memory over what it is at READY, every half second for {options.seconds:g} s; "
                  f"the queue is {QUEUE >> 20} MiB.")
    with rig.Load("-f", rig.corpus(options.events)) as load:
        load("hold 1")
        with rig.Staying(load, "zlib", "queued", 1, "-q", QUEUE, "-w", SLEEP) as client:
            load.until("identified", 1, 20)
            before = rig.memory_kb(client.pid)
            load("go")
            memory = []
            end = time.monotonic() + options.seconds
            while time.monotonic() < end:
                progress(f"sleeper: {end - time.monotonic():.0f} s left")
                time.sleep(0.5)
                memory.append(rig.memory_kb(client.pid) - before)
            progress("")
            info = client.info()
            client.process.kill()  # what is queued would take long to deliver
    limit = QUEUE / 1024
    table.row("memory at the end", memory[-1], "KB", places=0, samples_kb=memory)
    # The queue itself, and 1 MB for all that goes with it.
    table.row("the most", max(memory), "KB", bar=limit + 1024, bar_on="figure", places=0)
    table.row("after a tenth of the time", memory[len(memory) // 10], "KB", places=0)
    table.text("events received", f"{info['events']} of {options.events}: the rest waits in the socket and on the server")
