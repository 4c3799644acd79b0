"""discord.py against the sandbox: identify, receive, lose the connection, resume, miss nothing.

Usage: discord_py.py PATH/TO/gateway-sandbox        (needs discord.py 2 from PyPI)
Exits with 0 when everything was as it should be.
"""
import asyncio
import json
import pathlib
import ssl
import subprocess
import sys
import tempfile
import urllib.request

import aiohttp
import discord
import yarl

MESSAGES_BEFORE_DROP = 30
MESSAGES_AFTER_RESUME = 30
TIMEOUT_SECONDS = 60


def start(executable, directory):
    """Starts the sandbox; it ends with this process. Returns it and its addresses."""
    ready = pathlib.Path(directory, "ready.json")
    process = subprocess.Popen(
        [executable, "--exit-with-parent", "--mix", "messages", "--events", "50",
         "--ready-file", str(ready), "--ca-file", str(pathlib.Path(directory, "ca.pem"))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.startswith("ready:"):
            return process, json.loads(ready.read_text())
    raise SystemExit("the sandbox did not start")


def control(addresses, path, body=None):
    request = urllib.request.Request(
        addresses["control_url"] + path, data=None if body is None else json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


class Watcher(discord.Client):
    """Counts the running numbers of the sandbox's messages."""

    def __init__(self, addresses, **options):
        super().__init__(**options)
        self.addresses = addresses
        self.last = None
        self.count = 0
        self.problems = []
        self.resumed_at = None

    async def on_message(self, message):
        number = int(message.content.split()[0].removeprefix("#"))
        if self.last is not None and number != self.last + 1:
            self.problems.append(f"message {number} after {self.last}")
        self.last = number
        self.count += 1
        if self.count == MESSAGES_BEFORE_DROP:
            hit = await asyncio.to_thread(control, self.addresses, "/faults", {"fault": "drop"})
            if hit != {"hit": 1}:
                self.problems.append(f"the drop hit {hit}")
        if self.resumed_at is not None and self.count >= self.resumed_at + MESSAGES_AFTER_RESUME:
            await self.close()

    async def on_resumed(self):
        self.resumed_at = self.count


async def watch(addresses):
    discord.http.Route.BASE = addresses["api_url"]
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(addresses["gateway_url"])
    trust = ssl.create_default_context(cafile=addresses["ca_file"])
    client = Watcher(addresses, intents=discord.Intents.all(), connector=aiohttp.TCPConnector(ssl=trust))
    await asyncio.wait_for(client.start(addresses["token"]), TIMEOUT_SECONDS)
    return client


def main():
    with tempfile.TemporaryDirectory() as directory:
        process, addresses = start(sys.argv[1], directory)
        try:
            client = asyncio.run(watch(addresses))
            journal = control(addresses, "/journal")
        finally:
            process.stdin.close()
            process.wait(timeout=10)
        problems = client.problems
        resumes = [entry for entry in journal if entry["event"] == "resumed"]
        if len(resumes) != 1 or resumes[0]["endpoint"] != "resume":
            problems.append(f"resumes: {resumes}")
        if sum(entry["event"] == "identify" for entry in journal) != 1:
            problems.append("identified more than once")
        if process.returncode != 0:
            problems.append(f"the sandbox exited with {process.returncode}")
        for problem in problems:
            print(f"discord.py: {problem}", file=sys.stderr)
        print(f"discord.py {discord.__version__}: {client.count} messages, {len(resumes)} resume, {len(problems)} problems")
        return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
