"""Mailslots: many writers, one reader, names as on Windows, and nothing that waits for ever by itself."""

import gc
import os
import pickle
import threading
from typing import Any

import pytest
from harness.peers import Peer
from harness.waiting import facts, look, wait_for_waiters, wait_until

import ntipc
from ntipc import Mailslot, MailslotClient

SPELLINGS = ["Slot", "slot", "SLOT", r"\\.\mailslot\slot", r"\\.\MAILSLOT\SLOT", r"\\localhost\mailslot\Slot"]


@pytest.mark.parametrize("name", SPELLINGS)
def test_every_spelling_is_the_same_mailslot(name: str) -> None:
    slot = Mailslot("sLoT")
    assert MailslotClient(name).write(b"hello") == 5
    assert slot.read(0) == b"hello"
    with pytest.raises(FileExistsError) as problem:
        Mailslot(name)
    assert problem.value.winerror == 183  # type: ignore[attr-defined]


def test_names_may_have_paths() -> None:
    slot = Mailslot(r"\\.\mailslot\a\B\c")
    assert slot.name == r"a\B\c"
    MailslotClient(r"A\b\C").write(b"x")
    assert slot.read(0) == b"x"


def test_other_things_may_have_the_same_name() -> None:
    slot, event, queue = Mailslot("x"), ntipc.Event("x"), ntipc.Queue("y")
    other = Mailslot("y")
    assert len({thing.identity for thing in (slot, event, queue, other)}) == 4
    with pytest.raises(FileNotFoundError):
        MailslotClient("z")


@pytest.mark.parametrize("kind", [Mailslot, MailslotClient])
@pytest.mark.parametrize(
    "name", ["", "\\x", r"\\.\pipe\x", r"\\.\mailslot", "\\\\.\\mailslot\\", r"\\.\mailslotx\y", "a\0b"]
)
def test_name_with_a_wrong_prefix_is_refused(kind: Any, name: str) -> None:
    with pytest.raises(ntipc.InvalidName) as problem:
        kind(name)
    assert problem.value.winerror == 123


@pytest.mark.parametrize("kind", [Mailslot, MailslotClient])
def test_mailslot_must_have_a_name(kind: Any) -> None:
    with pytest.raises(ntipc.PathNotFound) as problem:
        kind(None)
    assert problem.value.winerror == 3
    with pytest.raises(TypeError):
        kind(5)


def test_mailslot_can_only_be_made_here() -> None:
    for name in r"\\*\mailslot\x", r"\\elsewhere\mailslot\x":
        with pytest.raises(ntipc.InvalidName):
            Mailslot(name)
    with pytest.raises(NotImplementedError):
        MailslotClient(r"\\elsewhere\mailslot\x")
    with pytest.raises(NotImplementedError):
        MailslotClient.open(r"\\*\mailslot\x")


def test_opening_a_missing_mailslot_fails() -> None:
    with pytest.raises(FileNotFoundError) as problem:
        MailslotClient("missing")
    assert problem.value.winerror == 2 and "missing" in str(problem.value)  # type: ignore[attr-defined]


def test_messages_of_many_writers_come_one_a_read_and_in_order(start_peer: Any) -> None:
    slot = Mailslot("m")
    code = "c = ntipc.MailslotClient('m')\nfor number in range(500): c.write(f'{os.getpid()} {number}'.encode(), None)"
    calls = {peer.pid: peer.begin(code) for peer in [start_peer() for _ in range(3)]}
    following = dict.fromkeys(calls, 0)
    for _ in range(1500):
        pid, number = map(int, slot.read(20).split())
        assert number == following[pid]
        following[pid] += 1
    for call in calls.values():
        call.result()


def test_reading_an_empty_mailslot_times_out() -> None:
    slot = Mailslot("m")
    for timeout in 0, 0.01:
        with pytest.raises(ntipc.Timeout) as problem:
            slot.read(timeout)
        assert problem.value.winerror == 121 and isinstance(problem.value, TimeoutError)
    for call in slot.receive, lambda timeout: slot.read_into(bytearray(0), timeout):
        with pytest.raises(ntipc.Timeout):
            call(0)


def test_read_timeout_holds_until_it_is_changed(peer: Peer) -> None:
    slot = Mailslot("m", read_timeout=0)
    with pytest.raises(ntipc.Timeout):
        slot.read()
    assert facts(slot)["read_timeout"] == 0
    slot.read_timeout = None
    thread = threading.Thread(target=lambda: got.append(slot.read()))
    got: list[bytes] = []
    thread.start()
    wait_for_waiters(slot, 1)
    peer.run("ntipc.MailslotClient('m').write(b'late')")
    thread.join(10)
    assert got == [b"late"]


def test_empty_message_counts() -> None:
    slot, client = Mailslot("m"), MailslotClient("m")
    assert client.write(b"") == 0 and client.write(b"x") == 1
    info = slot.info()
    assert (info["next_size"], info["count"], info["bytes"]) == (0, 2, 1)
    assert slot.read(0) == b"" and slot.info()["next_size"] == 1
    assert slot.read(0) == b"x" and slot.info()["next_size"] is None and slot.info()["count"] == 0


def test_longest_message_is_kept_to() -> None:
    slot, client = Mailslot("m", max_message=5), MailslotClient("m")
    assert client.write(b"12345") == 5
    for data in b"123456", [b"123", b"456"], memoryview(bytearray(6)):
        with pytest.raises(ntipc.InvalidParameter, match="6 bytes"):
            client.write(data)
    twin: MailslotClient = pickle.loads(pickle.dumps(client))
    with pytest.raises(ValueError, match="6 bytes"):
        twin.write(b"123456")
    assert slot.info()["max_message"] == 5 and slot.info()["count"] == 1


@pytest.mark.parametrize("options", [{"max_message": -1}, {"max_message": 2**30}, {"quota": 0}, {"quota": 2**41}])
def test_impossible_limits_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ntipc.InvalidParameter):
        Mailslot("m", **options)  # type: ignore[arg-type]
    assert look()["objects"] == []


def test_two_gibibytes_are_refused_in_words() -> None:
    slot, client = Mailslot("n"), MailslotClient("n")
    huge = memoryview(bytearray(1 << 20))
    with pytest.raises(ntipc.InvalidParameter, match="2,147,483,648|2147483648"):
        client.write([huge] * 2048)
    assert slot.info()["count"] == 0


def test_full_mailslot_tells_the_writer_and_loses_nothing_else() -> None:
    slot, client = Mailslot("m", quota=10), MailslotClient("m")
    client.write(b"12345678")
    with pytest.raises(ntipc.MailslotFull) as problem:
        client.write(b"abc")
    assert isinstance(problem.value, BlockingIOError) and isinstance(problem.value, ntipc.OutOfResources)
    with pytest.raises(ntipc.MailslotFull):
        client.write(b"abc", 0.01)
    assert slot.read(0) == b"12345678" and client.write(b"abc") == 3


def test_buffer_too_small_leaves_the_message() -> None:
    slot, client, buffer = Mailslot("m"), MailslotClient("m"), bytearray(3)
    client.write(b"four")
    with pytest.raises(ntipc.BufferTooSmall) as problem:
        slot.read_into(buffer, 0)
    assert problem.value.winerror == 122 and slot.info()["next_size"] == 4
    larger = bytearray(8)
    assert slot.read_into(larger, 0) == 4 and larger == b"four\0\0\0\0"


def test_each_side_refuses_what_the_other_does() -> None:
    slot, client = Mailslot("m"), MailslotClient("m")
    with pytest.raises(PermissionError):
        slot.write(b"x")
    with pytest.raises(PermissionError):
        client.read()


def test_closing_frees_the_name_and_tells_the_writers() -> None:
    slot, client = Mailslot("m"), MailslotClient("m")
    client.write(b"never read")
    slot.close()
    with pytest.raises(FileNotFoundError):
        MailslotClient("m")
    with pytest.raises(BrokenPipeError):
        client.write(b"x")
    again = Mailslot("m")
    with pytest.raises(ntipc.Timeout):
        again.read(0)
    with pytest.raises(BrokenPipeError):
        client.write(b"x")


def test_killed_reader_frees_the_name_and_tells_the_writers(peer: Peer) -> None:
    peer.run("slot = ntipc.Mailslot('m')")
    client = MailslotClient("m")
    client.write(b"x")
    peer.kill()
    wait_until(lambda: len(look()["processes"]) == 1)
    with pytest.raises(BrokenPipeError):
        client.write(b"y")
    assert Mailslot("m").created


def test_killed_writer_leaves_what_it_wrote(peer: Peer) -> None:
    slot = Mailslot("m")
    peer.run("client = ntipc.MailslotClient('m'); client.write(b'one'); client.write(b'two' * 1000)")
    peer.kill()
    wait_until(lambda: slot.info()["clients"] == 0)
    assert slot.read(0) == b"one" and slot.read(0) == b"two" * 1000
    with pytest.raises(ntipc.Timeout):
        slot.read(0)


def test_reader_without_clients_sees_no_end() -> None:
    slot = Mailslot("m")
    with MailslotClient("m") as client:
        client.write(b"x")
    assert slot.read(0) == b"x" and not slot.wait(0)
    with pytest.raises(ntipc.Timeout):
        slot.read(0)


def test_broadcast_finds_whoever_is_there(peer: Peer) -> None:
    everywhere = MailslotClient(r"\\*\mailslot\News")
    assert everywhere.write(b"nobody") == 6
    slot = Mailslot("news")
    assert everywhere.write(b"one") == 3 and slot.read(0) == b"one"
    slot.close()
    assert everywhere.write(b"nobody again") == 12
    peer.run("slot = ntipc.Mailslot('NEWS')")
    everywhere.write(b"two")
    assert peer.run("slot.read(0)") == b"two"
    arrived = pickle.loads(pickle.dumps(everywhere))
    arrived.write(b"three")
    assert peer.run("slot.read(0)") == b"three"
    assert not everywhere.closed and "News" in repr(everywhere)
    everywhere.close()
    assert everywhere.closed
    with pytest.raises(ntipc.HandleClosed):
        everywhere.write(b"x")


def test_mailslot_can_be_waited_for_beside_anything_else(peer: Peer) -> None:
    slot, event = Mailslot("m"), ntipc.Event()
    assert ntipc.wait_any([event, slot], 0) is None
    peer.run("ntipc.MailslotClient('m').write(b'x')")
    found = ntipc.wait_any([event, slot], 10)
    assert found is not None and found.object is slot and slot.read(0) == b"x"


def test_sender_is_told(peer: Peer) -> None:
    slot = Mailslot("m")
    peer.run("ntipc.MailslotClient('m').write(b'mine')")
    message = slot.receive(10)
    assert (message.data, message.pid) == (b"mine", peer.pid)


def test_for_takes_messages() -> None:
    slot, client = Mailslot("m"), MailslotClient("m")
    for each in b"a", b"b":
        client.write(each)
    messages = iter(slot)
    assert [next(messages), next(messages)] == [b"a", b"b"]


def test_mailslot_lives_on_with_its_duplicates_and_pickles(peer: Peer) -> None:
    slot, client = Mailslot("M"), MailslotClient("m")
    twin = slot.duplicate()
    data = pickle.dumps(slot)
    slot.close()
    client.write(b"one")
    assert twin.read(0) == b"one" and twin.name == "M" and not twin.created
    twin.close()
    peer.run(f"import pickle; slot = pickle.loads({data!r})")
    client.write(b"two")
    assert peer.run("slot.read(10), slot.name") == (b"two", "M")
    peer.run("slot.close()")
    with pytest.raises(BrokenPipeError):
        client.write(b"three")


def test_mailslot_can_be_given_to_a_running_process(peer: Peer) -> None:
    slot, client = Mailslot("m"), MailslotClient("m")
    peer.run("ntipc.Session()")
    handle = slot.duplicate(peer.pid)
    peer.run(f"slot = ntipc.Mailslot.from_handle({handle})")
    slot.close()
    client.write(b"x")
    client.close()
    assert peer.run("slot.read(10)") == b"x"
    assert peer.run("slot.wait(0)") is False, "no client is no end of the stream there either"


def test_child_of_a_fork_may_write() -> None:
    slot, client = Mailslot("m"), MailslotClient("m")
    child = os.fork()
    if child == 0:
        client.write(b"from the child")
        os._exit(0)
    assert slot.read(20) == b"from the child"
    os.waitpid(child, 0)


def test_info_and_repr(peer: Peer) -> None:
    slot = Mailslot("m", quota=99, max_message=7)
    peer.run("client = ntipc.MailslotClient('m'); client.write(b'seven..')")
    info = facts(slot)
    assert (info["kind"], info["name"], info["clients"], info["quota"], info["bytes"]) == ("Mailslot", "m", 1, 99, 7)
    assert "Mailslot 'm'" in repr(slot) and "messages=1" in repr(slot)
    assert "MailslotClient 'm'" in repr(MailslotClient("m"))
    slot.close()
    with pytest.raises(ntipc.HandleClosed):
        slot.info()
    assert "closed" in repr(slot)


def test_dropped_mailslots_leave_nothing() -> None:
    for number in range(200):
        slot = Mailslot(f"m{number}")
        MailslotClient(f"M{number}").write(b"x" * 3000)
        del slot
    gc.collect()
    assert look()["objects"] == [] and ntipc.examine()["findings"] == []


@pytest.mark.parametrize("name", [r"Local\x", r"Global\x", r"\\.\mailslot\x"])
def test_broadcast_goes_to_the_name_as_it_stands(name: str) -> None:
    with Mailslot("x") as other, Mailslot(rf"\\.\mailslot\{name}") as slot:
        with MailslotClient(rf"\\*\mailslot\{name}") as client:
            client.write(b"news")
        assert slot.read(timeout=0) == b"news"
        assert facts(other)["count"] == 0


@pytest.mark.parametrize(("wrong", "refusal"), [(float("nan"), ValueError), ("5", TypeError), (b"", TypeError)])
def test_read_timeout_that_is_no_time_is_refused(wrong: Any, refusal: type[Exception]) -> None:
    with pytest.raises(refusal, match="timeout must be a number of seconds or None"):
        Mailslot("m", read_timeout=wrong)
    with Mailslot("m", read_timeout=3) as slot:
        with pytest.raises(refusal, match="timeout must be a number of seconds or None"):
            slot.read_timeout = wrong
        assert slot.read_timeout == 3


def test_client_of_every_mailslot_has_no_handle_to_one() -> None:
    with MailslotClient(r"\\*\mailslot\m") as anybody, Mailslot("m") as slot:
        anybody.write(b"x")
        for call in lambda: anybody.handle, anybody.info, lambda: anybody.wait(0):
            with pytest.raises(ntipc.NotSupported, match="every mailslot"):
                call()
        assert slot.read(0) == b"x"
    with pytest.raises(ntipc.HandleClosed):
        anybody.wait(0)


def test_full_or_existing_mailslot_is_told_in_words_of_its_own() -> None:
    slot, client = Mailslot("m", quota=1), MailslotClient("m")
    client.write(b"x")
    with pytest.raises(ntipc.MailslotFull, match="mailslot is full"):
        client.write(b"x")
    with pytest.raises(ntipc.ObjectExists, match="its reader makes"):
        Mailslot("m")
    assert slot.read(0) == b"x"
