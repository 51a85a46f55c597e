"""Sections, views and the numbers in them, for `_kernel.pyi`."""

from collections.abc import Mapping
from typing import Any, Self, final

from ntipc._kernel_objects import Object, Session

class Section(Object):
    def _bind(
        self,
        session: Session,
        name: str | None,
        disposition: int,
        access: int,
        size: int = 0,
        protection: str = "rw",
        reserve: bool = False,
        file: tuple[str, int, int] | None = None,
    ) -> None: ...
    @property
    def size(self) -> int: ...
    @property
    def protection(self) -> str: ...
    def _map_view(
        self, cls: type[View], offset: int, size: int | None, access: str | None, rounded: bool = False
    ) -> View: ...
    def _open_descriptor(self, writable: bool) -> int: ...

class View:
    """Mapped memory with the buffer protocol. Subclassed by :class:`ntipc.View`."""

    def __new__(cls, *args: object, **kwargs: object) -> Self: ...
    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def __release_buffer__(self, buffer: memoryview, /) -> None: ...
    @property
    def access(self) -> str: ...
    @property
    def readonly(self) -> bool: ...
    @property
    def closed(self) -> bool: ...
    @property
    def address(self) -> int: ...
    def flush(self, offset: int = 0, size: int | None = None) -> None: ...
    def _take_space(self, offset: int, size: int) -> None:
        """Take memory for a part now, so that it is an error here if there is none."""

    def _give_back_space(self, offset: int, size: int) -> None:
        """Give the memory of a part back, in whole pages; it reads as 0 from then on."""

    def unmap(self) -> None: ...

@final
class Cells:
    """Numbers of a record in a view, each read and changed in one step. While it lives, the view cannot be unmapped."""

    def __new__(cls, view: View, base: int, places: Mapping[str, tuple[int, str, int]], title: str) -> Self:
        """``places``: by name the offset behind ``base``, the letter of ``struct``, and how many there are."""

    def get(self, field: str, index: int = 0) -> Any: ...
    def set(self, field: str, value: object, index: int = 0) -> None: ...
    def add(self, field: str, n: object, index: int = 0) -> Any:
        """Add; what it was before."""

    def exchange(self, field: str, value: object, index: int = 0) -> Any:
        """Store; what it was before."""

    def compare_exchange(self, field: str, expected: object, new: object, index: int = 0) -> bool:
        """Store ``new`` if it is ``expected``; whether it was."""
