"""What every line needs: the programs built, a certificate, a corpus, a load generator, clients, and what Linux says of
a process."""

import contextlib
import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent.parent
ROOT = HERE.parent
WORK = ROOT / "build" / "bench"
LIBRARY = ROOT / "build" / "lib"
SYMBOLS = ROOT / "build" / "symbols"  # the same code with names and lines
MODES = ("none", "zlib", "zstd")


def environment(library):
    """That of a client of the library in this folder; what else is to be found, such as a zlib-ng, stays so."""
    return dict(os.environ, LD_LIBRARY_PATH=":".join(filter(None, (str(library), os.environ.get("LD_LIBRARY_PATH")))))


ENVIRONMENT = environment(LIBRARY)
CA = WORK / "root.pem"

CLIENT_OPTIONS = []  # of every run of the client: --inflate

PEERS = ["-lssl", "-lcrypto", "-lz", "-lzstd", "-lpthread"]
ENGINE = [f"-I{ROOT / 'include'}", f"-L{LIBRARY}", "-lswiftgateway", "-lpthread", "-ldl"]
# program: source, flags; what not every machine has is built by the line that needs it
PROGRAMS = {
    "loadgw": ("loadgw.c", PEERS),
    "floor": ("floor.c", PEERS),
    "floor-measure": ("floor.c", ["-DMEASURE", *PEERS, "-ldl"]),
    "client": ("client.c", ENGINE),
    "allocations.so": ("allocations.c", ["-shared", "-fPIC", "-ldl", "-lpthread"]),
}


def compile_program(name, source, flags, compiler=None):
    compiler = compiler or os.environ.get("CC", "cc")
    subprocess.run([compiler, "-O2", "-Wall", "-Wextra", str(HERE / source), "-o", str(WORK / name), *flags], check=True)


def openssl(*words, text=None):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, text=True, input=text, cwd=WORK)


def certificates():
    """A chain like that of Discord's servers: P-256 keys, a root that is trusted and an intermediate that is sent."""
    if (WORK / "chain.pem").exists():
        return
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    authority = "basicConstraints=critical,CA:TRUE\n"
    leaf = "basicConstraints=CA:FALSE\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n"
    openssl("req", "-x509", *new_key, "-keyout", "root.key", "-out", "root.pem", "-days", 3650, "-subj", "/CN=bench root")
    for name, issuer, extensions in (("middle", "root", authority), ("leaf", "middle", leaf)):
        (WORK / f"{name}.ext").write_text(extensions)
        openssl("req", *new_key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN=bench {name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key",
                "-CAcreateserial", "-days", 3650, "-extfile", f"{name}.ext", "-out", f"{name}.pem")
    (WORK / "chain.pem").write_text((WORK / "leaf.pem").read_text() + (WORK / "middle.pem").read_text())


def build():
    WORK.mkdir(parents=True, exist_ok=True)
    if not (LIBRARY / "libswiftgateway.so").exists():
        sys.exit("no build/lib/libswiftgateway.so: 'make lib' builds it")
    for name, (source, flags) in PROGRAMS.items():
        compile_program(name, source, flags)
    certificates()
    # A thousand shards are a thousand files, twice.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536) if hard != resource.RLIM_INFINITY else 65536, hard))


def corpus(events):
    path = WORK / f"corpus-{events}.jsonl"
    if not path.exists():
        subprocess.run([sys.executable, str(HERE / "corpus.py"), str(events), f"{path}.part"], check=True)
        os.rename(f"{path}.part", path)
    return path


class Load:
    """A load generator that takes commands: load("send 5000") and so on, see loadgw.c."""

    def __init__(self, *options, tls=True):
        secure = ["-c", WORK / "chain.pem", "-k", WORK / "leaf.key"] if tls else []
        self.process = subprocess.Popen(list(map(str, [WORK / "loadgw", "-q", "-C", "-p", "0", *secure, *options])),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.reports = []
        self.scheme = "wss" if tls else "ws"
        for line in self.process.stderr:
            if found := re.match(r"listening on (\d+)", line):
                self.port = int(found.group(1))
                self.url = f"{self.scheme}://127.0.0.1:{self.port}"
                return
        sys.exit("the load generator did not start")

    def __call__(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        while line := self.process.stdout.readline():
            answer = json.loads(line)
            if "answer" in answer:
                return answer
            self.reports.append(answer)
        sys.exit("the load generator has ended")

    def until(self, counter, number, seconds):
        answer = self(f"wait {counter} {number} {int(seconds * 1000)}")
        if answer[counter] < number:
            sys.exit(f"after {seconds} s {counter} is {answer[counter]}, not {number}: {answer}")
        return answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def run(command, environment=ENVIRONMENT):
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, timeout=600)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\nended with {done.returncode}: {done.stderr[-2000:]}")
    return done


def floor(load, mode, *options):
    """One run of the floor: what it printed."""
    program = "floor-measure" if options else "floor"
    return json.loads(run([WORK / program, load.port, mode, *options]).stdout.splitlines()[0])


def client_command(load, mode, delivery, last, *options):
    return [WORK / "client", "-z", mode, "-d", delivery, *CLIENT_OPTIONS, *options, load.url, CA, last]


def client(load, mode, delivery, last, *options, shards=1):
    """One run of the engine to its end: what it printed. Every event has to have come."""
    answer = json.loads(run(client_command(load, mode, delivery, last, "-n", shards, *options)).stdout)
    if answer["events"] != last * shards:
        sys.exit(f"{answer['events']} events were counted instead of {last * shards}")
    return answer


class Staying:
    """A client that stays until the block ends, once all its shards are ready."""

    def __init__(self, load, mode, delivery, last, *options, shards=1, wait=True):
        command = client_command(load, mode, delivery, last, "-n", shards, "-k", *options)
        self.process = subprocess.Popen(list(map(str, command)), env=ENVIRONMENT, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        self.start = json.loads(self.process.stdout.readline() or "null") if wait else None

    def info(self):
        self.process.stdin.write("info\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.process.communicate("", timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


# ---- what Linux says of a process

def cpu_seconds(pid):
    """User and system time of all threads that run, to the nanosecond (/proc/PID/stat has ticks of 10 ms)."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(FileNotFoundError):
            total += int(pathlib.Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
    return total / 1e9


def wakeups(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(FileNotFoundError):
            text = pathlib.Path(f"/proc/{pid}/task/{task}/status").read_text()
            total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", text, re.M).group(1))
    return total


def memory_kb(pid, field="Anonymous"):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(rf"^{field}:\s+(\d+)", text, re.M).group(1))


def resources(pid):
    """Threads, timers, and files by kind."""
    kinds = {"sockets": 0, "timerfds": 0, "other files": 0}
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            target = os.readlink(f"/proc/{pid}/fd/{name}")
            kind = "sockets" if target.startswith("socket:") else \
                "timerfds" if "timerfd" in target else "other files"
            kinds[kind] += 1
    kinds["threads"] = len(os.listdir(f"/proc/{pid}/task"))
    with contextlib.suppress(OSError):
        kinds["posix timers"] = len(re.findall(r"^ID:", pathlib.Path(f"/proc/{pid}/timers").read_text(), re.M))
    return kinds


def machine():
    """Where the figures were measured."""
    info = pathlib.Path("/proc/cpuinfo").read_text()
    name = re.search(r"^model name\s*:\s*(.*)", info, re.M)
    version = subprocess.run(["openssl", "version"], capture_output=True, text=True).stdout.strip()
    commit = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True)
    return {"processor": name.group(1) if name else os.uname().machine, "cores": os.cpu_count(),
            "kernel": os.uname().release, "openssl": version, "commit": commit.stdout.strip(),
            "load": os.getloadavg()[0], "time": time.strftime("%Y-%m-%d %H:%M:%S")}
