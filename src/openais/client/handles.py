"""The handle database: the instances behind the handles that a library gave out.

A handle is a number that the library gives to the application; behind it stands an instance, with a count of the
references to it. Every call takes a reference for as long as it runs (`get` and `put`, or `instance`). `destroy` ends
the access by the handle at once; the destructor runs when the last reference is put, so that no thread sees an
instance that was taken down while it used it.

A handle belongs to the process that it was given to: a child that was forked has none of those of its parent.
"""

from __future__ import annotations

import itertools
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Generic, NewType, TypeVar

from openais.types import BadHandle

Handle = NewType("Handle", int)
"""What stands for an instance (SaClmHandleT and its like). 0 is never given out."""

I = TypeVar("I")  # noqa: E741

_numbers: Final = itertools.count(1)
"""One count for all databases, and no number twice: the handle of another library, or an old one, is never valid."""


class _Entry(Generic[I]):
    __slots__ = ("destroyed", "instance", "references")

    def __init__(self, instance: I) -> None:
        self.instance = instance
        self.references = 1
        """One for the handle itself until it is destroyed, and one for each call under way."""
        self.destroyed = False


class HandleDatabase(Generic[I]):
    """Instances by handle, for use by many threads (struct saHandleDatabase).

    `destructor` is given an instance exactly once, when its handle was destroyed and nobody refers to it any more; it
    runs in the thread that put the last reference, with no lock held. `abandon` is given each instance in a child that
    was forked: it closes the child's copies of what is open, and touches nothing that is the parent's too.
    """

    def __init__(self, destructor: Callable[[I], None], abandon: Callable[[I], None] = lambda _: None) -> None:
        self._destructor = destructor
        self._abandon = abandon
        self._entries: dict[Handle, _Entry[I]] = {}
        self._lock = threading.Lock()
        forked = weakref.WeakMethod(self._forked)
        os.register_at_fork(after_in_child=lambda: (forked() or _nothing)())

    def create(self, instance: I) -> Handle:
        """A new handle for `instance` (saHandleCreate)."""
        with self._lock:
            handle = Handle(next(_numbers))
            self._entries[handle] = _Entry(instance)
        return handle

    def destroy(self, handle: Handle) -> None:
        """Ends the access by `handle` (saHandleDestroy); the instance lives on while it is referred to.

        Raises BadHandle.
        """
        with self._lock:
            entry = self._valid(handle)
            entry.destroyed = True
        self.put(handle)

    def get(self, handle: Handle) -> I:
        """The instance, with one reference more (saHandleInstanceGet); `put` gives it back. Raises BadHandle."""
        with self._lock:
            entry = self._valid(handle)
            entry.references += 1
            return entry.instance

    def lookup(self, handle: Handle) -> I:
        """The instance, without a reference: its destructor may run as soon as somebody destroys it. Raises BadHandle.

        For who uses nothing of it that this takes down, or is in the only thread that could.
        """
        entry = self._entries.get(handle)
        return entry.instance if entry is not None and not entry.destroyed else self._valid(handle).instance

    def put(self, handle: Handle) -> None:
        """Gives one reference back (saHandleInstancePut); the last one of a destroyed handle runs the destructor."""
        with self._lock:
            entry = self._entries.get(handle)
            if entry is None:
                raise BadHandle(f"handle {handle} was put more often than it was got")
            entry.references -= 1
            if entry.references > 0:
                return
            del self._entries[handle]
        assert entry.destroyed
        self._destructor(entry.instance)

    def is_valid(self, handle: Handle) -> bool:
        """Whether `get` would give an instance."""
        entry = self._entries.get(handle)
        return entry is not None and not entry.destroyed

    @contextmanager
    def instance(self, handle: Handle) -> Iterator[I]:
        """The instance, referred to for as long as the context is open. Raises BadHandle."""
        instance = self.get(handle)
        try:
            yield instance
        finally:
            self.put(handle)

    def __len__(self) -> int:
        """How many instances there are, destroyed ones in use included."""
        return len(self._entries)

    def _forked(self) -> None:
        """This process is a child: the instances are its parent's."""
        foreign, self._entries = self._entries, {}
        self._lock = threading.Lock()
        for entry in foreign.values():
            self._abandon(entry.instance)

    def _valid(self, handle: Handle) -> _Entry[I]:
        entry = self._entries.get(handle)
        if entry is None or entry.destroyed:
            raise BadHandle(f"handle {handle} was finalized, or was never given out by this library")
        return entry


def _nothing() -> None:
    """What a database that is gone does."""
