"""The server drops every connection at once; every shard resumes."""

import statistics
import time

from . import rig
from .table import progress


def measure(table, options):
    rounds = 1 if options.quick else 3
    shards = options.shards
    table.section(f"Reconnect storm: {shards} warm zlib shards dropped at once",
                  "From the drop to the server's last RESUMED; CPU of the client from the drop to a second after that.\n"
                  "Every connection is ended without a close frame. Handshakes: between the server's accept and the end of\n"
                  "the websocket upgrade, where the server may be a little behind. All waits are the engine's own.")
    ways = (("TLS sessions taken up again", (), ()), ("full TLS handshakes", ("-n",), ()),
            ("a limit of 4 handshakes", (), ("-l", 4)))
    each = {}
    for title, load_options, client_options in ways:
        wall, cpu, most, reused = [], [], [], []
        with rig.Load("-f", rig.corpus(300), "-m", "zlib", *load_options) as load, \
                rig.Staying(load, "zlib", "inline", 301, *client_options, shards=shards) as client:
            for number in range(rounds):
                progress(f"storm: {title}, round {number + 1} of {rounds}")
                time.sleep(1.5)  # a connection counts as good only after a while, and that resets the wait
                before = rig.cpu_seconds(client.pid)
                load("drop")
                after = load.until("resumed", shards, 120)
                wall.append(after["seconds"])
                time.sleep(1)
                cpu.append((rig.cpu_seconds(client.pid) - before) / shards * 1000)
                most.append(after["most_handshaking"])
                reused.append(after["reused"])
                if load("counts")["identified"]:
                    table.text(title, "MISSED: a shard identified instead of resuming")
                    table.missed += 1
            info = client.info()
        progress("")
        each[title] = cpu
        table.row(f"{title}: wall time", statistics.median(wall), "s", samples=wall)
        table.row(f"{title}: CPU for one shard", statistics.median(cpu), "ms", samples=cpu, places=3)
        table.text(f"{title}: handshakes in flight at most", f"{max(most)}")
        table.text(f"{title}: taken up again", f"{min(reused)} of {shards}")
        table.text(f"{title}: resumed, of {shards} in {rounds} storms",
                   f"{info['resumes']}, active {info['active']}" +
                   ("" if info["resumes"] == shards * rounds and info["active"] == shards else "  MISSED"))
    again, full = (statistics.median(each[title]) for title, *_ in ways[:2])
    table.text("CPU of a reconnect with sessions taken up again", f"{again / full:.2f} × that of a full handshake")
