"""The debug log: every reader sees every line or counts it, and no writer waits for anybody."""

import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from harness.peers import Peer
from harness.waiting import asleep, is_stopped, wait_until

import ntipc
from ntipc.debuglog import Handler, Reader, Record, is_wanted

LINES = 8192
"""Lines that the ring holds."""


@pytest.fixture
def reader() -> Iterator[Reader]:
    with Reader() as reader:
        yield reader


def texts(reader: Reader, count: int) -> list[str]:
    lines = [reader.read(timeout=20) for _ in range(count)]
    assert None not in lines, "a line is missing"
    return [line.text for line in lines if line is not None]


def rest(reader: Reader) -> list[str]:
    return [line.text for line in iter(lambda: reader.read(timeout=0), None)]


def test_each_reader_sees_each_line(reader: Reader, start_peer: Callable[..., Peer]) -> None:
    """PM-59 the other way round."""
    writers = [start_peer() for _ in range(2)]
    calls = [w.begin(f"for n in range(300): ntipc.output_debug_string(f'{i}:{{n}}')") for i, w in enumerate(writers)]
    with Reader(kept=True) as other:
        for call in calls:
            call.result()
        seen, also_seen = rest(reader), rest(other)
    assert [text for text in seen if text[0] == "0"] == [f"0:{n}" for n in range(300)]
    assert [text for text in seen if text[0] == "1"] == [f"1:{n}" for n in range(300)]
    assert also_seen == seen
    assert (reader.lost, other.lost) == (0, 0)


def test_line_says_who_wrote_it_and_when(reader: Reader, peer: Peer) -> None:
    before = time.time()
    tid = peer.run("threading.get_native_id()")
    peer.run("ntipc.output_debug_string('here')")
    line = reader.read(timeout=20)
    assert line is not None
    assert line.pid == peer.pid
    assert line.tid == tid
    assert before <= line.time <= time.time()
    assert (line.text, line.truncated) == ("here", False)


@pytest.mark.parametrize(
    "text",
    ["", "a", "x" * 208, "y" * 209, "z" * 5000, "Grüße, 世界 🎈", "a\0b", "two\nlines\n", "\ud800 half", "é" * 16384],
)
def test_text_arrives_as_it_was(reader: Reader, text: str) -> None:
    ntipc.output_debug_string(text)
    assert texts(reader, 1) == [text]


def test_longer_text_is_cut_between_two_characters(reader: Reader) -> None:
    """PM-56, with another bound."""
    ntipc.output_debug_string("x" + "é" * 20000)
    line = reader.read(timeout=20)
    assert line is not None
    assert (line.text, line.truncated) == ("x" + "é" * 16383, True)


def test_lines_that_nobody_takes_are_lost_and_counted(reader: Reader, peer: Peer) -> None:
    peer.run(f"for n in range({LINES + 1000}): ntipc.output_debug_string(str(n))")
    seen = rest(reader)
    assert seen == [str(n) for n in range(1000, LINES + 1000)]
    assert reader.lost == 1000


def test_long_lines_are_lost_and_counted_too(reader: Reader) -> None:
    """Text that is too long for its line comes round sooner."""
    for n in range(100):
        ntipc.output_debug_string(f"{n:03}" * 5000)
    seen = rest(reader)
    assert seen == [f"{n:03}" * 5000 for n in range(100 - len(seen), 100)]
    assert seen and reader.lost == 100 - len(seen) > 0


def test_nothing_is_read_that_was_written_before(reader: Reader) -> None:
    ntipc.output_debug_string("early")
    with Reader() as late, Reader(kept=True) as curious:
        assert late.read(timeout=0) is None
        assert texts(curious, 1) == ["early"]
        ntipc.output_debug_string("late")
        assert texts(late, 1) == texts(curious, 1) == ["late"]


def test_reader_joins_every_wait(reader: Reader, peer: Peer) -> None:
    event = ntipc.Event("event", manual_reset=True)
    assert ntipc.wait_any([event, reader], timeout=0) is None
    assert not reader.wait(0)
    peer.run("ntipc.output_debug_string('line')")
    assert ntipc.wait_any([event, reader], timeout=20).index == 1  # type: ignore[union-attr]
    assert ntipc.wait_all([event, reader], timeout=0) is None
    event.set()
    assert ntipc.wait_all([event, reader], timeout=0)
    assert reader.wait(0)
    assert texts(reader, 1) == ["line"]
    assert not reader.wait(0)
    assert ntipc.signal_and_wait(event, event)


def test_sleeping_reader_is_woken_each_time(start_peer: Callable[..., Peer]) -> None:
    sleeper, writer = start_peer(), start_peer()
    sleeper.run("reader = ntipc.debuglog.Reader()")
    for n in range(20):
        call = sleeper.begin("reader.read(timeout=20).text")
        wait_until(lambda: asleep(sleeper.pid))
        writer.run(f"ntipc.output_debug_string('line {n}')")
        assert call.result() == f"line {n}"


def test_threads_share_a_reader(reader: Reader) -> None:
    """Each line is taken by one of them, and none sleeps beside a line."""
    seen: list[str] = []
    done = ntipc.Event(manual_reset=True)

    def take() -> None:
        while ntipc.wait_any([reader, done]).index == 0:  # type: ignore[union-attr]
            if (line := reader.read(timeout=0)) is not None:
                seen.append(line.text)
                if len(seen) == 200:
                    done.set()

    threads = [threading.Thread(target=take) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(200):
        ntipc.output_debug_string(str(n))
    for thread in threads:
        thread.join()
    assert sorted(seen, key=int) == [str(n) for n in range(200)]


def test_stopped_writer_delays_its_own_line_only(reader: Reader, start_peer: Callable[..., Peer]) -> None:
    stopped, other = start_peer(), start_peer()
    if not ntipc._kernel.FAULT_POINTS:
        pytest.skip("this build has no fault points: make build-faults")
    stopped.run("ntipc._kernel.arm_fault('LogWritten', 1, 'stop')")
    call = stopped.begin("ntipc.output_debug_string('slow')")
    wait_until(lambda: is_stopped(stopped.pid))
    for n in range(3 * LINES):  # the ring comes round, and its place is left alone
        ntipc.output_debug_string(str(n))
    other.run("ntipc.output_debug_string('other')")
    seen = rest(reader)
    # On each lap one place is not to be had, and the line that would lie there is lost.
    assert seen == [str(n) for n in range(2 * LINES + 1, 3 * LINES - 1)] + ["other"]
    assert reader.lost == 2 * LINES + 3
    os.kill(stopped.pid, signal.SIGCONT)
    call.result()
    other.run("ntipc.output_debug_string('on')")
    assert rest(reader) == ["on"]


def test_late_line_of_a_stopped_writer_is_read(reader: Reader, start_peer: Callable[..., Peer]) -> None:
    if not ntipc._kernel.FAULT_POINTS:
        pytest.skip("this build has no fault points: make build-faults")
    stopped = start_peer()
    stopped.run("ntipc._kernel.arm_fault('LogWritten', 1, 'stop')")
    call = stopped.begin("ntipc.output_debug_string('slow'); ntipc.output_debug_string('slower')")
    wait_until(lambda: is_stopped(stopped.pid))
    ntipc.output_debug_string("quick")
    assert texts(reader, 1) == ["quick"]
    assert not reader.wait(0)
    os.kill(stopped.pid, signal.SIGCONT)
    assert texts(reader, 2) == ["slow", "slower"]
    call.result()
    assert reader.lost == 0


@pytest.mark.parametrize(
    "point", [name for name in ntipc._kernel.FAULT_POINTS if name.startswith("Log") and "Reader" not in name]
)
def test_line_of_a_killed_writer_is_whole_or_absent(start_peer: Callable[..., Peer], point: str) -> None:
    """And a reader that sleeps without a timeout is told of it, if it is there."""
    sleeper, victim = start_peer(), start_peer()
    sleeper.run("reader = ntipc.debuglog.Reader()")
    victim.run(f"ntipc._kernel.arm_fault({point!r})")
    call = sleeper.begin("reader.read().text")
    wait_until(lambda: asleep(sleeper.pid))
    victim.begin("ntipc.output_debug_string('last words' * 50)")
    assert victim.wait() == -signal.SIGKILL
    if point in ("LogCommitted", "LogRung"):
        assert call.result() == "last words" * 50
        call = sleeper.begin("reader.read().text")
    ntipc.output_debug_string("next")
    assert call.result() == "next"
    sleeper.run("assert reader.read(timeout=0) is None and reader.lost == 0")


def test_readers_of_the_dead_give_their_places_back(start_peer: Callable[..., Peer]) -> None:
    victim = start_peer()
    victim.run("readers = [ntipc.debuglog.Reader() for _ in range(32)]")
    with pytest.raises(ntipc.OutOfResources, match="32 readers"):
        Reader()
    assert is_wanted()
    victim.process.kill()
    victim.wait()
    wait_until(lambda: not is_wanted())
    with Reader() as reader:
        ntipc.output_debug_string("heard")
        assert texts(reader, 1) == ["heard"]


def test_forked_child_writes_and_has_no_reader(reader: Reader) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            closed = reader.closed
            ntipc.output_debug_string(f"child {closed}")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    line = reader.read(timeout=20)
    assert line is not None
    assert (line.pid, line.text) == (pid, "child True")
    assert not reader.closed


SCRIPT = """
import atexit, os, signal, sys
sys.path[:0] = sys.argv[1:2]
atexit.register(lambda: ntipc.output_debug_string("after the session was left"))
import ntipc
atexit.register(lambda: ntipc.output_debug_string("at exit"))
class Last:
    def __del__(self, write=ntipc.output_debug_string):
        write("in a finalizer")
signal.signal(signal.SIGUSR1, lambda *_: ntipc.output_debug_string("in a handler"))
os.kill(os.getpid(), signal.SIGUSR1)
last = Last()
"""


def test_signal_handlers_and_the_end_of_a_process_write(reader: Reader) -> None:
    child = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60)
    assert (child.returncode, child.stderr) == (0, "")
    wanted = ["in a handler", "at exit", "after the session was left", "in a finalizer"]
    assert texts(reader, 4) == wanted
    assert rest(reader) == []


def test_no_session_is_made_for_a_line() -> None:
    ntipc.output_debug_string("for nobody", session="not-there")
    assert not is_wanted("not-there")
    with pytest.raises(ntipc.ObjectNotFound):
        ntipc.Session("not-there", create=False)
    with ntipc.Session("left") as left:
        pass
    ntipc.output_debug_string("too late", session=left)


def test_bad_arguments_are_refused() -> None:
    for bad in (None, b"bytes", 7):
        with pytest.raises(TypeError, match="must be a str"):
            ntipc.output_debug_string(bad)  # type: ignore[arg-type]
    with pytest.raises(ntipc.InvalidName):
        ntipc.output_debug_string("text", session="no/such name")
    with pytest.raises(ntipc.InvalidName):
        Handler(session="no such name")


def test_closed_reader_refuses(reader: Reader) -> None:
    call: list[object] = []

    def wait() -> None:
        try:
            call.append(reader.read())
        except ntipc.HandleClosed as error:
            call.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    wait_until(lambda: asleep(os.getpid()))
    reader.close()
    thread.join()
    reader.close()
    assert isinstance(call[0], ntipc.HandleClosed)
    assert reader.closed and "closed" in repr(reader) and not is_wanted()
    for method in (lambda: reader.read(0), lambda: reader.wait(0), reader.__enter__):
        with pytest.raises(ntipc.HandleClosed):
            method()


def test_reader_stays_with_its_process(reader: Reader) -> None:
    with pytest.raises(TypeError, match="make another"):
        pickle.dumps(reader)
    with pytest.raises(ntipc.NotSupported):
        reader.duplicate()


def test_leaving_the_session_ends_a_reader() -> None:
    with ntipc.Session("brief") as brief:
        reader = Reader(session=brief)
        assert reader.session == brief
    with pytest.raises(ntipc.HandleClosed):
        reader.read(timeout=0)
    reader.close()


def test_handler_of_logging(reader: Reader) -> None:
    logger = logging.getLogger("test-of-the-debug-log")
    handler = Handler(logging.INFO)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        logger.debug("too little")
        logger.warning("%d left", 3)
        try:
            raise KeyError("lost")
        except KeyError:
            logger.exception("failed")
    finally:
        logger.removeHandler(handler)
    first, second = texts(reader, 2)
    assert first == "WARNING 3 left"
    assert second.startswith("ERROR failed\nTraceback") and second.endswith("KeyError: 'lost'")


def test_handler_formats_nothing_for_nobody() -> None:
    class Never:
        def __str__(self) -> str:
            raise AssertionError("somebody formats it")

    record = logging.LogRecord("name", logging.INFO, "path", 1, "%s", (Never(),), None)
    handler = Handler()
    handler.raiseExceptions = True  # type: ignore[attr-defined]
    handler.handle(record)
    assert handler.lock is None


def test_record_is_a_tuple() -> None:
    assert Record(1, 2, 3.0, "text") == (1, 2, 3.0, "text", False)
