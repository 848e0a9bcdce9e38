"""Between C and Python: errors become codes, exceptions none of a program's business, handles numbers.

It can be imported in a program that uses the C libraries, and nowhere else.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from itertools import count
from types import TracebackType
from typing import Any, Final, Generic, TypeAlias, TypeVar

from _openais_c import ffi, lib

from openais.client.versions import VersionDatabase
from openais.messages.frame import FRAME_MAX
from openais.types import (
    NAME_LENGTH_MAX,
    TIME_END,
    AisError,
    BadHandle,
    ErrorCode,
    InvalidParam,
    NoMemory,
    TooBig,
    Version,
    VersionError,
)

Pointer: TypeAlias = Any
"""A pointer or a structure of C."""

T = TypeVar("T")
Function = TypeVar("Function", bound=Callable[..., None])

NULL: Final = ffi.NULL
OK: Final = int(ErrorCode.OK)
_numbers: Final = count(1)
"""One count for all kinds of handles, and no number twice."""


def exported(function: Function) -> Function:
    """Makes `function` what the C function of its name does; its result is OK, or the code of the AisError raised."""

    def call(*arguments: Any) -> int:
        try:
            function(*arguments)
        except AisError as error:
            return int(error.code)
        return OK

    options = {"name": f"openais_{function.__name__}", "error": int(ErrorCode.LIBRARY), "onerror": _unforeseen}
    ffi.def_extern(**options)(call)
    return function


def _unforeseen(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> int:
    """A mistake of ours is told on standard error, and the program gets an error."""
    if isinstance(error, MemoryError):
        return int(ErrorCode.NO_MEMORY)
    traceback.print_exception(kind, error, trace, file=sys.stderr)
    return int(ErrorCode.LIBRARY)


class Handles(Generic[T]):
    """What stands behind the handles of one kind. After a fork the child has none."""

    def __init__(self) -> None:
        self._instances: dict[int, T] = {}
        os.register_at_fork(after_in_child=self._instances.clear)

    def add(self, instance: T) -> int:
        """A new handle."""
        handle = next(_numbers)
        self._instances[handle] = instance
        return handle

    def get(self, handle: int) -> T:
        """What stands behind a handle. Raises BadHandle."""
        try:
            return self._instances[handle]
        except KeyError:
            raise BadHandle(f"handle {handle}") from None

    def remove(self, handle: int) -> T:
        """Makes a handle invalid and gives what stood behind it. Raises BadHandle."""
        try:
            return self._instances.pop(handle)
        except KeyError:
            raise BadHandle(f"handle {handle}") from None

    def remove_where(self, gone: Callable[[T], bool]) -> list[T]:
        """Makes those handles invalid for whose instances `gone` says so, and gives these."""
        found = [handle for handle, instance in list(self._instances.items()) if gone(instance)]
        popped = (self._instances.pop(handle, None) for handle in found)
        return [instance for instance in popped if instance is not None]

    def __iter__(self) -> Iterator[T]:
        return iter(list(self._instances.values()))


def given(*pointers: Pointer) -> None:
    """Raises InvalidParam when one of the pointers is NULL."""
    if NULL in pointers:
        raise InvalidParam("a pointer is NULL")


def negotiate(database: VersionDatabase, version: Pointer) -> Version:
    """The version that is asked for; the one in force, or the nearest, is written in its place. Raises VersionError."""
    given(version)
    asked = Version(chr(version.releaseCode), version.majorVersion, version.minorVersion)
    known = asked.release.isascii() and asked.release.isalpha()
    nearest = database.nearest(asked if known else asked._replace(release="Z"))
    version.releaseCode, version.majorVersion, version.minorVersion = ord(nearest.release), *nearest[1:]
    if not known:
        raise VersionError(f"version {asked} is not supported")
    return database.verify(asked)


def seconds_of(time: int) -> float:
    """A timeout in seconds. Raises InvalidParam."""
    if time < 0:
        raise InvalidParam(f"a timeout of {time} ns")
    return float("inf") if time == TIME_END else time / 1e9


def text_of(name: Pointer) -> str:
    """The text in an SaNameT. Raises InvalidParam when it is too long, or not UTF-8."""
    given(name)
    if name.length > NAME_LENGTH_MAX:
        raise InvalidParam(f"a name of {name.length} bytes, at most {NAME_LENGTH_MAX}")
    return decoded(bytes(ffi.buffer(name.value, name.length)))


def bytes_of(memory: Pointer, size: int, size_max: int = FRAME_MAX) -> bytes:
    """A copy of `size` bytes of memory. Raises InvalidParam when there are some and `memory` is NULL, TooBig."""
    if size == 0:
        return b""
    given(memory)
    if size > size_max:
        raise TooBig(f"{size} bytes, at most {size_max}")
    return bytes(ffi.buffer(ffi.cast("char *", memory), size))


def decoded(text: bytes) -> str:
    """`text`, which is UTF-8. Raises InvalidParam when it is not."""
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise InvalidParam(f"a name that is not UTF-8: {error}") from None


def set_name(name: Pointer, text: str) -> None:
    """Writes `text` into an SaNameT, with a NUL behind it where there is room."""
    encoded = text.encode()[:NAME_LENGTH_MAX]
    name.length = len(encoded)
    ffi.memmove(name.value, encoded + b"\0" * (len(encoded) < NAME_LENGTH_MAX), min(len(encoded) + 1, NAME_LENGTH_MAX))


def clear(structures: Pointer, count: int = 1) -> None:
    """Fills structures with zeros, between their fields too."""
    size = ffi.sizeof(ffi.typeof(structures).item) * count
    ffi.memmove(structures, bytes(size), size)


def allocate(kind: str, size: int, items: int = 1) -> Pointer:
    """Memory for `items` of a type of `size` bytes, which the program frees. Raises NoMemory."""
    memory = lib.malloc(max(1, size * items))
    if memory == NULL:
        raise NoMemory(f"{items} of {kind}")
    return ffi.cast(f"{kind} *", memory)


def release(memory: Pointer) -> None:
    """Frees what `allocate` gave."""
    lib.free(memory)
