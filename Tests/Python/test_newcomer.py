"""What someone meets who has read the README and nothing else: its program, in an empty folder and a clean environment,
against the sandbox; and each step that can go wrong, with the sentence that says what to do."""

from __future__ import annotations

import pathlib
import re
import signal
import subprocess

import pytest
import swiftgateway
from conftest import PATIENCE, ROOT, Installed, Sandbox, clean, sandbox_with


@pytest.fixture(scope="module")
def program(installed: Installed) -> pathlib.Path:
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    assert len(blocks) == 1
    lines = [line for line in blocks[0].splitlines() if line.strip()]
    assert len(lines) <= 10
    folder = installed.folder / "newcomer"
    folder.mkdir(exist_ok=True)
    path = folder / "bot.py"
    path.write_text(blocks[0])
    return path


class Started:
    """The program, until what it says matches."""

    def __init__(self, installed: Installed, program: pathlib.Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [installed.python, str(program)],
            cwd=program.parent,
            env=clean(PYTHONUNBUFFERED="1", **environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = ""

    def until(self, pattern: str, times: int = 1) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if len(re.findall(pattern, self.said, re.M)) >= times:
                return self.said
        raise AssertionError(f"it ended without saying {pattern!r}: {self.said}")

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=PATIENCE)
        return self.process.returncode


def test_it_prints_messages(installed: Installed, program: pathlib.Path, busy: Sandbox) -> None:
    started = Started(installed, program, busy.environment)
    started.until(r"^\S+ #\d+", times=20)
    assert started.interrupt() == -signal.SIGINT


def last_line(installed: Installed, program: pathlib.Path, environment: dict[str, str]) -> str:
    """Of a program that cannot go on."""
    done = installed.run(str(program), **environment)
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    return done.stderr.strip().splitlines()[-1]


def test_without_a_token(installed: Installed, program: pathlib.Path, sandbox: Sandbox) -> None:
    environment = {**sandbox.environment}
    del environment["DISCORD_TOKEN"]
    said = last_line(installed, program, environment)
    assert said == (
        "swiftgateway.errors.InvalidArgumentError: token is None: is the environment variable with the bot's token set?"
    )
    assert "token is empty" in last_line(installed, program, {**environment, "DISCORD_TOKEN": ""})


def test_with_a_wrong_token(installed: Installed, program: pathlib.Path, sandbox: Sandbox) -> None:
    said = last_line(installed, program, {**sandbox.environment, "DISCORD_TOKEN": "wrong"})
    assert said.startswith("swiftgateway.errors.UnauthorizedError: ") and "token" in said


def test_with_a_wrong_path_to_the_ca(installed: Installed, program: pathlib.Path, sandbox: Sandbox) -> None:
    said = last_line(installed, program, {**sandbox.environment, "CA_FILE": "nowhere/ca.pem"})
    assert said.startswith("swiftgateway.errors.FileError: ") and "nowhere/ca.pem" in said and "No such file" in said


def test_without_the_ca(installed: Installed, program: pathlib.Path, sandbox: Sandbox) -> None:
    environment = {**sandbox.environment}
    del environment["CA_FILE"]
    started = Started(installed, program, environment)
    assert "certificate of 127.0.0.1 is not trusted" in started.until("certificate")
    assert started.interrupt() == -signal.SIGINT


def test_with_a_sandbox_that_does_not_run(installed: Installed, program: pathlib.Path) -> None:
    with sandbox_with() as gone:
        environment = gone.environment
        ca = pathlib.Path(environment["CA_FILE"]).read_bytes()
    copy = program.parent / "ca.pem"
    copy.write_bytes(ca)
    started = Started(installed, program, {**environment, "CA_FILE": str(copy)})
    port = environment["API_URL"].split(":")[2].split("/")[0]
    said = started.until("refused", times=2)  # it goes on trying, and says so each time
    assert f"127.0.0.1 port {port}" in said, said
    assert started.interrupt() == -signal.SIGINT


def test_with_intents_0(installed: Installed, program: pathlib.Path, sandbox: Sandbox) -> None:
    silent = program.parent / "silent.py"
    silent.write_text(program.read_text().replace("Intents.GUILDS | Intents.GUILD_MESSAGES", "0"))
    started = Started(installed, silent, sandbox.environment)
    said = started.until("GatewayWarning")
    assert "silent.py" in said and "pass Intents.GUILDS | Intents.GUILD_MESSAGES" in said
    assert started.interrupt() == -signal.SIGINT


def test_with_forbidden_intents(installed: Installed, program: pathlib.Path) -> None:
    greedy = program.parent / "greedy.py"
    greedy.write_text(program.read_text().replace("Intents.GUILDS | Intents.GUILD_MESSAGES", "Intents.ALL"))
    with sandbox_with("--no-privileged-intents") as strict:
        said = last_line(installed, greedy, strict.environment)
    assert said.startswith("swiftgateway.errors.GatewayClosedError: ") and "4014" in said and "Disallowed intent" in said, (
        said
    )


def test_the_program_of_the_docstring(installed: Installed, busy: Sandbox) -> None:
    assert swiftgateway.__doc__ is not None
    code = "\n".join(line[4:] for line in swiftgateway.__doc__.splitlines() if line.startswith("    ") or not line)
    sandbox = "GUILD_MESSAGES, api_url=os.environ['API_URL'], ca_file=os.environ['CA_FILE'])"
    path = installed.folder / "docstring.py"
    path.write_text(code.replace("GUILD_MESSAGES)", sandbox))
    started = Started(installed, path, busy.environment)
    started.until(r"^\S+ #\d+")
    assert started.interrupt() == -signal.SIGINT
