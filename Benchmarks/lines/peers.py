"""Libraries from PyPI on the same load generator: discord.py and hikari."""

import contextlib
import statistics
import subprocess
import sys
import time

from . import rig
from .table import progress

PACKAGES = ["discord.py==2.7.1", "hikari==2.7.0"]
KINDS = ("discord.py", "hikari")
WARM = 300


def environment():
    """A Python with both in it; None, with the reason, when it cannot be had."""
    folder = rig.WORK / "peers"
    mark = folder / ".complete"
    if not mark.exists() or mark.read_text().split() != PACKAGES:
        for command in ([sys.executable, "-m", "venv", folder],
                        [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                         *PACKAGES]):
            done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
            if done.returncode:
                return None, (done.stderr or done.stdout).strip().splitlines()[-1]
        mark.write_text("\n".join(PACKAGES))
    return folder / "bin" / "python", ""


@contextlib.contextmanager
def running(python, kind, load, shards):
    """The process of a client; ended with the block."""
    if kind == "engine":
        with rig.Staying(load, "zlib", "inline", 1, shards=shards, wait=False) as client:
            yield client.process
        return
    api = load.url.replace("ws", "http", 1)
    with open(rig.WORK / f"{kind}.log", "w") as log:
        process = subprocess.Popen([str(python), str(rig.HERE / "peers.py"), kind, api, load.url, str(rig.CA),
                                    str(shards)], stdout=log, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def until(load, process, counter, number):
    """The generator's counter reaches the number, or the client has ended, which is told."""
    for _ in range(120):
        if load(f"wait {counter} {number} 1000")[counter] >= number:
            return
        if process.poll() is not None:
            break
    raise RuntimeError(f"{counter} did not reach {number}")


def cpu_per_event(python, kind, load, events):
    load("hold 1"), load(f"send {events}"), load("mark")
    with running(python, kind, load, 1) as process:
        until(load, process, "identified", 1)
        time.sleep(0.5)  # what it does with READY
        before = rig.cpu_seconds(process.pid)
        load("go")
        until(load, process, "finished", 1)
        return (rig.cpu_seconds(process.pid) - before) / events * 1e6


def memory_kb(python, kind, load, shards):
    load("hold 0"), load(f"send {WARM}"), load("mark")
    with running(python, kind, load, shards) as process:
        until(load, process, "finished", shards)
        time.sleep(1)
        return rig.memory_kb(process.pid)


def measure(table, options):
    events, shards, rounds = (1000, 10, 1) if options.quick else (20_000, 100, 3)
    many = 20_000 if options.quick else 100_000  # of the engine, which would be done with few before the clock has moved
    table.section("Libraries from PyPI",
                  f"{', '.join(PACKAGES)}, {sys.version.split()[0]}; zlib, records packed, one shard. CPU: from the first to the\n"
                  f"last of {events} events, medians of {rounds}. Memory: anonymous, what each of {shards} warm shards ({WARM} events)\n"
                  "adds to the first. Each with a handler for messages and its other settings as they come.")
    python, problem = environment()
    if not python:
        table.text("left out", f"the packages could not be installed: {problem}")
        return
    kinds = ["engine", *KINDS]
    cpu = {kind: [] for kind in kinds}
    with rig.Load("-f", rig.corpus(many), "-m", "zlib", "-b", 1) as load:
        for number in range(rounds):
            for kind in list(kinds):
                progress(f"peers: CPU, {kind}, round {number + 1} of {rounds}")
                count = many if kind == "engine" else events
                try:
                    cpu[kind].append(cpu_per_event(python, kind, load, count))
                except RuntimeError as error:
                    kinds.remove(kind)
                    table.text(kind, f"left out: {error}; see {rig.WORK / kind}.log")
        progress("")
        engine = statistics.median(cpu["engine"])
        for kind in kinds:
            middle = statistics.median(cpu[kind])
            table.row(f"CPU per event: {kind}", middle, "µs", samples=cpu[kind],
                      note=f"{middle / engine:.1f} × the engine" if kind != "engine" else "")
        engine = None
        for kind in kinds:
            progress(f"peers: memory, {kind}")
            try:
                one, all_of_them = (memory_kb(python, kind, load, n) for n in (1, shards))
            except RuntimeError as error:
                table.text(kind, f"left out: {error}; see {rig.WORK / kind}.log")
                continue
            each = (all_of_them - one) / (shards - 1)
            engine = engine or each
            progress("")
            table.row(f"memory per shard: {kind}", each, "KB", places=1, first_kb=one,
                      note=f"{each / engine:.1f} × the engine" if kind != "engine" else "")
