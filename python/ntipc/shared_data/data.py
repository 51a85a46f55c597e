"""Shared data: variables that all processes with the class have in common.

>>> import ntipc
>>> class Board(ntipc.SharedData, name="board"):
...     visits: ntipc.Shared[int]
...     title: ntipc.Shared[str, 40] = "nobody yet"
>>> board = Board()
>>> board.add("visits", 1)
0
>>> with board.lock("title"):
...     board.title = "somebody"
>>> board
<Board 'board' visits=1, title='somebody'>
"""

from __future__ import annotations

import os
import sys
import weakref
from types import TracebackType
from typing import Any, ClassVar, Self

from ntipc.errors import Status, from_status
from ntipc.session.names import parse
from ntipc.session.session import Session, before_leaving
from ntipc.shared_data.block import LOCK, Block, adopt
from ntipc.shared_data.ground import Ground
from ntipc.shared_data.layout import Layout
from ntipc.shared_data.locks import DataLock
from ntipc.shared_data.records import Record
from ntipc.sync import Mutex


class SharedData(Record):
    """Fields that are one set for all processes of a session that have the class.

    A class derives from it and declares fields: ``hits: Shared[int]``, ``title: Shared[str, 40] = "nothing"``. The
    first process that makes an instance gives the fields their first values, once, also if it is killed in the middle;
    every other one finds what is there. The data goes with the last process that has an instance, kills included.

    Reading or writing an int, float or bool is one step, as is a whole text. ``board.hits += 1`` is two, and two
    processes may lose a step: that is ``board.add("hits", 1)``. What belongs together is changed under ``board.lock``.

    Class arguments:
        name: Name of the data, as names of objects are; without it the module's and the class's. Of the program that
            was started, which has no name as a module, it is the path of its file.

    Args:
        session: The session, or its name; ``None`` for the default one.
        initial: First values of fields, in place of those of the class, if this instance makes the data.

    Raises:
        ObjectTypeMismatch: The name belongs to data with other fields; the message names the first that differs.
        InvalidName: The name cannot be one.
        OutOfResources: There is no memory for it.
        SessionDamaged: What lies there is no shared data.

    Source:
        data_seg and /SECTION:name,RWS of Microsoft's compiler and linker (variables shared by all users of a DLL).
    """

    _data_name: ClassVar[str]

    def __init_subclass__(cls, *, name: str | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        if name is not None and not parse(name)[1]:
            raise from_status(Status.OBJECT_NAME_INVALID, cls.__name__, detail="a name is needed, or none at all")
        cls._data_name = _default_name(cls) if name is None else name

    def __init__(self, *, session: Session | str | None = None, **initial: Any) -> None:
        if type(self) is SharedData:
            raise TypeError("SharedData has no fields: derive a class from it")
        for name, value in initial.items():
            if name not in self._fields:
                raise TypeError(f"{type(self).__name__} has no field {name!r}")
            self._fields[name]._kind.check(value)
        self._locks: dict[str, Mutex] = {}
        layout = _with_locks(self._layout, self._groups())

        def fill(block: Block) -> None:
            self._use(block, layout)
            self._fill(initial)

        self._use(Block(self._data_name, session, layout, fill), layout)

    def _use(self, block: Block, layout: Layout) -> None:
        self._block = block
        self._ground = Ground(block.view, block.base, layout, block.mutex, block.subject)
        self.__dict__["add"] = self._ground.cells.add  # without a function of Python in between
        _open.add(self)

    @classmethod
    def _taken_names(cls) -> frozenset[str]:
        return frozenset(dir(SharedData))

    @classmethod
    def _groups(cls) -> list[str]:
        """Names of the locks."""
        return list(dict.fromkeys(field.group or name for name, field in cls._fields.items()))

    def lock(self, field: str, timeout: float | None = None) -> DataLock:
        """Own the lock of a field, or of its group, for a ``with`` block.

        Nothing but this keeps others from the field: all that change it in several steps have to take its lock. The
        thread that has it may take it again.

        Args:
            field: The field's name.
            timeout: Seconds to wait; ``None`` to wait for ever.

        Returns:
            What the ``with`` statement enters, once. ``as`` gives whether the last holder died inside, so that the
            fields may be half changed.

        Raises:
            AttributeError: There is no such field.
            Timeout: Somebody else had it all that time; raised on entering.
            HandleClosed: The data is closed.

        >>> import ntipc
        >>> class Pair(ntipc.SharedData, name="pair"):
        ...     low: ntipc.Shared[int] = ntipc.Shared(group="both")
        ...     high: ntipc.Shared[int] = ntipc.Shared(group="both")
        >>> pair = Pair()
        >>> with pair.lock("low") as abandoned:
        ...     pair.low, pair.high = 1, 2
        >>> abandoned
        False
        """
        if field not in self._fields:
            raise AttributeError(f"{type(self).__name__} has no field {field!r}")
        group = self._fields[field].group or field
        return DataLock(lambda: self._lock_mutex(group), self._ground.cells, _lock_word(group), timeout, self._subject)

    def _lock_mutex(self, group: str) -> Mutex:
        block = self._opened()
        mutex = self._locks.get(group)
        if mutex is None:
            mutex = self._locks.setdefault(group, block.open_mutex(f"{LOCK}{block.key}\\{group}"))
        return mutex

    @property
    def name(self) -> str:
        """The name of the data."""
        return self._data_name

    @property
    def created(self) -> bool:
        """Whether this instance made the data."""
        return self._opened().created

    @property
    def session(self) -> Session:
        """The session that the data is in."""
        return self._opened().section.session

    @property
    def closed(self) -> bool:
        """Whether this instance is closed."""
        return "_block" not in vars(self)

    def close(self) -> None:
        """Let go of the data; it goes with the last instance of any process. Closing again does nothing.

        Arrays and records that are still referenced keep the memory, but nobody who comes later sees it.
        """
        block = vars(self).pop("_block", None)
        for name in "_ground", "add":
            vars(self).pop(name, None)
        if block is not None:
            block.close()
        for mutex in self._locks.values():
            mutex.close()
        self._locks.clear()

    @property
    def _subject(self) -> str:
        return self._opened().subject

    def _opened(self) -> Block:
        block = vars(self).get("_block")
        if block is None:
            raise self._closed_error()
        return block  # type: ignore[no-any-return]

    def _closed_error(self) -> Exception:
        subject = f"shared data {self._data_name!r}"
        return from_status(Status.INVALID_HANDLE, type(self).__name__, subject, "it is closed")

    def __getattr__(self, name: str) -> Any:
        """Say, instead of that an attribute is missing, that it went when the data was closed."""
        if name == "_ground":
            raise self._closed_error()
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    def __enter__(self) -> Self:
        self._opened()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        label = f"<{type(self).__name__} {self._data_name!r}"
        if self.closed:
            return f"{label} closed>"
        try:
            return f"{label} {self._shown()}>"
        except Exception:  # a repr never raises: it may be closed meanwhile, or hold what is no text
            return f"{label}>"

    def __reduce__(self) -> tuple[Any, ...]:
        block = self._opened()
        return _arrive, (type(self), block.name, block.key, block.section, block.mutex)


def _arrive(kind: type[SharedData], name: str, key: str, section: Any, mutex: Mutex) -> SharedData:
    """Make an instance of handles that were in flight."""
    self = kind.__new__(kind)
    self._locks = {}
    layout = _with_locks(kind._layout, kind._groups())
    self._use(adopt(name, key, section, mutex, layout), layout)
    return self


def _lock_word(group: str) -> str:
    """The name, among the numbers of the data, of the word behind a lock: no field's."""
    return f"lock {group}"


def _with_locks(layout: Layout, groups: list[str]) -> Layout:
    """Add to a layout the words of its locks, behind the fields."""
    whole = Layout(layout.kinds)
    whole.places |= {_lock_word(group): (layout.size + 8 * number, "Q", 1) for number, group in enumerate(groups)}
    whole.size += 8 * len(groups)
    return whole


def _default_name(cls: type) -> str:
    """Return the name of data whose class gives none."""
    module = cls.__module__
    if module in ("__main__", "__mp_main__"):
        main = sys.modules.get(module)
        spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
        module = spec.name if spec is not None else os.path.realpath(file) if file else "__main__"
    return f"{module}.{cls.__qualname__}".replace("\\", "/")


_open: weakref.WeakSet[SharedData] = weakref.WeakSet()


@before_leaving
def _close_those_of(path: str) -> None:
    """Close what a process has in a session that it leaves: what it would go on changing, nobody else would see."""
    for data in list(_open):
        block = vars(data).get("_block")
        if block is not None and block.section._session_path == path:
            data.close()
