"""Programs that write and read checkpoints through a simulated executive."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

import msgspec

from openais.executive.executive import Executive
from openais.messages import ckpt
from openais.messages.base import Message, Request, ServiceId
from openais.messages.ckpt_operations import (
    Attributes,
    Create,
    CreationFlags,
    Delete,
    Element,
    OpenFlags,
    Operation,
    Overwrite,
    Put,
    SetExpiration,
    Write,
    encode_operations,
)
from openais.simulation.checkpoint_checker import CheckpointChecker, Holder
from openais.simulation.libraries import Program
from openais.simulation.library_checker import LibraryChecker
from openais.simulation.linearizability import Operation as Recorded
from openais.simulation.node import Node
from openais.simulation.schedule import Scheduler
from openais.types import TIME_END, ErrorCode

REGISTERS: Final = "registers"
"""The checkpoint of which every section is a register, written and read by all."""
SCRATCH: Final = "scratch"
"""The checkpoint with which anything is done."""
REGISTER_NAMES: Final = (b"red", b"green")
FLAGS: Final = int(OpenFlags.READ | OpenFlags.WRITE | OpenFlags.CREATE)
SECTIONS: Final = 6
SECOND_NS: Final = 1_000_000_000

Holders = Callable[[], frozenset[Holder]]


def attributes_of(name: str) -> Attributes:
    """What a checkpoint of this name is made with; small, so that limits are reached."""
    if name == REGISTERS:
        return Attributes(CreationFlags.WR_ALL_REPLICAS, 1 << 16, TIME_END, 100, 1 << 10, 16)
    return Attributes(CreationFlags.WR_ACTIVE_REPLICA, 300_000, SECOND_NS // 2, SECTIONS, 150_000, 16)


class CkptProgram(Program):
    """Has one of the checkpoints open."""

    service = ServiceId.CKPT

    def __init__(
        self,
        number: int,
        node: Node[Executive],
        checker: LibraryChecker,
        scheduler: Scheduler,
        checkpoints: CheckpointChecker,
        name: str,
        holders: Holders,
    ) -> None:
        """`holders` gives the nodes that have all sections of the registers, as the node of the program knows."""
        self.name = name
        self.ready = False
        """Whether the checkpoint is open, by what it was told."""
        self._checkpoints = checkpoints
        self._holders = holders
        self._number = 0
        self._written = 0
        self._uploads = 0
        self._recorded: dict[int, tuple[bytes, Recorded]] = {}
        """By the id of the request: the register, and what is told of the operation."""
        super().__init__(number, node, checker, scheduler)

    def opened(self) -> None:
        self._open()

    def act(self, chance: random.Random) -> None:
        """Does something with the checkpoint."""
        if self.name == REGISTERS:
            use = self.write_register if chance.random() < 0.5 else self.read_register
            use(chance.choice(REGISTER_NAMES))
            return
        draw = chance.random()
        if draw < 0.03:
            self.call(ckpt.UnlinkCheckpoint(self.name), _ignore)
        elif draw < 0.06:
            self.ready = False
            self.call(ckpt.CloseCheckpoint(self._number), lambda _: self._open())
        elif draw < 0.10:
            self._upload(chance)
        elif draw < 0.2:
            self.call(ckpt.Read(self._number, (ckpt.Wanted(_section(chance), 0, 100),)), _ignore)
        else:
            operations = [self._operation(chance) for _ in range(chance.randint(1, 4))]
            self.call(ckpt.Update(self._number, False, msgspec.Raw(encode_operations(operations))), _ignore)

    def may_repeat(self, request: Request) -> bool:
        return isinstance(request, ckpt.OpenCheckpoint | ckpt.CloseCheckpoint)

    def refused(self, request: Message, code: ErrorCode, explanation: str) -> None:
        recorded = self._recorded.pop(id(request), None)
        if recorded is not None and isinstance(request, ckpt.ReadConsistent) and "no section" in explanation:
            self._checkpoints.answered(recorded[1], self._holders(), b"")  # nobody has written it yet
        elif recorded is not None and code is not ErrorCode.TIMEOUT:
            self._checkpoints.refused(*recorded)
        if code is ErrorCode.NOT_EXIST and "gone" in explanation and self.ready:
            self.ready = False
            self._open()
        if code not in (ErrorCode.TRY_AGAIN, ErrorCode.TIMEOUT, ErrorCode.NOT_EXIST, ErrorCode.INVALID_PARAM):
            super().refused(request, code, explanation)

    # Registers.

    def write_register(self, register: bytes) -> None:
        """Writes a value that no other write has."""
        self._written += 1
        value = b"%d.%d" % (self.number, self._written)
        operations = msgspec.Raw(encode_operations([Put(register, value)]))
        self._begin(ckpt.Update(self._number, False, operations), register, value)

    def read_register(self, register: bytes) -> None:
        """Reads it consistently."""
        self._begin(ckpt.ReadConsistent(self._number, (ckpt.Wanted(register, 0, 100),)), register, None)

    def _begin(self, request: Request, register: bytes, value: bytes | None) -> None:
        operation = self._checkpoints.begun(str(self), register, value)
        self._recorded[id(request)] = (register, operation)

        def answered(answer: Message) -> None:
            del self._recorded[id(request)]
            seen = answer.data if isinstance(answer, ckpt.ReadData) else None
            self._checkpoints.answered(operation, self._holders(), seen)

        self.call(request, answered)

    # Anything.

    def _operation(self, chance: random.Random) -> Operation:
        section = _section(chance)
        data = chance.randbytes(1) * chance.randint(0, 300)
        match chance.randrange(6):
            case 0:
                soon = self._node.wall_ns() + chance.randint(0, SECOND_NS)
                return Create(section, chance.choice((TIME_END, soon)), data)
            case 1:
                return Delete(section)
            case 2:
                return SetExpiration(section, self._node.wall_ns() + chance.randint(0, SECOND_NS))
            case 3:
                return Overwrite(section, data)
            case 4:
                return Write((Element(section, chance.randint(0, 200), data), Element(_section(chance), 0, b"x")))
            case _:
                return Put(section, data)

    def _upload(self, chance: random.Random) -> None:
        """Writes something long, in parts."""
        self._uploads += 1
        number = self._uploads
        encoded = encode_operations([Put(_section(chance), chance.randbytes(1) * chance.randint(1, 100_000))])
        half = len(encoded) // 2

        def second(_: Message) -> None:
            self.call(ckpt.UploadPart(number, 1, encoded[half:]), last)

        def last(_: Message) -> None:
            if self.ready:
                self.call(ckpt.UpdateUploaded(self._number, number, len(encoded)), _ignore)

        self.call(ckpt.UploadPart(number, 0, encoded[:half]), second)

    def _open(self) -> None:
        self.call(ckpt.OpenCheckpoint(self.name, FLAGS, attributes_of(self.name)), self._checkpoint_opened)

    def _checkpoint_opened(self, answer: ckpt.CheckpointOpened) -> None:
        self._number = answer.checkpoint
        self.ready = True


def _section(chance: random.Random) -> bytes:
    return b"%d" % chance.randrange(2 * SECTIONS)


def _ignore(_: Message) -> None:
    """For answers that nothing depends on."""
