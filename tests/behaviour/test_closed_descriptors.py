"""Programs that close descriptors they did not open: they go on taking part, and their own files are left alone.

Daemons close everything from 3 on, tests of other programs `dup2` over any number, and cron starts programs without
standard files.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.leftovers import session_paths
from harness.peers import Peer
from harness.waiting import wait_for_waiters, wait_until

import ntipc

TAKE_ALL_NUMBERS = """
def take_all_numbers(folder):
    '''Close every descriptor but those of the test, and open files of the program's own under their numbers.'''
    for number in range(3, 256):
        if number != output:
            try:
                os.close(number)
            except OSError:
                pass
    files = []
    while len(files) < 24:
        files.append(os.open(f'{folder}/{len(files)}', os.O_RDWR | os.O_CREAT, 0o600))
        os.write(files[-1], b'own data')
    return files
"""


@pytest.fixture
def careless(peer: Peer, tmp_path: Path) -> Peer:
    """A process that owns the mutex 'only one', and can close all its descriptors."""
    peer.run(TAKE_ALL_NUMBERS)
    peer.run("mutex = ntipc.Mutex('only one'); mutex.acquire(); event = ntipc.Event('kept')")
    peer.run(f"folder = {str(tmp_path)!r}")
    return peer


def untouched(folder: Path) -> bool:
    files = list(folder.iterdir())
    return len(files) == 24 and all(file.read_bytes() == b"own data" for file in files)


def test_session_goes_on_and_own_files_are_left_alone(careless: Peer, tmp_path: Path) -> None:
    careless.run("files = take_all_numbers(folder)")
    assert careless.run("many = [ntipc.Event() for _ in range(5000)]; len(many)") == 5000
    assert (
        careless.run("section = ntipc.Section('s', 100_000); view = section.map(); view[99_999] = 7; view[99_999]") == 7
    )
    assert (
        careless.run("queue = ntipc.Queue('q', quota=1 << 23); queue.put(bytes(1 << 22)); len(queue.get())") == 1 << 22
    )
    assert ntipc.Mutex("only one").acquire(0) is False
    careless.run("mutex.release()")
    assert ntipc.Mutex("only one").acquire(0) is True
    assert not ntipc.examine()["findings"]
    careless.run("section.close(); queue.close(); ntipc.Session().close()")
    assert untouched(tmp_path)
    assert careless.run("[os.read(file, 1) for file in files if os.lseek(file, 0, 0) == 0][:2]") == [b"o", b"o"]


def test_participant_without_descriptors_is_no_dead_one(careless: Peer, start_peer: Callable[..., Peer]) -> None:
    """It alone keeps the session: a newcomer that took it for an empty one would make a second mutex of that name."""
    alone = os.environ["NTIPC_SESSION"] + ".alone"
    careless.run(f"alone = ntipc.Session({alone!r}); only = ntipc.Mutex('m', session=alone); only.acquire()")
    careless.run("take_all_numbers(folder)")
    newcomer = start_peer()
    assert newcomer.run(f"ntipc.Mutex('m', session={alone!r}).acquire(0)") is False
    newcomer.end()
    careless.run("only.release(); alone.close()")
    assert not session_paths(alone)


def test_death_of_a_participant_without_descriptors_is_told(careless: Peer) -> None:
    careless.run("take_all_numbers(folder)")
    mutex = ntipc.Mutex("only one")
    careless.kill()
    with pytest.warns(ntipc.AbandonedMutexWarning):
        assert mutex.acquire(10)


def test_participant_without_descriptors_tells_of_deaths(careless: Peer, start_peer: Callable[..., Peer]) -> None:
    owner = start_peer()
    owner.run("other = ntipc.Mutex('other'); other.acquire()")
    careless.run("take_all_numbers(folder)")
    waiting = careless.begin("warnings.simplefilter('ignore'); ntipc.Mutex('other').acquire(20)")
    wait_for_waiters(ntipc.Mutex("other"), 1)
    owner.kill()
    assert waiting.result() is True


def test_child_of_a_process_without_descriptors_takes_part(careless: Peer, tmp_path: Path) -> None:
    careless.run("take_all_numbers(folder)")
    careless.run("""
pid = os.fork()
if pid == 0:
    event.set()
    ntipc.Section('from the child', 5000)
    os._exit(0 if ntipc.Mutex('only one').acquire(0) is False else 1)
""")
    assert careless.run("os.waitpid(pid, 0)[1]") == 0
    assert ntipc.Event("kept").wait(0) is True
    assert untouched(tmp_path)


def test_child_that_closes_everything_takes_part(careless: Peer, tmp_path: Path) -> None:
    """As daemons do between fork and the first use; also in a hook of another library, before ours has run."""
    careless.run("""
pid = os.fork()
if pid == 0:
    take_all_numbers(folder)
    event.set()
    kept = ntipc.Section('s', 5000)
    os._exit(0 if kept.map()[0] == 0 else 1)
""")
    assert careless.run("os.waitpid(pid, 0)[1]") == 0
    assert ntipc.Event("kept").wait(0) is True
    assert untouched(tmp_path)


def test_hook_that_closes_everything_in_the_child_harms_nothing(
    start_peer: Callable[..., Peer], tmp_path: Path
) -> None:
    """A hook that was registered before ours runs before it in the child: the pipe to the parent is gone by then."""
    program = f"""
import os
{TAKE_ALL_NUMBERS}
output = -1
os.register_at_fork(after_in_child=lambda: take_all_numbers({str(tmp_path)!r}))
import ntipc
event = ntipc.Event('kept')
pid = os.fork()
if pid == 0:
    event.set()
    os._exit(0)
print(os.waitpid(pid, 0)[1], event.wait(5))
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert said.stdout.split() == ["0", "True"], said.stderr
    assert untouched(tmp_path)


def test_sleeping_thread_is_woken_after_all_descriptors_are_closed(careless: Peer) -> None:
    waiting = careless.begin("event.wait(20)", thread="waiter")
    wait_for_waiters(ntipc.Event("kept"), 1)
    careless.run("take_all_numbers(folder)")
    ntipc.Event("kept").set()
    assert waiting.result() is True


def test_number_that_leads_to_another_participants_file_is_not_used(careless: Peer) -> None:
    """`dup2` of a descriptor of another session's over every number: neither session is harmed."""
    other = os.environ["NTIPC_SESSION"] + ".other"
    careless.run(f"second = ntipc.Session({other!r}); theirs = ntipc.Event('theirs', session=second)")
    careless.run("""
import glob
arena = os.open(second.path + '/arena', os.O_RDWR)
for number in range(3, 64):
    if number not in (output, arena):
        os.dup2(arena, number)
many = [ntipc.Event() for _ in range(5000)]
""")
    assert not ntipc.examine()["findings"]
    assert not ntipc.examine(other)["findings"]
    careless.run("theirs.close(); second.close()")


WITHOUT_STANDARD_FILES = """
import os, sys
os.closerange(0, 3)
import ntipc
event = ntipc.Event('k')
places = {}
for number in (0, 1, 2):
    try:
        places[number] = os.readlink(f'/proc/self/fd/{number}')
    except OSError:
        pass
for number in (1, 2):
    try:
        os.write(number, b'a line of a log' * 10)
    except OSError:
        pass
section = ntipc.Section('s', 50_000)
section.map()[0] = 1
with open(sys.argv[1], 'w') as file:
    file.write(repr(places))
"""


def test_standard_numbers_stay_free(tmp_path: Path) -> None:
    mine = ntipc.Event("k")
    report = tmp_path / "report"
    assert subprocess.run([sys.executable, "-c", WITHOUT_STANDARD_FILES, str(report)], timeout=30).returncode == 0
    assert report.read_text() == "{}"
    mine.set()
    assert mine.wait(0)
    assert not ntipc.examine()["findings"]


def test_attached_process_needs_few_descriptors(peer: Peer) -> None:
    count = "len(os.listdir('/proc/self/fd'))"
    before = peer.run(count)
    peer.run(
        "kept = [ntipc.Event('e'), ntipc.Mutex('m'), ntipc.Section('s', 5000), ntipc.Queue('q')]; view = kept[2].map()"
    )
    assert peer.run(count) <= before + 2
    peer.run("view.unmap(); [one.close() for one in kept]; ntipc.Session().close()")
    wait_until(lambda: peer.run(count) == before)
