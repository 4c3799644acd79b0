"""The wheel, in a clean environment: nothing of Swift, of this checkout or of this process is within its reach."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys
import venv
import zipfile
from typing import Any

import pytest
from conftest import PACKAGE, ROOT, Installed, Sandbox, clean


def backend() -> Any:
    import importlib.util

    spec = importlib.util.spec_from_file_location("build_backend", PACKAGE / "build_backend.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_in_it(wheel: pathlib.Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        assert file.testzip() is None
        names = set(file.namelist())
    assert {"swiftgateway/__init__.py", "swiftgateway/py.typed", "swiftgateway/_lib/libswiftgateway.so"} <= names
    assert not [name for name in names if "pycache" in name or name.startswith("tests")]


def test_it_is_the_same_when_built_again(wheel: pathlib.Path, tmp_path: pathlib.Path) -> None:
    again = tmp_path / backend().build_wheel(str(tmp_path))
    assert again.read_bytes() == wheel.read_bytes()


def test_its_tag_is_what_auditwheel_finds(wheel: pathlib.Path) -> None:
    show = subprocess.run([sys.executable, "-m", "auditwheel", "show", str(wheel)], capture_output=True, text=True)
    assert show.returncode == 0, show.stderr
    tag = wheel.stem.split("-")[-1]
    assert f'platform tag: "{tag}"' in " ".join(show.stdout.split()), show.stdout


def test_the_tag_of_a_library_without_openssl(tmp_path: pathlib.Path) -> None:
    """One that needs only what every Linux has gets the tag of its C library's version."""
    source = tmp_path / "a.c"
    source.write_text('#include <stdio.h>\nint a(void) { return puts(""); }\n')
    subprocess.run(["cc", "-shared", "-fPIC", str(source), "-o", str(tmp_path / "a.so")], check=True)
    assert backend().platform_tag(tmp_path / "a.so").startswith("manylinux_2_")
    with pytest.raises(SystemExit, match="no shared library"):
        backend().platform_tag(source)


def test_it_imports_without_anything_around_it(installed: Installed) -> None:
    done = installed.run("-c", "import swiftgateway as s; print(s.library_version()); print(s.library_path)")
    assert done.returncode == 0, done.stderr
    version, path = done.stdout.split()
    assert version == backend().version()
    assert pathlib.Path(path).is_relative_to(installed.folder)
    assert not shutil.which("swift", path="/usr/bin:/bin")


def test_it_connects(installed: Installed, sandbox: Sandbox) -> None:
    program = """
import os
from swiftgateway import BlockingCluster, Intents
options = dict(api_url=os.environ["API_URL"], ca_file=os.environ["CA_FILE"])
with BlockingCluster(os.environ["DISCORD_TOKEN"], Intents.GUILDS, **options) as cluster:
    print(next(event.data["v"] for event in cluster if event.name == "READY"))
"""
    done = installed.run("-c", program, **sandbox.environment)
    assert (done.returncode, done.stdout) == (0, "10\n"), done.stderr


def test_what_it_says_when_the_library_cannot_be_loaded(installed: Installed, tmp_path: pathlib.Path) -> None:
    for content, sentence in ((b"", "file too short"), (b"nonsense" * 100, "built for another machine")):
        bad = tmp_path / "bad.so"
        bad.write_bytes(content)
        done = installed.run("-c", "import swiftgateway", SWIFTGATEWAY_LIBRARY=str(bad))
        assert done.returncode == 1
        last = done.stderr.strip().splitlines()[-1]
        assert last.startswith(f"ImportError: swiftgateway cannot load its library {bad}") and sentence in last, last
    done = installed.run("-c", "import swiftgateway", SWIFTGATEWAY_LIBRARY="/nowhere.so")
    assert "SWIFTGATEWAY_LIBRARY" in done.stderr


def test_it_refuses_a_library_of_another_version(installed: Installed, tmp_path: pathlib.Path) -> None:
    source = tmp_path / "other.c"
    source.write_text('const char *sg_version(void) { return "0.77.0"; }\n')
    subprocess.run(["cc", "-shared", "-fPIC", str(source), "-o", str(tmp_path / "other.so")], check=True)
    done = installed.run("-c", "import swiftgateway", SWIFTGATEWAY_LIBRARY=str(tmp_path / "other.so"))
    assert "is version 0.77.0" in done.stderr.strip().splitlines()[-1], done.stderr


def test_pip_installs_from_the_checkout(tmp_path: pathlib.Path) -> None:
    """From a copy, so that the checkout stays as it is; without isolation, which would ask the network."""
    copy = tmp_path / "checkout"
    shutil.copytree(PACKAGE, copy / "bindings" / "python", ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "build").mkdir()
    shutil.copytree(ROOT / "build" / "lib", copy / "build" / "lib", symlinks=True)
    shutil.copytree(ROOT / "include", copy / "include")
    venv.create(tmp_path / "venv", with_pip=True, symlinks=True)
    made = Installed(tmp_path)
    install = ("-m", "pip", "install", "--no-index", "--no-build-isolation", "--no-deps")
    done = made.run(*install, str(copy / "bindings" / "python"))
    assert done.returncode == 0, done.stdout + done.stderr
    done = made.run("-c", "import swiftgateway; print(swiftgateway.library_path)")
    assert str(tmp_path / "venv") in done.stdout, done.stderr
    done = made.run(*install, "--force-reinstall", "-e", str(copy / "bindings" / "python"))
    assert done.returncode == 0, done.stdout + done.stderr
    done = made.run("-c", "import swiftgateway; print(swiftgateway.library_path)")
    assert done.stdout.strip() == str(copy / "build" / "lib" / "libswiftgateway.so"), done.stderr


def test_without_a_library_it_is_built_or_says_what_is_missing(tmp_path: pathlib.Path) -> None:
    copy = tmp_path / "checkout"
    shutil.copytree(PACKAGE, copy / "bindings" / "python", ignore=shutil.ignore_patterns("__pycache__"))

    def build(**environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(copy / "bindings" / "python" / "build_backend.py"), str(tmp_path)]
        return subprocess.run(command, env=clean(**environment), capture_output=True, text=True)

    alone = build()
    assert alone.returncode == 1 and "whole checkout" in alone.stderr, alone.stderr

    (copy / "include").mkdir()
    (copy / "include" / "swiftgateway.h").write_text("")
    (copy / "Makefile").write_text('lib:\n\t@echo "Swift is missing. Install Swift 6.2 or newer."; exit 1\n')
    refused = build()
    assert refused.returncode == 1 and "Install Swift 6.2" in refused.stderr, refused.stderr

    library = (ROOT / "build" / "lib" / "libswiftgateway.so").resolve()
    (copy / "Makefile").write_text(f"lib:\n\t@mkdir -p build/lib && cp {library} build/lib/libswiftgateway.so\n")
    built = build()
    assert built.returncode == 0 and built.stdout.strip().endswith(".whl"), built.stderr

    nowhere = build(SWIFTGATEWAY_LIBRARY="/nowhere.so")
    assert nowhere.returncode == 1 and "/nowhere.so" in nowhere.stderr
