"""A queued consumer that sleeps while the server sends as fast as it can."""

import time

from . import rig
from .table import progress

QUEUES = (8 << 20, 1 << 20)  # the engine's default, and a small one
SLEEP = 1000  # µs for each event: far slower than the server
# KB beside the queue: the loop's two read buffers of 256 KB, what they held when reading stopped, libssl's buffers.
BESIDE = 2048


def measure(table, options):
    seconds = options.seconds / len(QUEUES)
    table.section(f"A queued consumer that sleeps {SLEEP} µs for each event, 1 zlib shard under full load",
                  f"Anonymous memory over what it is at READY, every half second for {seconds:g} s a queue. Bar: the\n"
                  f"queue and {BESIDE >> 10} MiB for all buffers beside it.")
    with rig.Load("-f", rig.corpus(100_000), "-m", "zlib") as load:
        load("hold 1")
        for queue in QUEUES:
            load("mark")
            with rig.Staying(load, "zlib", "queued", 1, "-q", queue, "-w", SLEEP) as client:
                load.until("identified", 1, 20)
                before = rig.memory_kb(client.pid)
                load("go")
                memory = []
                end = time.monotonic() + seconds
                while time.monotonic() < end:
                    progress(f"sleeper: {end - time.monotonic():.0f} s left")
                    time.sleep(0.5)
                    memory.append(rig.memory_kb(client.pid) - before)
                progress("")
                received = client.info()["events"]
                client.process.kill()  # what is queued would take long to deliver
            name = f"queue of {queue >> 20} MiB"
            table.row(f"{name}: the most", max(memory), "KB", bar=queue / 1024 + BESIDE, bar_on="figure", places=0,
                      samples_kb=memory, note=f"{received} events received")
            table.row(f"{name}: at the end", memory[-1], "KB", places=0)
