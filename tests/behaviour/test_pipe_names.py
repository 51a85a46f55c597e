r"""Names of pipes and mailslots: prefixes, case, and what is refused."""

import os

import pytest

import ntipc
from ntipc.objects.devices import EVERYWHERE, HERE, Location, locate_mailslot, locate_pipe

LOCATE = {"pipe": locate_pipe, "mailslot": locate_mailslot}
devices = pytest.mark.parametrize("device", LOCATE)


@devices
@pytest.mark.parametrize(
    "spelling",
    [
        "Orders",
        r"Local\Orders",
        r"\\.\{}\Orders",
        r"\\.\{}\oRDERS",
        r"\\?\{}\Orders",
        r"\\localhost\{}\orders",
        r"\??\{}\orders",
    ],
)
def test_spellings_of_one_name_are_one_key(device: str, spelling: str) -> None:
    for prefix in device, device.upper(), device.title():
        location = LOCATE[device](spelling.format(prefix))
        assert location.key == f"{device}\\orders" and location.host == HERE and not location.machine_wide


@pytest.mark.parametrize(("device", "native"), [("pipe", "NamedPipe"), ("mailslot", "Mailslot")])
def test_native_paths_name_the_same(device: str, native: str) -> None:
    assert LOCATE[device](rf"\Device\{native}\a\b") == Location(HERE, False, r"a\b", rf"{device}\a\b")


@devices
def test_this_machine_by_its_own_name_is_here(device: str) -> None:
    assert LOCATE[device](rf"\\{os.uname().nodename.upper()}\{device}\x").host == HERE


@devices
def test_another_machine_is_told_by_its_name(device: str) -> None:
    assert LOCATE[device](rf"\\elsewhere\{device}\x") == Location("elsewhere", False, "x", rf"{device}\x")


def test_every_machine_can_have_a_mailslot_and_no_pipe() -> None:
    assert locate_mailslot(r"\\*\mailslot\x").host == EVERYWHERE
    with pytest.raises(ntipc.InvalidName):
        locate_pipe(r"\\*\pipe\x")


@devices
def test_a_name_of_the_machine_wide_session_says_so(device: str) -> None:
    location = LOCATE[device](r"Global\x")
    assert location.machine_wide and location.name == "x"
    assert not LOCATE[device](rf"\\.\{device}\Global\x").machine_wide


@devices
@pytest.mark.parametrize("rest", ["a<b>*?|\"'", "sub\\path", "trailing\\", "ä", "İ", "a" * 30_000])
def test_what_follows_the_prefix_may_be_anything(device: str, rest: str) -> None:
    assert LOCATE[device](rf"\\.\{device}" + "\\" + rest).name == rest


def test_case_is_folded_a_character_at_a_time() -> None:
    assert locate_pipe("ÄÖ").key == locate_pipe("äö").key
    assert locate_pipe("ß").key != locate_pipe("ss").key


@devices
@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "Local\\",
        "Global\\",
        r"\\.",
        "\\\\.\\",
        "\\\\.\\{0}\\",
        r"\\.\{0}",
        r"\\.\{0}s\x",
        r"\\\{0}\x",
        r"\{0}\x",
        r"\BaseNamedObjects\x",
        "\\??\\{0}\\",
        "a\0b",
        "\ud800",
        "a" * 40_000,
    ],
)
def test_other_prefixes_and_impossible_names_are_refused(device: str, wrong: str) -> None:
    with pytest.raises(ntipc.InvalidName) as refusal:
        LOCATE[device](wrong.format(device))
    assert refusal.value.winerror == 123 and device in str(refusal.value)


def test_the_name_of_the_other_kind_is_refused() -> None:
    with pytest.raises(ntipc.InvalidName):
        locate_pipe(r"\\.\mailslot\x")
    with pytest.raises(ntipc.InvalidName):
        locate_mailslot(r"\\.\pipe\x")


@devices
def test_no_name_is_a_path_that_does_not_exist(device: str) -> None:
    with pytest.raises(ntipc.PathNotFound) as refusal:
        LOCATE[device](None)  # type: ignore[arg-type]
    assert refusal.value.winerror == 3


@devices
@pytest.mark.parametrize("wrong", [b"x", 7, ["x"]])
def test_a_name_that_is_no_text_is_a_type_error(device: str, wrong: object) -> None:
    with pytest.raises(TypeError):
        LOCATE[device](wrong)  # type: ignore[arg-type]
