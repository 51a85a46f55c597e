"""Global atoms and registered messages: one number for a text in all processes, as long as the session lives."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from harness.peers import Peer

import ntipc
from ntipc import (
    global_add_atom,
    global_atom_name,
    global_delete_atom,
    global_find_atom,
    register_window_message,
)


def test_registered_message_has_one_number_in_every_process_whatever_its_case(peer: Peer) -> None:
    """MS-32, MS-150."""
    number = register_window_message("Reload All")
    assert 0xC000 <= number <= 0xFFFF
    assert register_window_message("RELOAD ALL") == number != register_window_message("Reload")
    assert peer.run("import ntipc; ntipc.register_window_message('reload all')") == number
    other = peer.run("ntipc.register_window_message('of the peer')")
    peer.kill()
    assert register_window_message("Of The Peer") == other


def test_registered_messages_and_atoms_outlive_all_who_made_them(start_peer: Any) -> None:
    """MS-150, MS-154: this process has not touched them when the first one ends."""
    first, second = start_peer(), start_peer()
    made = first.run("import ntipc; ntipc.register_window_message('lasting'), ntipc.global_add_atom('Kept')")
    first.kill()
    assert second.run("import ntipc; ntipc.register_window_message('Lasting'), ntipc.global_add_atom('kept')") == made
    second.kill()
    assert (register_window_message("LASTING"), global_find_atom("KEPT")) == made
    assert global_atom_name(made[1]) == "Kept"
    global_delete_atom(made[1])
    assert global_find_atom("kept") == made[1], "it was counted twice"
    global_delete_atom(made[1])
    assert not global_find_atom("kept")


def test_atoms_are_counted() -> None:
    """MS-152, MS-153."""
    atom = global_add_atom("Topic")
    assert atom >= 0xC000 and global_add_atom("TOPIC") == atom
    global_delete_atom(atom)
    assert global_find_atom("topic") == atom
    global_delete_atom(atom)
    assert global_find_atom("topic") == 0
    for call in global_atom_name, global_delete_atom:
        with pytest.raises(ntipc.HandleClosed, match="no such atom") as problem:
            call(atom)
        assert problem.value.winerror == 6
    assert global_add_atom("other") == atom, "its place is free"


@pytest.mark.parametrize(("name", "atom"), [("#1", 1), ("#0012", 12), ("#49151", 0xBFFF), (77, 77)])
def test_numbers_are_their_own_atoms(name: str | int, atom: int) -> None:
    """MS-155."""
    assert global_add_atom(name) == global_find_atom(name) == atom
    assert global_atom_name(atom) == f"#{atom}"
    global_delete_atom(atom)
    global_delete_atom(atom)


@pytest.mark.parametrize("name", ["", "x" * 256, "\ud800", "#0", "#49152", "#" + "9" * 5000, 0, -1, 0xC000])
def test_impossible_names_are_refused(name: Any) -> None:
    for call in global_add_atom, global_find_atom:
        with pytest.raises(ntipc.InvalidParameter) as problem:
            call(name)
        assert problem.value.winerror == 87
    if isinstance(name, str) and not name.startswith("#"):
        with pytest.raises(ntipc.InvalidParameter):
            register_window_message(name)


@pytest.mark.parametrize("name", [None, 1.5, b"bytes"])
def test_what_is_no_text_is_refused(name: Any) -> None:
    for call in (global_add_atom, global_find_atom, register_window_message):
        with pytest.raises(TypeError):
            call(name)


@pytest.mark.parametrize("name", ["x" * 255, "ü" * 255, "\U0001f600" * 255, "#12a", "# 1", "#", "a\0b", "ß"])
def test_texts_of_any_kind_are_kept(name: str) -> None:
    assert global_atom_name(global_add_atom(name)) == name
    assert register_window_message(name) == register_window_message(name.upper())


def test_atoms_and_messages_are_two_tables_and_each_session_has_its_own() -> None:
    number = register_window_message("name")
    assert not global_find_atom("name")
    with ntipc.Session("another") as session:
        assert not global_find_atom("name", session=session)
        assert register_window_message("something else", session=session) == number
    with ntipc.Session("another") as session:
        assert register_window_message("again new", session=session) == number


def test_full_table_takes_no_new_text_and_knows_the_old_ones(session: ntipc.Session) -> None:
    """MS-151."""
    register_window_message("first")
    with open(Path(session.path) / "messages", "r+b") as file:
        slot = file.read()
        for place in range(1, 16384):
            text = b"text %d" % place
            file.write(slot[:4] + len(text).to_bytes(2, "little") + bytes(2) + text.ljust(1024, b"\0"))
    assert register_window_message("TEXT 16383") == 0xFFFF
    assert register_window_message("First") == 0xC000
    with pytest.raises(MemoryError) as problem:
        register_window_message("one more")
    assert problem.value.winerror == 8  # type: ignore[attr-defined]


def test_damaged_table_harms_nobody(session: ntipc.Session) -> None:
    atom = global_add_atom("fine")
    with open(Path(session.path) / "atoms", "r+b") as file:
        file.seek(1032)
        file.write(b"\xff" * 1032 + os.urandom(700))
    assert global_find_atom("fine") == atom and not global_find_atom("else")
    assert global_add_atom("else") > atom
    assert isinstance(global_atom_name(atom + 1), str)


def test_full_file_system_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    global_add_atom("before")

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(ntipc.OutOfResources) as problem:
        global_add_atom("one more")
    assert problem.value.winerror == 112
    monkeypatch.undo()
    assert not global_find_atom("one more")


def test_many_processes_add_at_once(start_peer: Any) -> None:
    peers = [start_peer() for _ in range(3)]
    code = "import ntipc; [ntipc.global_add_atom(f'text {n % 40}') for n in range(120)]"
    results = [call.result() for call in [peer.begin(code) for peer in peers]]
    assert results[0] == results[1] == results[2] and len(set(results[0])) == 40
    for _ in range(9):
        global_delete_atom(results[0][0])
    assert not global_find_atom("text 0")
