"""A dictionary that all nodes of the cluster share."""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from openais.client.ckpt import Ckpt
from openais.client.ckpt_operations import EVERYTHING, Data
from openais.client.connecting import DEFAULT_TIMEOUT_S
from openais.messages.ckpt_operations import Attributes

V = TypeVar("V")


class Codec(Protocol[V]):
    """How values become bytes and back."""

    def encode(self, value: V, /) -> bytes: ...

    def decode(self, data: Data, /) -> V: ...


class JsonCodec:
    """Values that JSON has."""

    def encode(self, value: Any, /) -> bytes:
        return json.dumps(value, separators=(",", ":")).encode()

    def decode(self, data: Data, /) -> Any:
        return json.loads(bytes(data))


JSON = JsonCodec()


class ReplicatedDict(MutableMapping[str, V], Generic[V]):
    """A dictionary that all programs of the cluster share, kept as a checkpoint of this name.

    with ReplicatedDict("settings") as settings:
        settings["limit"] = 5
        print(settings["limit"])

    Values are what `codec` takes, JSON unless given. A change is made when the statement is over: every node has it. A
    look shows what this node has, or with `consistent` all that was changed anywhere before. Raises AisError.
    """

    def __init__(
        self,
        name: str,
        socket: str | Path | None = None,
        *,
        codec: Codec[V] = JSON,
        attributes: Attributes | None = None,
        consistent: bool = False,
        timeout: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        """Opens the checkpoint; it is made, with `attributes` or the default ones, when there is none."""
        self._codec = codec
        self._consistent = consistent
        self._ckpt = Ckpt(socket, timeout=timeout)
        with ExitStack() as undo:
            undo.callback(self._ckpt.finalize)
            self._checkpoint = self._ckpt.open_checkpoint(name, EVERYTHING, attributes, retry=True)
            undo.pop_all()

    def __getitem__(self, key: str) -> V:
        if not self._consistent:
            return self._codec.decode(self._checkpoint[key])
        if key not in self:
            raise KeyError(key)
        return self._codec.decode(self._checkpoint.read(key, consistent=True, retry=True))

    def __setitem__(self, key: str, value: V) -> None:
        self._checkpoint[key] = self._codec.encode(value)

    def __delitem__(self, key: str) -> None:
        del self._checkpoint[key]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and bool(key) and key in self._checkpoint

    def __iter__(self) -> Iterator[str]:
        return (section.decode() for section in self._checkpoint)

    def __len__(self) -> int:
        return len(self._checkpoint)

    def clear(self) -> None:
        """Removes all keys."""
        for key in list(self):
            self.pop(key, None)

    def close(self) -> None:
        """Ends the use of it; it lives on, for its retention duration."""
        self._checkpoint.close(retry=True)
        self._ckpt.finalize()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
