"""Programs that use the checkpoint service on nodes of an OrderedGroup, for its tests."""

from __future__ import annotations

import msgspec

from openais.messages import ckpt
from openais.messages.ckpt_operations import (
    Attributes,
    Create,
    CreationFlags,
    Element,
    OpenFlags,
    Operation,
    Overwrite,
    Put,
    Write,
    encode_operations,
)
from openais.services.ckpt import Ckpt
from openais.services.ckpt.state import CkptSettings
from openais.types import TIME_END, ErrorCode, NodeId
from tests.services.ordered_group import Library, OrderedGroup

READ, WRITE, CREATE = OpenFlags.READ, OpenFlags.WRITE, OpenFlags.CREATE
EVERYTHING = READ | WRITE | CREATE


def attributes(
    flags: int = CreationFlags.WR_ALL_REPLICAS,
    size: int = 1 << 20,
    retention_ns: int = TIME_END,
    sections_max: int = 100_000,
    section_size_max: int = 1 << 20,
    section_id_size_max: int = 64,
) -> Attributes:
    return Attributes(flags, size, retention_ns, sections_max, section_size_max, section_id_size_max)


def cluster(*node_ids: int, settings: CkptSettings | None = None) -> OrderedGroup:
    """Nodes in one configuration."""
    group = OrderedGroup(lambda node: Ckpt(node, settings or CkptSettings()))
    group.start(*node_ids)
    group.configure(node_ids)
    group.deliver()
    return group


class Program:
    """A connection with one checkpoint open."""

    def __init__(
        self, group: OrderedGroup, node: int, name: str = "c", made: Attributes | None = None, flags: int = EVERYTHING
    ) -> None:
        self.library: Library = group.open(node)
        given = (made or attributes()) if flags & CREATE else None
        opened = self.library.call(ckpt.OpenCheckpoint(name, int(flags), given))
        assert isinstance(opened, ckpt.CheckpointOpened)
        self.number = opened.checkpoint

    @classmethod
    def of(cls, library: Library, number: int) -> Program:
        """One that has opened its checkpoint already."""
        made = cls.__new__(cls)
        made.library, made.number = library, number
        return made

    def send(self, *operations: Operation) -> int:
        """Asks for operations without delivering anything; gives the call."""
        request = ckpt.Update(self.number, False, msgspec.Raw(encode_operations(operations)))
        return self.library.send(request)

    def update(self, *operations: Operation) -> ckpt.Updated:
        """Has operations done."""
        call = self.send(*operations)
        self.library.node.group.deliver()
        updated = self.library.answer(call)
        assert isinstance(updated, ckpt.Updated)
        return updated

    def fails(self, operation: Operation) -> tuple[ErrorCode, int]:
        """The error of an operation, and the element that is wrong."""
        (failure,) = self.update(operation).failures
        return ErrorCode(failure.code), failure.element

    def put(self, section: bytes, data: bytes) -> None:
        assert self.update(Put(section, data)).failures == ()

    def create(self, section: bytes, data: bytes = b"", expiration_ns: int = TIME_END) -> ckpt.Updated:
        return self.update(Create(section, expiration_ns, data))

    def write(self, section: bytes, offset: int, data: bytes) -> None:
        assert self.update(Write((Element(section, offset, data),))).failures == ()

    def overwrite(self, section: bytes, data: bytes) -> None:
        assert self.update(Overwrite(section, data)).failures == ()

    def read(self, section: bytes, offset: int = 0, size: int = 1 << 30) -> bytes:
        data = self.library.call(ckpt.Read(self.number, (ckpt.Wanted(section, offset, size),)))
        assert isinstance(data, ckpt.ReadData)
        return data.data

    def close(self) -> None:
        self.library.call(ckpt.CloseCheckpoint(self.number))


def contents(group: OrderedGroup, node: int, name: str = "c") -> dict[bytes, tuple[object, ...]]:
    """All that a node has of the sections of a checkpoint."""
    service = group.service(node)
    assert isinstance(service, Ckpt)
    (found,) = (sections for (each, _), sections in service.contents().items() if each == name)
    return found


def sources(group: OrderedGroup, node: int, name: str = "c") -> tuple[NodeId, ...]:
    """The nodes that have all sections, as a node knows it."""
    status = statuses(group, node)[name]
    return status.replicas


def statuses(group: OrderedGroup, node: int) -> dict[str, ckpt.CheckpointStatus]:
    library = group.open(node)
    listed = library.call(ckpt.ListCheckpoints())
    assert isinstance(listed, ckpt.CheckpointList)
    return {status.name: status for status in listed.checkpoints if not status.unlinked}
