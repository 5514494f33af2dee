"""A forked process: inherited objects refuse clearly, new ones work, and the parent's conversation goes on.

Each program runs in a process of its own, because pytest must not be forked with threads of other tests.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")

_BEGIN = """
    import asyncio, os, signal, sys, threading, warnings
    warnings.simplefilter("ignore", DeprecationWarning)  # of a fork with threads, which is what is tested
    import realtime_nb as rt
    from realtime_nb import backends
    from realtime_nb.notebook import runtime

    def refused(call):
        try:
            call()
        except rt.RealtimeError as error:
            assert f"belongs to process {parent}" in str(error) and f"this is process {os.getpid()}" in str(error)
            assert "Make a new one" in str(error)
        else:
            raise AssertionError("not refused")

    def in_fork(work):
        child = os.fork()
        if not child:
            signal.alarm(60)  # a hang is a failure, and no process that stays
            try:
                work()
                os._exit(0)
            except BaseException:
                import traceback
                traceback.print_exc()
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    parent = os.getpid()
"""


def _run(program: str) -> None:
    source = textwrap.dedent(_BEGIN) + textwrap.dedent(program)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr


def test_inherited_widget_refuses_and_a_new_one_answers() -> None:
    _run(
        """
        w = rt.RealtimeWidget(backend="local", output="text")
        rt.run(w.ask("Hello!"))

        def child():
            refused(lambda: rt.run(w.ask("Hello!")))
            refused(lambda: rt.run(w.start()))
            refused(lambda: w.on("response.done", print))
            refused(lambda: setattr(w, "instructions", "Be brief."))
            refused(w.reset)
            assert len(w.turns) == 2  # what was said can be read
            w.close()  # the parent's connection stays
            own = rt.RealtimeWidget(backend="local", output="text")
            assert rt.run(own.ask("Hello!")).text
            rt.run(own.stop())
            backends.stop_local()

        in_fork(child)
        assert rt.run(w.ask("Hello!")).text
        """
    )


def test_inherited_connection_refuses_and_a_new_one_works() -> None:
    _run(
        """
        async def opened():
            return await rt.connect(backend="local")

        conn = rt.run(opened())

        def child():
            refused(lambda: rt.run(conn.session.update(instructions="Be brief.")))
            refused(lambda: rt.run(conn.close()))
            refused(lambda: conn.wait_for("response.done"))
            async def own():
                async with rt.connect(backend="local") as mine:
                    await mine.session.update(instructions="Be brief.")
            rt.run(own())
            backends.stop_local()

        in_fork(child)
        rt.run(conn.session.update(instructions="Be brief."))
        """
    )


@pytest.mark.parametrize("where", ["main", "tool thread", "our loop"])
def test_process_of_multiprocessing_can_run_coroutines(where: str) -> None:
    _run(
        f"""
        import multiprocessing
        context = multiprocessing.get_context("fork")

        def work():
            signal.alarm(60)
            async def there():
                return 7
            assert rt.run(there()) == 7
            runtime.notifier().call(lambda: os._exit(5))
            threading.Event().wait()

        def begin():
            process = context.Process(target=work)
            process.start()
            process.join()
            assert process.exitcode == 5, process.exitcode

        async def begin_on_loop():
            begin()

        runtime.notifier()
        rt.run(asyncio.sleep(0))
        if {where!r} == "main":
            begin()
        elif {where!r} == "our loop":
            rt.run(begin_on_loop())
        else:
            rt.run(asyncio.to_thread(begin))
        """
    )


def test_fork_while_another_thread_starts_the_runtime_does_not_hang() -> None:
    _run(
        """
        from realtime_nb.local import servers
        held, done = threading.Event(), threading.Event()

        def hold():
            with runtime._start, servers.lock:
                held.set()
                done.wait()

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()

        def child():
            rt.run(asyncio.sleep(0))
            backends.stop_local()

        in_fork(child)
        done.set()
        """
    )


def test_server_of_the_parent_outlives_a_fork_but_not_the_parent() -> None:
    _run(
        """
        from realtime_nb.local import LocalServer, servers
        with LocalServer(voice="plain") as server:
            pid = server._process.pid
            in_fork(server.close)
            assert server.running
            servers.servers[None] = server
            awake = os.fork()
            if not awake:
                signal.pause()
        servers.servers.clear()
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            pass
        else:
            raise AssertionError("the fork keeps the server alive")
        finally:
            os.kill(awake, signal.SIGKILL)
            os.waitpid(awake, 0)
        """
    )
