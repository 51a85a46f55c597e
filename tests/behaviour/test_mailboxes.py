"""Mailboxes: typed messages, told and asked, between threads and processes."""

import dataclasses
import logging
import pickle
from typing import Any

import msgspec
import pytest
from harness.peers import Peer
from harness.waiting import wait_until

import ntipc
from ntipc import Mailbox, mailbox, on


@dataclasses.dataclass
class Deposit:
    amount: int


class Balance(msgspec.Struct):
    """Asks for what is there."""


@dataclasses.dataclass
class Total:
    amount: int
    words: list[str]


@dataclasses.dataclass
class Via:
    other: str


class Account(Mailbox):
    balance = 0

    @on(Deposit)
    def deposit(self, message: Deposit) -> int:
        if message.amount < 0:
            raise ValueError("nothing is taken out")
        self.balance += message.amount
        return self.balance

    @on(Balance)
    def total(self, message: Balance) -> Total:
        return Total(self.balance, ["ok"])


class Asking(Account):
    @on(Via)
    def ask_another(self, message: Via) -> Any:
        return mailbox(message.other).ask(Deposit(1), timeout=10)


def test_tell_and_ask_in_order() -> None:
    with Account("savings") as account:
        address = mailbox("Savings")
        assert address == account.address and hash(address) == hash(account.address) and address.is_alive
        for amount in 1, 2, 3:
            address.tell(Deposit(amount))
        assert address.ask(Deposit(4)) == 10
        assert address.ask(Balance(), result=Total) == Total(10, ["ok"])
        assert address.ask(Balance()) == {"amount": 10, "words": ["ok"]}
    assert not address.is_alive
    for call in address.tell, address.ask:
        with pytest.raises(LookupError):
            call(Deposit(1))


def test_mailbox_of_another_process_and_its_death(peer: Peer) -> None:
    peer.run(
        "import sys; sys.path.insert(0, 'tests/behaviour')\n"
        "import dataclasses, os, ntipc\n"
        "@dataclasses.dataclass\nclass Deposit:\n    amount: int\n"
        "class Account(ntipc.Mailbox):\n"
        "    @ntipc.on(Deposit)\n"
        "    def deposit(self, message):\n"
        "        if message.amount == 0: os._exit(1)\n"
        "        return [message.amount, os.getpid()]\n"
        "account = Account('elsewhere'); account.start()\n"
    )
    address = mailbox("elsewhere", timeout=10)
    assert address.ask(Deposit(5)) == [5, peer.pid]
    assert pickle.loads(pickle.dumps(address)) == address
    with pytest.raises(ntipc.ReplyLost):
        address.ask(Deposit(0))
    wait_until(lambda: not address.is_alive)
    with pytest.raises(ntipc.ObjectNotFound):
        mailbox("elsewhere")
    with pytest.raises(ntipc.Timeout):
        mailbox("elsewhere", timeout=0.01)


def test_errors_of_methods_types_and_answers(caplog: pytest.LogCaptureFixture) -> None:
    @dataclasses.dataclass
    class Unknown:
        x: int

    with Account("account"), caplog.at_level(logging.ERROR):
        address = mailbox("account")
        with pytest.raises(ntipc.NtError, match="ValueError: nothing is taken out"):
            address.ask(Deposit(-1))
        with pytest.raises(ntipc.NtError, match="takes no Unknown; it takes Balance, Deposit"):
            address.ask(Unknown(1))
        with pytest.raises(ntipc.NtError, match="ValidationError"):
            address.ask(Deposit("many"))  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="Expected"):
            address.ask(Balance(), result=int)
        for message in 5, "text", Deposit, None:
            with pytest.raises(TypeError):
                address.tell(message)
        address.tell(Deposit(-1))
        assert address.ask(Deposit(3)) == 3, "it goes on"
    for kind in int, 5, "x":
        with pytest.raises(TypeError):
            on(kind)  # type: ignore[arg-type]


def test_one_mailbox_has_a_name() -> None:
    with Account("taken"):
        with pytest.raises(FileExistsError):
            Account("taken").start()
        with Account() as nameless:
            assert nameless.address.ask(Deposit(2)) == 2
    with Account("taken") as again:
        assert again.address.ask(Deposit(1)) == 1
    with pytest.raises(ntipc.NtError, match="does not run"):
        again.address  # noqa: B018


def test_mailboxes_that_ask_each_other_do_not_hang() -> None:
    with Asking("one") as one, Asking("two") as two:
        assert one.address.ask(Via("two"), timeout=10) == 1
        assert two.address.ask(Via("two"), timeout=10) == 2, "itself"


def test_start_and_stop_hooks_run_in_its_thread_and_a_failure_to_start_is_told() -> None:
    told: list[str] = []

    class Hooked(Mailbox):
        def on_start(self) -> None:
            told.append("start")

        def on_stop(self) -> None:
            told.append("stop")

    with Hooked():
        assert told == ["start"]
    assert told == ["start", "stop"]

    class Broken(Mailbox):
        def on_start(self) -> None:
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        Broken("broken").start()
    with Account("broken"):
        pass


def test_long_messages_arrive_and_time_limits_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclasses.dataclass
    class Blob:
        data: bytes

    class Counter(Mailbox):
        @on(Blob)
        def count(self, message: Blob) -> bytes:
            return message.data[::-1]

    with Counter("counter") as counter:
        data = bytes(range(256)) * 5000
        assert counter.address.ask(Blob(data), result=bytes) == data[::-1]
        monkeypatch.setattr("ntipc.window_messages.sends.LONGEST_IN_LINE", 1000)
        assert counter.address.ask(Blob(data), result=bytes) == data[::-1]
        with pytest.raises(ntipc.Timeout):
            counter.address.ask(Blob(b""), timeout=0)
