"""Instructions of one more event: callgrind on a 10,000-event run less a 5,000-event run, by 5,000, which leaves out
everything but the cost of an event. Counts do not depend on what else the machine does."""

import collections
import concurrent.futures
import re

from . import rig

FEW, MANY = 5000, 10_000


class Profile:
    """Instructions by the object they are in and by source line; inlined code counts where it was written. `below` has
    what calls from a line cost, by the file of what is called."""

    def __init__(self, path):
        self.objects = collections.Counter()
        self.lines = collections.Counter()
        self.functions = collections.Counter()
        self.calls = collections.Counter()
        self.below = collections.Counter()
        self.total = 0
        where = file = function = called = callee_file = ""
        skip = False
        for line in open(path, errors="replace"):
            if skip:  # the cost of a call, which the called function has itself
                skip = False
                number, cost = line.split()[:2]
                self.below[file, int(number), callee_file or file] += int(cost)
                callee_file = ""
            elif line[:1].isdigit():
                number, cost = line.split()[:2]
                self.objects[where] += int(cost)
                self.lines[file, int(number)] += int(cost)
                self.functions[where, function] += int(cost)
                self.total += int(cost)
            elif line.startswith("calls="):
                skip = True
                self.calls[called] += int(line[6:].split()[0])
            elif line.startswith("cfn="):
                called = line[4:].strip()
            elif line.startswith("ob="):
                where = line[3:].strip().rsplit("/", 1)[-1]
            elif line.startswith("fn="):
                function = line[3:].strip()
            elif line[:4] in ("cfi=", "cfl="):
                callee_file = line[4:].strip()
            elif line[:3] in ("fl=", "fi=", "fe="):
                file = line[3:].strip()

    def of_object(self, name):
        return sum(cost for where, cost in self.objects.items() if where.startswith(name))


def profile(command, name, library=rig.LIBRARY):
    out = rig.WORK / f"callgrind-{name}"
    rig.run(["valgrind", "--tool=callgrind", "--compress-strings=no", "--compress-pos=no",
             f"--callgrind-out-file={out}", *command], rig.environment(library))
    return Profile(out)


def pair(load_options, mode, who, library=rig.LIBRARY, few=FEW, many=MANY, commands=("pack 1",)):
    """The profiles of the short and of the long run, each with a generator of its own."""
    def one(events):
        with rig.Load("-f", rig.corpus(MANY), "-m", mode, *load_options) as load:
            for command in (f"send {events}", *commands):
                load(command)
            command = [rig.WORK / "floor", load.port, mode] if who == "floor" else \
                rig.client_command(load, mode, who, events + 1)
            return profile(command, f"{who}-{mode}-{events}", library)
    return one(few), one(many)


def marginal(profiles, measure=lambda profile: profile.total, events=MANY - FEW):
    short, long = profiles
    return (measure(long) - measure(short)) / events


def pairs(cases, **options):
    """Several pairs at once, one for each core: counting does not mind."""
    rig.corpus(MANY)
    with concurrent.futures.ThreadPoolExecutor(rig.machine()["cores"]) as pool:
        jobs = {case: pool.submit(pair, (), *case, **options) for case in cases}
        return {case: job.result() for case, job in jobs.items()}


def simd():
    """What of the processor the counts depend on: the library, libc and libcrypto choose code by it."""
    flags = re.search(r"^flags\s*:\s*(.*)", open("/proc/cpuinfo").read(), re.M)
    return "avx2" if flags and "avx2" in flags.group(1).split() else "baseline"
