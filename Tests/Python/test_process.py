"""Ctrl-C, the end of the interpreter, garbage collection and fork: no hang and no crash. Each in a process of its own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from conftest import PATIENCE, PREAMBLE, Sandbox, program_environment, run_program

OK = "ended well"


def ends_well(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    assert OK in done.stdout, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr and "Fatal" not in done.stderr, done.stderr


def interrupted(code: str, sandbox: Sandbox, signals: int = 1, number: int = signal.SIGINT) -> tuple[int, str, str]:
    """Runs a program, sends it a signal once it says "now", and waits for it to end."""
    process = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", PREAMBLE + textwrap.dedent(code)],
        env=program_environment(sandbox),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline().strip() == "now"
        for _ in range(signals):
            process.send_signal(number)
            time.sleep(0.05)
        out, err = process.communicate(timeout=PATIENCE)
    except BaseException:
        process.kill()
        raise
    return process.returncode, out, err


INTERRUPTED = {
    "asyncio iteration": """
        async def main():
            async with Cluster(TOKEN, INTENTS, **OPTIONS) as cluster:
                async for event in cluster:
                    if event.name == "READY": print("now")
        asyncio.run(main())
        """,
    "asyncio sleep with events waiting": """
        async def main():
            async with Cluster(TOKEN, INTENTS, **OPTIONS) as cluster:
                async for event in cluster:
                    if event.name == "READY": break
                print("now")
                await asyncio.sleep(1000)
        asyncio.run(main())
        """,
    "asyncio wait": """
        async def main():
            async with Cluster(TOKEN, INTENTS, **OPTIONS) as cluster:
                print("now")
                await cluster.wait()
        asyncio.run(main())
        """,
    "asyncio handler that never returns": """
        async def main():
            cluster = Cluster(TOKEN, INTENTS, **OPTIONS)
            @cluster.on("READY")
            async def ready(event):
                print("now")
                await asyncio.sleep(1000)
            async with cluster:
                await cluster.wait()
        asyncio.run(main())
        """,
    "blocking iteration": """
        with BlockingCluster(TOKEN, INTENTS, **OPTIONS) as cluster:
            for event in cluster:
                if event.name == "READY": print("now")
        """,
    "blocking iteration without events": """
        with BlockingCluster(TOKEN, INTENTS, **OPTIONS, kinds=EventKinds.DISPATCH, events=["NEVER"]) as cluster:
            print("now")
            for event in cluster: pass
        """,
    "blocking wait": """
        with BlockingCluster(TOKEN, INTENTS, **OPTIONS) as cluster:
            print("now")
            cluster.wait()
        """,
    "blocking, not closed": """
        cluster = BlockingCluster(TOKEN, INTENTS, **OPTIONS)
        cluster.start()
        for event in cluster:
            if event.name == "READY": print("now")
        """,
}


@pytest.mark.parametrize("name", INTERRUPTED)
def test_ctrl_c(name: str, sandbox: Sandbox) -> None:
    code, _, err = interrupted(INTERRUPTED[name], sandbox)
    assert code == -signal.SIGINT, (code, err)
    assert "KeyboardInterrupt" in err and "Fatal" not in err and "Segmentation" not in err, err


def test_ctrl_c_twice(sandbox: Sandbox) -> None:
    code, _, err = interrupted(INTERRUPTED["asyncio iteration"], sandbox, signals=2)
    assert code == -signal.SIGINT and "Fatal" not in err, (code, err)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_ends_with_a_signal(number: int, sandbox: Sandbox) -> None:
    code = f"""
        cluster = Cluster(TOKEN, INTENTS, **OPTIONS)
        @cluster.on("READY")
        def ready(event): print("now")
        cluster.run()
        assert not cluster.running
        print("{OK}")
        """
    status, out, err = interrupted(code, sandbox, number=number)
    assert status == 0 and OK in out and not err, (status, out, err)


LEAVING = {
    "falls off the end": """
        cluster = BlockingCluster(TOKEN, INTENTS, **OPTIONS)
        cluster.start()
        cluster.wait_ready()
        """,
    "falls off the end with an event in hand": """
        cluster = BlockingCluster(TOKEN, INTENTS, **OPTIONS)
        cluster.start()
        events = iter(cluster)
        next(events)
        """,
    "sys.exit in a block": """
        with BlockingCluster(TOKEN, INTENTS, **OPTIONS) as cluster:
            for event in cluster:
                sys.exit(0)
        """,
    "a loop that is gone": """
        async def main():
            global cluster
            cluster = Cluster(TOKEN, INTENTS, **OPTIONS)
            await cluster.start()
            await cluster.next_event()
        asyncio.run(main())
        """,
    "a task that iterates when the loop ends": """
        async def main():
            global cluster
            cluster = Cluster(TOKEN, INTENTS, **OPTIONS)
            await cluster.start()
            async def iterate():
                async for event in cluster: pass
            global task
            task = asyncio.ensure_future(iterate())
            await cluster.wait_ready()
        asyncio.run(main())
        """,
    "a thread that iterates": """
        cluster = BlockingCluster(TOKEN, INTENTS, **OPTIONS)
        cluster.start()
        thread = threading.Thread(target=lambda: [None for event in cluster], daemon=True)
        thread.start()
        cluster.wait_ready()
        """,
    "a handler on the library's threads": """
        config = Config(TOKEN, INTENTS, **OPTIONS, log=lambda *line: None, log_level=LogLevel.TRACE)
        config.set_event_handler(lambda event: None, Delivery.INLINE)
        cluster = BlockingCluster(config)
        cluster.start()
        cluster.wait_ready()
        """,
    "several": """
        clusters = [BlockingCluster(TOKEN, INTENTS, **OPTIONS) for _ in range(3)]
        for cluster in clusters: cluster.start()
        """,
    "never started": """
        cluster = Cluster(TOKEN, INTENTS, **OPTIONS)
        config = Config(TOKEN, INTENTS, **OPTIONS)
        """,
    "os._exit": f"""
        cluster = BlockingCluster(TOKEN, INTENTS, **OPTIONS)
        cluster.start()
        next(iter(cluster))
        print("{OK}")
        os._exit(0)
        """,
}


@pytest.mark.parametrize("name", LEAVING)
def test_the_end_of_the_interpreter(name: str, busy: Sandbox) -> None:
    ends_well(
        run_program(f'import atexit\natexit.register(lambda: print("{OK}"))\n' + textwrap.dedent(LEAVING[name]), busy)
    )


def test_the_end_at_any_moment(busy: Sandbox) -> None:
    """Interpreters that end while connections are made, events come and threads start."""
    for number in range(12):
        ends_well(
            run_program(
                f"""
                cluster = BlockingCluster(TOKEN, INTENTS, **OPTIONS)
                cluster.start()
                thread = threading.Thread(target=lambda: [None for event in cluster], daemon=True)
                thread.start()
                time.sleep({number * 0.03})
                print("{OK}")
                """,
                busy,
            )
        )


COLLECTED = {
    "running": """
        cluster = BlockingCluster(TOKEN, INTENTS, **OPTIONS)
        cluster.start()
        cluster.wait_ready()
        """,
    "in the middle of an iteration": """
        cluster = BlockingCluster(TOKEN, INTENTS, **OPTIONS)
        cluster.start()
        events = iter(cluster)
        next(events)
        del events
        """,
    "in a cycle": """
        cluster = BlockingCluster(TOKEN, INTENTS, **OPTIONS)
        cluster.start()
        cluster.me = cluster
        """,
    "never started": "cluster = BlockingCluster(TOKEN, INTENTS, **OPTIONS)",
    "closed": """
        cluster = BlockingCluster(TOKEN, INTENTS, **OPTIONS)
        with cluster: pass
        """,
    "by asyncio": """
        async def main():
            global cluster
            cluster = Cluster(TOKEN, INTENTS, **OPTIONS)
            await cluster.start()
            async for event in cluster: break
        asyncio.run(main())
        """,
}


@pytest.mark.parametrize("name", COLLECTED)
def test_garbage_collection(name: str, busy: Sandbox) -> None:
    done = run_program(
        textwrap.dedent(COLLECTED[name])
        + textwrap.dedent(
            f"""
            import weakref
            gone = weakref.ref(cluster)
            del cluster
            gc.collect()
            assert gone() is None
            # Its threads go as well: those of the library, and the one that waits for them.
            limit = time.monotonic() + 30
            while len(os.listdir("/proc/self/task")) > 1:
                assert time.monotonic() < limit, os.listdir("/proc/self/task")
                time.sleep(0.01)
            print("{OK}")
            """
        ),
        busy,
    )
    ends_well(done)
    assert ("was dropped while it ran" in done.stderr) == (name not in ("never started", "closed")), done.stderr


def test_fork_while_it_runs(busy: Sandbox) -> None:
    ends_well(
        run_program(
            f"""
            import multiprocessing, warnings
            warnings.simplefilter("ignore", DeprecationWarning)
            cluster = BlockingCluster(TOKEN, INTENTS, **OPTIONS)
            cluster.start()
            cluster.wait_ready()
            events = iter(cluster)
            next(events)

            def refused(call):
                try:
                    call()
                except InvalidStateError as error:
                    assert "forked" in str(error) and "spawn" in str(error), error
                else:
                    raise AssertionError("the child was let in")

            def child():
                refused(lambda: next(iter(cluster)))
                refused(lambda: cluster.info(0))
                refused(lambda: cluster.send(0, {{"op": 3, "d": {{}}}}))
                refused(lambda: cluster.wait(1))
                refused(lambda: cluster.start())
                refused(lambda: cluster.close())
                refused(lambda: Config(TOKEN, INTENTS))
                refused(lambda: BlockingCluster(TOKEN, INTENTS))
                try:
                    next(events)
                except (StopIteration, InvalidStateError):
                    pass

            context = multiprocessing.get_context("fork")
            for _ in range(3):
                process = context.Process(target=child)
                process.start()
                process.join(30)
                assert process.exitcode == 0, process.exitcode
            pid = os.fork()
            if pid == 0:
                # A child that ends like any program, with what it inherited.
                child()
                global_cluster = cluster
                del cluster, events
                gc.collect()
                sys.exit(0)
            _, status = os.waitpid(pid, 0)
            assert status == 0, status
            # The parent's goes on.
            before = cluster.info(0).events
            for event in cluster:
                if cluster.info(0).events > before + 50: break
            assert cluster.info(0).connects == 1
            cluster.close()
            print("{OK}")
            """,
            busy,
        )
    )


def test_fork_before_it_runs(sandbox: Sandbox) -> None:
    ends_well(
        run_program(
            f"""
            config = Config(TOKEN, INTENTS, **OPTIONS)
            pid = os.fork()
            with BlockingCluster(config) as cluster:
                cluster.wait_ready(30)
            if pid == 0:
                sys.exit(0)
            assert os.waitpid(pid, 0)[1] == 0
            print("{OK}")
            """,
            sandbox,
        )
    )


def test_subprocesses_are_fine(busy: Sandbox) -> None:
    ends_well(
        run_program(
            f"""
            import subprocess
            with BlockingCluster(TOKEN, INTENTS, **OPTIONS) as cluster:
                next(iter(cluster))
                for _ in range(5):
                    assert subprocess.run(["true"]).returncode == 0
                cluster.next_event(30)
            print("{OK}")
            """,
            busy,
        )
    )


def test_many_in_one_process(busy: Sandbox) -> None:
    ends_well(
        run_program(
            f"""
            async def one():
                async with Cluster(TOKEN, INTENTS, **OPTIONS, identify_interval=0) as cluster:
                    count = 0
                    async for event in cluster:
                        count += 1
                        if count > 30: break
            async def main():
                for _ in range(4):
                    await asyncio.gather(*[one() for _ in range(5)])
            asyncio.run(main())
            print("{OK}")
            """,
            busy,
        )
    )


def test_calls_from_many_threads(busy: Sandbox) -> None:
    ends_well(
        run_program(
            f"""
            cluster = BlockingCluster(TOKEN, INTENTS, **OPTIONS)
            stop = threading.Event()
            failures = []
            def ask():
                while not stop.is_set():
                    try:
                        cluster.info(0); cluster.metrics(); cluster.export_sessions(); cluster.shard_ids()
                    except (InvalidStateError, NotFoundError):
                        pass
                    except BaseException as error:
                        failures.append(error)
            threads = [threading.Thread(target=ask) for _ in range(4)]
            for thread in threads: thread.start()
            for _ in range(3):
                with cluster:
                    for number, event in enumerate(cluster):
                        if number == 100: break
            stop.set()
            for thread in threads: thread.join()
            assert not failures, failures
            print("{OK}")
            """,
            busy,
        )
    )


def test_no_deadlock_from_inside_a_handler(sandbox: Sandbox) -> None:
    done = run_program(
        f"""
        config = Config(TOKEN, INTENTS, **OPTIONS)
        told = []
        came = threading.Event()
        def take(event):
            if event.name == "READY":
                try:
                    cluster.wait(1)
                except WouldDeadlockError as error:
                    told.append(str(error))
                came.set()
        config.set_event_handler(take)
        cluster = BlockingCluster(config)
        with cluster:
            assert came.wait(30)
        assert told and "handler" in told[0], told
        print("{OK}")
        """,
        sandbox,
    )
    ends_well(done)
    assert not re.search("swiftgateway.*Error", done.stderr)
