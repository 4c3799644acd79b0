"""The Python package: what an event costs above the C client, and what discord.py spends on it."""

import json
import os
import statistics
import subprocess
import sys

from . import rig
from .table import progress

PACKAGES = ["discord.py==2.7.1", "orjson==3.13.0"]
# way of python_client.py: title
WAYS = {
    "iterate": "async for over every event",
    "named": 'async for with events=["MESSAGE_CREATE"]',
    "handler": '@cluster.on("MESSAGE_CREATE")',
    "blocking": "for over every event, without asyncio",
    "data": "async for, and the JSON of each message parsed",
}
COUNTING = ("iterate", "named", "handler", "blocking")
OVER_C = 2.0  # µs
FEWER = 10.0  # times


def environment():
    """A Python with discord.py and orjson; None, with the reason, when it cannot be had."""
    folder = rig.WORK / "python"
    mark = folder / ".complete"
    if not mark.exists() or mark.read_text().split() != PACKAGES:
        for command in ([sys.executable, "-m", "venv", "--clear", folder],
                        [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                         *PACKAGES]):
            done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
            if done.returncode:
                return None, (done.stderr or done.stdout).strip().splitlines()[-1]
        mark.write_text("\n".join(PACKAGES))
    return folder / "bin" / "python", ""


def client(python, program, *arguments):
    """One run: what it printed."""
    path = str(rig.ROOT / "bindings" / "python" / "src")
    return json.loads(rig.run([python, rig.HERE / program, *arguments], dict(os.environ, PYTHONPATH=path)).stdout)


def measure(table, options):
    events = min(options.events, 100_000)
    few = max(events // 10, 500)  # of discord.py, which takes long
    rounds = min(options.rounds, 5)
    table.section("Python",
                  f"Counting messages (44 of 100 events), Python {sys.version.split()[0]}; user and system time of the whole\n"
                  f"process, for Python from the start of the cluster, by the number of events sent; zlib, records packed,\n"
                  f"medians of {rounds} rounds in turn with the C client (queued) and discord.py ({PACKAGES[0]}).")
    python, problem = environment()
    if not python:
        python = sys.executable
        table.text("discord.py", f"left out: the packages could not be installed: {problem}")
    kinds = ["C", *WAYS, *([] if problem else ["discord.py"])]
    cost = {kind: [] for kind in kinds}
    messages = {}
    with rig.Load("-f", rig.corpus(options.events), "-b", 1) as load:
        for number in range(rounds):
            for kind in kinds[number % len(kinds):] + kinds[:number % len(kinds)]:
                progress(f"Python: round {number + 1} of {rounds}, {kind}")
                load(f"send {few if kind == 'discord.py' else events}")
                if kind == "C":
                    answer = rig.client(load, "zlib", "queued", events + 1)
                elif kind == "discord.py":
                    answer = client(python, "discordpy_client.py", load.url, rig.CA, few + 1)
                else:
                    answer = client(python, "python_client.py", kind, load.url, rig.CA, events + 1)
                    messages[kind] = answer["messages"]
                cost[kind].append(answer["us_per_event"])
    progress("")
    if len(set(messages.values())) != 1:
        sys.exit(f"not all counted the same messages: {messages}")
    table.row("C client, queued", statistics.median(cost["C"]), "µs", samples=cost["C"])
    theirs = statistics.median(cost["discord.py"]) if "discord.py" in kinds else None
    for way, title in WAYS.items():
        over = statistics.median(ours - c for ours, c in zip(cost[way], cost["C"]))
        table.row(title, statistics.median(cost[way]), "µs", samples=cost[way])
        if way in COUNTING:
            table.row("  above the C client", over, "µs", bar=OVER_C, bar_on="figure")
            if theirs:
                fewer = statistics.median(t / ours for t, ours in zip(cost["discord.py"], cost[way]))
                table.row("  discord.py by it", fewer, "×", places=1, bar=FEWER, bar_on="figure", sign="≥")
    if theirs:
        table.row("discord.py, on_message", theirs, "µs", samples=cost["discord.py"])
