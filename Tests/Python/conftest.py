"""Tests of the Python package against gateway-sandbox. Run by Tests/Python/run, which names the sandbox's binary in
GATEWAY_SANDBOX; every sandbox listens on ports that the system chose."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.request
import venv
from collections.abc import Iterator
from typing import Any

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "bindings" / "python"
SOURCE = PACKAGE / "src"
#: Seconds for anything that has to happen: long, because machines may be slow and busy.
PATIENCE = 60.0

# A shell's background job is started with Ctrl-C ignored, which children would inherit: the tests send it to them.
signal.signal(signal.SIGINT, signal.default_int_handler)


def sandbox_binary() -> str:
    named = os.environ.get("GATEWAY_SANDBOX")
    if named:
        return named
    built = ROOT / ".build" / "debug" / "gateway-sandbox"
    if not built.exists():
        pytest.exit("no gateway-sandbox: run these tests with Tests/Python/run")
    return str(built)


class Sandbox:
    """A running gateway-sandbox."""

    def __init__(self, *options: str) -> None:
        self.folder = tempfile.TemporaryDirectory()
        ready = pathlib.Path(self.folder.name, "ready")
        self.process = subprocess.Popen(
            [sandbox_binary(), "--exit-with-parent", "--ready-file", str(ready), "--identify-window", "0", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + PATIENCE
        while not (ready.exists() and ready.stat().st_size):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("the sandbox did not start")
            time.sleep(0.02)
        self.addresses: dict[str, Any] = json.loads(ready.read_text())
        self.token: str = self.addresses["token"]

    @property
    def options(self) -> dict[str, Any]:
        """What leads a cluster here, by way of the API."""
        return {
            "api_url": self.addresses["api_url"],
            "ca_file": self.addresses["ca_file"],
            "identify_interval": 0,
            "backoff": (0.01, 0.05),
        }

    @property
    def environment(self) -> dict[str, str]:
        """The same for a program."""
        return {
            "API_URL": self.addresses["api_url"],
            "CA_FILE": self.addresses["ca_file"],
            "CONTROL_URL": self.addresses["control_url"],
            "DISCORD_TOKEN": self.token,
        }

    def ask(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(self.addresses["control_url"] + path, data, timeout=PATIENCE) as answer:
            return json.load(answer)

    def fault(self, **fault: Any) -> None:
        assert self.ask("/faults", fault)["hit"] == 1, fault

    def emit(self, name: str, data: Any, shard: int = 0) -> int:
        """Sends a dispatch; gives its sequence."""
        sequence: int = self.ask("/emit", {"shard": shard, "name": name, "data": data})["sequence"]
        return sequence

    def guilds(self) -> list[str]:
        """The ids of the guilds that the bot is in."""
        # As the sandbox makes them: consecutive ones go to consecutive shards.
        return [str((190_000_000_000 + index) << 22 | 0x200001) for index in range(3)]

    def journal(self) -> list[Any]:
        answer = self.ask("/journal")
        entries: list[Any] = answer if isinstance(answer, list) else answer["entries"]
        return entries

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


@contextlib.contextmanager
def sandbox_with(*options: str) -> Iterator[Sandbox]:
    sandbox = Sandbox(*options)
    try:
        yield sandbox
    finally:
        sandbox.close()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A quiet sandbox: it sends READY, three guilds, and what a test orders."""
    with sandbox_with() as made:
        yield made


@pytest.fixture
def busy() -> Iterator[Sandbox]:
    """One that streams messages."""
    with sandbox_with("--events", "200", "--mix", "messages") as made:
        yield made


def program_environment(sandbox: Sandbox | None = None) -> dict[str, str]:
    environment = dict(os.environ, PYTHONPATH=str(SOURCE), PYTHONUNBUFFERED="1", PYTHONFAULTHANDLER="1")
    if sandbox is not None:
        environment.update(sandbox.environment)
    return environment


PREAMBLE = """
import asyncio, gc, os, signal, sys, threading, time
from swiftgateway import *
OPTIONS = dict(api_url=os.environ["API_URL"], ca_file=os.environ["CA_FILE"])
INTENTS = Intents.GUILDS | Intents.GUILD_MESSAGES
TOKEN = os.environ["DISCORD_TOKEN"]
"""


def run_program(
    code: str, sandbox: Sandbox | None = None, *, preamble: str = PREAMBLE, python: str = sys.executable, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Runs a program of Python in a process of its own, which must end by itself."""
    return subprocess.run(
        [python, "-X", "faulthandler", "-W", "always", "-c", preamble + textwrap.dedent(code)],
        env=options.pop("env", None) or program_environment(sandbox),
        capture_output=True,
        text=True,
        timeout=PATIENCE * 2,
        **options,
    )


def clean(**more: str) -> dict[str, str]:
    """An environment with the system's tools alone."""
    return {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/"), "PIP_DISABLE_PIP_VERSION_CHECK": "1", **more}


class Installed:
    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.python = str(folder / "venv" / "bin" / "python")

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        empty = self.folder / "empty"
        empty.mkdir(exist_ok=True)
        return subprocess.run(
            [self.python, *arguments], cwd=empty, env=clean(**environment), capture_output=True, text=True, timeout=300
        )


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, str(PACKAGE / "build_backend.py"), str(folder)], check=True, capture_output=True, text=True
    )
    path = pathlib.Path(done.stdout.strip())
    assert path.parent == folder
    return path


@pytest.fixture(scope="session")
def installed(wheel: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder / "venv", with_pip=True, symlinks=True)
    made = Installed(folder)
    done = made.run("-m", "pip", "install", "--no-index", str(wheel))
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def pytest_terminal_summary(terminalreporter: Any) -> None:
    counts = {name: len(terminalreporter.stats.get(name, [])) for name in ("passed", "failed", "error")}
    terminalreporter.write_line("Python:")
    terminalreporter.write_line(f"{counts['passed']} passed, {counts['failed'] + counts['error']} failed")
