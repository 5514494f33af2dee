"""Prints and exceptions appear under the cell that they belong to, in a real kernel with a page's messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.kernels import Kernel, running_kernel


@pytest.fixture(scope="module", params=[7, 6], ids=["ipykernel 7", "ipykernel 6"])
def kernel(request: pytest.FixtureRequest) -> Iterator[Kernel]:
    with running_kernel(request.param) as running:
        running.run("import threading, time, realtime_nb as rt")
        running.run("w = rt.RealtimeWidget(backend='local', output='text')")
        running.run("rt.run(w.start())")
        yield running


@pytest.fixture(params=["main thread", "subshell"])
def page(request: pytest.FixtureRequest, kernel: Kernel) -> Callable[[], None]:
    """Return a function that sends a heartbeat of a page, handled on the main thread or on a subshell."""
    subshell = None
    if request.param == "subshell":
        if kernel.value("hasattr(get_ipython().kernel, 'shell_channel_thread')") != "True":
            pytest.skip("this ipykernel has no subshells")
        subshell = kernel.subshell()
    return kernel.page(kernel.value("w.comm.comm_id"), subshell)


def _beats(page: Callable[[], None]) -> None:
    for _ in range(5):
        page()


def test_observer_prints_under_the_cell_that_registered_it(kernel: Kernel, page: Callable[[], None]) -> None:
    cell = kernel.run("def show(change): print('turns', len(change.new))\nw.observe(show, 'turns')")
    _beats(page)
    kernel.run("turn = rt.run(w.ask('Hello!'))")
    kernel.until(lambda: "turns" in kernel.printed(cell), page=page)
    kernel.run("w.unobserve(show, 'turns')")


def test_observer_that_is_registered_again_prints_under_the_new_cell(kernel: Kernel, page: Callable[[], None]) -> None:
    kernel.run("def again(change): print('again')\nw.observe(again, 'turns')")
    cell = kernel.run("w.observe(again, 'turns')")
    _beats(page)
    kernel.run("rt.run(w.ask('Hello!'))")
    kernel.until(lambda: kernel.printed(cell).count("again") >= 1, page=page)
    kernel.run("w.unobserve(again, 'turns')")


def test_exception_of_an_observer_appears_under_its_cell(kernel: Kernel, page: Callable[[], None]) -> None:
    cell = kernel.run("def bad(change): raise ValueError('the observer')\nw.observe(bad, 'turns')")
    _beats(page)
    kernel.run("rt.run(w.ask('Hello!'))")
    kernel.until(lambda: "ValueError: the observer" in kernel.printed(cell), page=page)
    kernel.run("w.unobserve(bad, 'turns')")


def test_observer_of_a_setting_prints_where_the_setting_is_set(kernel: Kernel) -> None:
    kernel.run("def set_here(change): print('set')\nw.observe(set_here, 'speed')")
    cell = kernel.run("w.speed = 1.25")
    assert kernel.printed(cell) == "set\n"
    kernel.run("w.unobserve(set_here, 'speed'); w.speed = 1.0")


def test_handlers_print_and_fail_under_their_cells(kernel: Kernel, page: Callable[[], None]) -> None:
    plain = kernel.run("def done(event): print('plain')\nw.on('response.done', done)")
    coroutine = kernel.run("async def later(event): print('coroutine')\nw.on('response.done', later)")
    bad = kernel.run("def fail(event): raise ValueError('the handler')\nw.on('response.done', fail)")
    _beats(page)
    kernel.run("rt.run(w.ask('Hello!'))")
    kernel.until(lambda: "plain" in kernel.printed(plain), page=page)
    kernel.until(lambda: "coroutine" in kernel.printed(coroutine), page=page)
    kernel.until(lambda: "ValueError: the handler" in kernel.printed(bad), page=page)
    kernel.run("for handler in (done, later, fail): w.off('response.done', handler)")


def test_handler_of_an_earlier_session_prints_under_its_cell(kernel: Kernel, page: Callable[[], None]) -> None:
    cell = kernel.run("def kept(event): print('kept')\nw.on('response.done', kept)")
    kernel.run("rt.run(w.stop())")
    _beats(page)
    kernel.run("rt.run(w.ask('Hello!'))")
    kernel.until(lambda: "kept" in kernel.printed(cell), page=page)
    kernel.run("w.off('response.done', kept)")


_TOOL = """
@w.tool
{kind} set_slider(value: int) -> str:
    'Set the slider.'
    {body}
    return "done"
"""


def test_tools_print_and_fail_under_their_cells(kernel: Kernel, page: Callable[[], None]) -> None:
    plain = kernel.run(_TOOL.format(kind="def", body="print('plain', value)"))
    _beats(page)
    kernel.run("rt.run(w.ask('Set the slider to 25.'))")
    kernel.until(lambda: "plain 25" in kernel.printed(plain), page=page)
    coroutine = kernel.run(_TOOL.format(kind="async def", body="print('coroutine', value)"))
    kernel.run("rt.run(w.ask('Set the slider to 26.'))")
    kernel.until(lambda: "coroutine 26" in kernel.printed(coroutine), page=page)
    bad = kernel.run(_TOOL.format(kind="def", body="raise ValueError('the tool')"))
    kernel.run("rt.run(w.ask('Set the slider to 27.'))")
    kernel.until(lambda: "ValueError: the tool" in kernel.printed(bad), page=page)
    kernel.run("w.tools = ()")


_THREAD = """
from IPython.display import display
def work():
    for n in range(100):
        print("line", n)
        time.sleep(0.005)
    display("displayed")
threading.Thread(target=work).start()
threading.Timer(0.2, lambda: print("timer")).start()
"""


def test_threads_print_under_the_cell_that_ran_last(kernel: Kernel, page: Callable[[], None]) -> None:
    _beats(page)
    cell = kernel.run(_THREAD)

    def complete() -> bool:
        text = kernel.printed(cell)
        return text.count("line") == 100 and "displayed" in text and "timer" in text

    kernel.until(complete, page=page)
    # No Timer: ipykernel 6 takes one for an ended thread whose number it got.
    later = kernel.run("threading.Thread(target=lambda: (time.sleep(0.3), print('later'))).start()")
    kernel.until(lambda: "later" in kernel.printed(later), page=page)


_BUSY_THREAD = """
import sys
def work():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # the threads take turns at any step
    for n in range(20_000):
        print("step", n)
    sys.setswitchinterval(interval)
    print("finished")
threading.Thread(target=work).start()
"""


def test_thread_loses_no_line_while_a_message_of_a_page_is_handled(kernel: Kernel, page: Callable[[], None]) -> None:
    earlier = kernel.everything()
    cell = kernel.run(_BUSY_THREAD)

    def printed() -> dict[str, str]:
        return {request: text for request, text in kernel.everything().items() if request not in earlier}

    kernel.until(lambda: any("finished" in text for text in printed().values()), page=lambda: _beats(page))
    kernel.until(lambda: kernel.printed(cell).count("step") == 20_000)
    assert not [request for request, text in printed().items() if "step" in text and request != cell]


def test_coroutine_that_a_cell_runs_prints_there(kernel: Kernel, page: Callable[[], None]) -> None:
    _beats(page)
    cell = kernel.run("async def there():\n    print('there')\nrt.run(there())")
    kernel.until(lambda: "there" in kernel.printed(cell))
