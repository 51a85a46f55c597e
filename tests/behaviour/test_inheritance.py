"""Children that are started with handles: exactly those, under the same numbers, given back in every case."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from harness.kinds import KINDS, make
from harness.peers import Peer
from harness.waiting import facts, look, wait_until

import ntipc
from ntipc import Access

PYTHON = sys.executable
SINGLE = [kind for kind in KINDS if kind != "Queue"]

TELLS = """
import os, sys, ntipc
things = []
for kind, number in zip(sys.argv[1::2], sys.argv[2::2]):
    try:
        thing = getattr(ntipc, kind).from_handle(int(number))
        things.append(thing)
        print(number, *thing.identity, thing.access, thing.inheritable)
    except ntipc.NtError as problem:
        print(number, type(problem).__name__)
print(sum(process["handles"] for process in ntipc.inspect()["processes"] if process["pid"] == os.getpid()))
"""


def told(things: list[ntipc.NtObject], handles: object) -> list[list[str]]:
    """What a child says about the numbers of those objects."""
    arguments = [text for thing in things for text in (type(thing).__name__, str(thing.handle))]
    child = ntipc.Process.start(
        [PYTHON, "-c", TELLS, *arguments],
        inherit_handles=handles,  # type: ignore[arg-type]
        stdout=subprocess.PIPE,
    )
    with child:
        assert child.stdout is not None
        lines = [line.split() for line in child.stdout.read().decode().splitlines()]
        assert child.wait(20) and child.exit_code == 0
    return lines


def line(thing: ntipc.NtObject) -> list[str]:
    return [str(part) for part in (thing.handle, *thing.identity, thing.access, thing.inheritable)]


def test_a_child_has_exactly_the_handles_that_are_marked() -> None:
    """HD-05, HD-06, HD-35: the same number and rights, and the mark, so that grandchildren get it."""
    things: list[ntipc.NtObject] = [make(kind) for kind in SINGLE]
    marked, others = things[::2], things[1::2]
    for thing in marked:
        thing.inheritable = True
    lines = told(things, True)
    assert [entry for entry in lines if len(entry) == 5] == [line(thing) for thing in marked]
    assert [entry for entry in lines if len(entry) == 2] == [[str(thing.handle), "HandleClosed"] for thing in others]
    assert int(lines[-1][0]) == len(marked)
    assert all(facts(thing)["handles"] == 1 for thing in things)


def test_a_list_is_what_the_child_has_whatever_the_marks() -> None:
    """HD-37, HD-39."""
    one, two, three = (ntipc.Event() for _ in range(3))
    one.inheritable = True
    lines = told([one, two, three], [two, three.handle])
    assert lines[:3] == [[str(one.handle), "HandleClosed"], line(two), line(three)]


@pytest.mark.parametrize("nothing", [False, [], ()])
def test_a_child_without_handles(nothing: object) -> None:
    event = ntipc.Event()
    event.inheritable = True
    assert told([event], nothing)[0] == [str(event.handle), "HandleClosed"]


def test_fewer_rights_are_inherited_as_they_are() -> None:
    event = ntipc.Event()
    only_wait = event.duplicate(access=Access.SYNCHRONIZE, inheritable=True)
    assert told([only_wait], True)[0] == line(only_wait)


def test_a_mark_that_is_set_later_does_not_touch_a_child() -> None:
    """HD-40, PM-18: nor does the end of its parent end it, as the test of launchers shows."""
    event, other = ntipc.Event(), ntipc.Event()
    with ntipc.Process.start(["cat"], inherit_handles=[other], stdin=subprocess.PIPE) as child:
        event.inheritable = True
        assert facts(event)["handles"] == 1 and facts(other)["handles"] == 2
        assert child.stdin is not None
        child.stdin.close()
        assert child.wait(20)


def test_a_child_that_never_imports_ntipc_gives_everything_back() -> None:
    event = ntipc.Event("kept")
    event.inheritable = True
    with ntipc.Process.start(["sleep", "1000"]) as child:
        assert facts(event)["handles"] == 2
        (heir,) = (process for process in look()["processes"] if process["pid"] == child.pid)
        assert not heir["joined"] and heir["handles"] == 1
        event.close()
        assert [entry["name"] for entry in look()["objects"] if entry["kind"] == "Event"] == ["kept"]
        child.terminate()
        assert child.wait(20)
        assert not [entry for entry in look()["objects"] if entry["kind"] == "Event"], "PM-17"
        wait_until(lambda: len(look()["processes"]) == 1)


def pidfds_of(pid: int) -> int:
    """How many descriptors of that process this process watches: a thread has them, in a table of its own."""
    count = 0
    for thread in Path("/proc/self/task").iterdir():
        if (thread / "comm").read_text() == "ntipc-pidfds\n":
            for info in (thread / "fdinfo").iterdir():
                with suppress(FileNotFoundError):  # it has just been closed
                    count += f"\nPid:\t{pid}\n" in info.read_text()
    return count


def test_a_child_is_watched_once_and_also_when_its_object_is_closed() -> None:
    event = ntipc.Event("kept")
    child = ntipc.Process.start(["sleep", "1000"], inherit_handles=[event])
    pid = child.pid
    with ntipc.Process.start(["true"]) as other:
        other.wait(20)
    assert pidfds_of(pid) == 1
    child.close()
    with ntipc.Process.start(["true"]) as other:  # the thread looks, and watches the object no more
        other.wait(20)
    wait_until(lambda: pidfds_of(pid) == 1)  # now as a child that has not joined
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    wait_until(lambda: facts(event)["handles"] == 1 and len(look()["processes"]) == 1)


def test_a_child_that_ends_after_its_object_was_closed_gives_everything_back() -> None:
    event = ntipc.Event("kept")
    child = ntipc.Process.start(["sleep", "1000"], inherit_handles=[event])
    pid = child.pid
    child.close()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    wait_until(lambda: facts(event)["handles"] == 1 and len(look()["processes"]) == 1)


def test_what_nobody_watches_is_given_back_by_those_that_are_left(start_peer: Callable[..., Peer]) -> None:
    """The parent is killed; then the child, which belongs to nobody, and for whose object nobody has a handle."""
    parent = start_peer()
    parent.run("event = ntipc.Event('kept'); event.inheritable = True")
    pid = parent.run("child = ntipc.Process.start(['sleep', '1000']); child.pid")
    parent.kill()
    event = ntipc.Event.open("kept")
    wait_until(lambda: facts(event)["handles"] == 2)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: facts(event)["handles"] == 1 and len(look()["processes"]) == 1)


def test_a_program_that_cannot_be_started_leaves_nothing() -> None:
    event = ntipc.Event()
    event.inheritable = True
    with pytest.raises(FileNotFoundError):
        ntipc.Process.start(["/nowhere"])
    with pytest.raises(FileNotFoundError):
        ntipc.Process.start(["true"], cwd="/nowhere")
    assert facts(event)["handles"] == 1 and len(look()["processes"]) == 1


def test_what_is_wrong_with_a_list_is_told_before_anything_is_started() -> None:
    event, closed = ntipc.Event(), ntipc.Event()
    number = closed.handle
    closed.close()
    for wrong in (closed, number, 0, -4, 2**40):
        with pytest.raises(ntipc.HandleClosed) as problem:
            ntipc.Process.start(["/nowhere"], inherit_handles=[event, wrong])
        assert problem.value.winerror == 6
    with pytest.raises(TypeError):
        ntipc.Process.start(["/nowhere"], inherit_handles=["4"])  # type: ignore[list-item]
    with pytest.raises(ntipc.NotSupported), ntipc.PipeServer("p") as server:
        ntipc.Process.start(["/nowhere"], inherit_handles=[server])  # type: ignore[list-item]
    assert facts(event)["handles"] == 1 and len(look()["processes"]) == 1


def test_a_program_that_a_shell_becomes_has_the_handles() -> None:
    event = ntipc.Event()
    code = f"import ntipc; ntipc.Event.from_handle({event.handle}).set()"
    with ntipc.Process.start(["sh", "-c", f'exec "{PYTHON}" -c "{code}"'], inherit_handles=[event]) as child:
        assert child.wait(20) and child.exit_code == 0 and event.wait(0)


def test_grandchildren_have_what_is_marked() -> None:
    """HD-35."""
    event = ntipc.Event()
    event.inheritable = True
    inner = f"import ntipc; ntipc.Event.from_handle({event.handle}).set()"
    outer = (
        f"import ntipc, sys; ntipc.Session(); child = ntipc.Process.start([sys.executable, '-c', {inner!r}]);"
        "child.wait(); raise SystemExit(child.exit_code)"
    )
    with ntipc.Process.start([PYTHON, "-c", outer]) as child:
        assert child.wait(20) and child.exit_code == 0 and event.wait(0)


def test_children_that_threads_start_at_once_have_their_own_lists_alone() -> None:
    """HD-41."""
    events = [ntipc.Event() for _ in range(4)]
    numbers = [event.handle for event in events]
    code = (
        "import sys, ntipc\nfor number in map(int, sys.argv[1:]):\n"
        "    try: ntipc.Event.from_handle(number).set()\n    except ntipc.HandleClosed: pass"
    )
    outcome: list[int | None] = []

    def run(event: ntipc.Event) -> None:
        with ntipc.Process.start([PYTHON, "-c", code, *map(str, numbers)], inherit_handles=[event]) as child:
            assert child.wait(30)
            outcome.append(child.exit_code)

    threads = [threading.Thread(target=run, args=(event,)) for event in events[:3]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcome == [0, 0, 0]
    assert [event.is_set() for event in events] == [True, True, True, False]


def test_a_handle_is_put_into_a_child_that_has_not_joined_yet() -> None:
    first, second = ntipc.Event(), ntipc.Event()
    code = "import ntipc; number = int(input()); ntipc.Event.from_handle(number).set()"
    with ntipc.Process.start([PYTHON, "-c", code], inherit_handles=[first], stdin=subprocess.PIPE) as child:
        number = ntipc.duplicate_handle(None, second.handle, child)
        assert child.stdin is not None
        child.stdin.write(f"{number}\n".encode())
        child.stdin.close()
        assert child.wait(20) and child.exit_code == 0 and second.is_set() and not first.is_set()


def test_two_thousand_handles_are_inherited() -> None:
    events = [ntipc.Event() for _ in range(2000)]
    code = (
        "import sys, ntipc\nfirst, last = map(int, sys.argv[1:])\n"
        "for number in range(first, last + 1, 4): ntipc.Event.from_handle(number).set()"
    )
    first, last = str(events[0].handle), str(events[-1].handle)
    with ntipc.Process.start([PYTHON, "-c", code, first, last], inherit_handles=events) as child:
        assert child.wait(30) and child.exit_code == 0
    assert all(event.is_set() for event in events)


LAUNCHES = """
import sys, ntipc
event = ntipc.Event()
code = f"import ntipc; ntipc.Event.from_handle({event.handle}); print('there', flush=True)"
ntipc.Process.start([sys.executable, "-c", code], inherit_handles=[event])
"""


def test_a_launcher_that_ends_at_once_leaves_its_child_the_handles(session: ntipc.Session) -> None:
    session.close()  # nobody else is in it
    done = subprocess.run([PYTHON, "-c", LAUNCHES], stdout=subprocess.PIPE, timeout=60, check=True)
    assert done.stdout == b"there\n"
