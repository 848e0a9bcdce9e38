"""A program that writes and reads registers that all share, and a checkpoint of its own, and writes everything down.

python -m chaos.ckpt_writer PER_SECOND
python -m chaos.ckpt_writer dump         instead, writes down all sections of the replicas of its node

    write   REGISTER VALUE      is about to be written; VALUE is unlike all others
    read    REGISTER            is about to be read consistently
    ok      VALUE               it was; for a read what was there, `-` for nothing
    no      CODE                it was not
    unknown CODE                nobody knows
    open, gone CODE             there is an executive, there is none any more
    section CHECKPOINT ID SIZE HASH, register REGISTER VALUE, done      of a dump
"""

from __future__ import annotations

import hashlib
import random
import sys
import time
from collections.abc import Callable
from typing import Final

from chaos.program import Here, here
from openais.ckpt import EVERYTHING, READ_WRITE, Checkpoint, Ckpt, CreationFlags, OpenFlags, creation_attributes
from openais.types import AisError, ErrorCode, NoSpace, NotExist, TryAgain

REGISTERS: Final = "registers"
REGISTER_NAMES: Final = tuple(f"register-{number}" for number in range(16))
RETENTION_S: Final = 3600.0
TIMEOUT_S: Final = 15.0
PAUSE_S: Final = 0.1
SCRATCH_SECTIONS: Final = 20
LONG_BYTES: Final = 3 * 1024 * 1024
NOTHING: Final = "-"
MADE: Final = creation_attributes(retention=RETENTION_S)
NO_EFFECT: Final = (TryAgain, NoSpace)


class Writer:
    """One life of a writer."""

    def __init__(self, me: Here, per_second: float) -> None:
        self._me = me
        self._per_second = per_second
        self._chance = random.Random(f"{me.name} {me.run}")
        self._written = 0

    def live(self) -> None:
        """Writes and reads whenever there is an executive, until it is to end."""
        journal = self._me.journal
        while not self._me.ended:
            try:
                with Ckpt(self._me.socket, timeout=TIMEOUT_S) as ckpt:
                    registers = ckpt.open_checkpoint(REGISTERS, EVERYTHING, MADE, retry=True)
                    flags = self._chance.choice((CreationFlags.WR_ACTIVE_REPLICA, CreationFlags.WR_ALL_REPLICAS))
                    scratch = open_scratch(ckpt, f"scratch of {self._me.name}", flags)
                    journal.note("open")
                    while not self._me.ended:
                        time.sleep(self._chance.expovariate(self._per_second))
                        self._act(registers, scratch)
            except AisError as error:
                journal.note("gone", error.code.name)
                time.sleep(PAUSE_S)

    def _act(self, registers: Checkpoint, scratch: Checkpoint) -> None:
        draw, register = self._chance.random(), self._chance.choice(REGISTER_NAMES)
        if draw < 0.3:
            self._written += 1
            value = f"{self._me.name}.{self._me.run}.{self._written}"
            self._me.journal.note("write", register, value)
            self._note(lambda: written(registers, register, value))
        elif draw < 0.6:
            self._me.journal.note("read", register)
            self._note(lambda: bytes(registers.read(register, consistent=True)).decode())
        else:
            self._scratch(scratch)

    def _note(self, call: Callable[[], str]) -> None:
        """Calls, and writes down what came of it. Raises AisError when the executive is gone."""
        journal = self._me.journal
        try:
            journal.note("ok", call())
        except NotExist:
            journal.note("ok", NOTHING)
        except NO_EFFECT as refused:
            journal.note("no", refused.code.name)
        except AisError as error:
            journal.note("unknown", error.code.name)
            if error.code is ErrorCode.LIBRARY:
                raise

    def _scratch(self, scratch: Checkpoint) -> None:
        """Anything, with what nobody else writes."""
        chance = self._chance
        section = str(chance.randrange(SCRATCH_SECTIONS))
        try:
            match chance.randrange(20):
                case 0:
                    scratch.put(section, chance.randbytes(1) * chance.randrange(LONG_BYTES))
                case 1 | 2:
                    scratch.delete_section(section)
                case 3:
                    scratch.create_section(b"", b"x" * chance.randrange(100), time.time() + chance.uniform(0.0, 5.0))
                case 4 | 5:
                    scratch.write(section, chance.randbytes(200), chance.randrange(2000))
                case _:
                    scratch.put(section, chance.randbytes(chance.randrange(2000)))
        except AisError as error:
            if error.code is ErrorCode.LIBRARY:
                raise


def written(checkpoint: Checkpoint, section: str, value: str) -> str:
    """Writes a value; gives it."""
    checkpoint.put(section, value.encode())
    return value


def open_scratch(ckpt: Ckpt, name: str, flags: CreationFlags) -> Checkpoint:
    """A checkpoint of a writer, which its former lives may have made with other flags."""
    try:
        return ckpt.open_checkpoint(name, READ_WRITE, retry=True)
    except NotExist:
        made = creation_attributes(flags=flags, retention=RETENTION_S)
        return ckpt.open_checkpoint(name, EVERYTHING, made, retry=True)


def dump(me: Here) -> None:
    """Writes down all that the replicas of this node hold."""
    with Ckpt(me.socket, timeout=TIMEOUT_S) as ckpt:
        for name in sorted({each.name for each in ckpt.checkpoints(retry=True) if each.replicas}):
            with ckpt.open_checkpoint(name, OpenFlags.READ, retry=True) as checkpoint:
                for descriptor in checkpoint.sections(retry=True):
                    data = bytes(checkpoint.read(descriptor.section, consistent=True, retry=True))
                    digest = hashlib.blake2b(data, digest_size=16).hexdigest()
                    me.journal.write("section", name.replace(" ", "_"), descriptor.section.hex(), len(data), digest)
                    if name == REGISTERS:
                        me.journal.write("register", descriptor.section.decode(), data.decode())
    me.journal.note("done")
    while not me.ended:
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    if sys.argv[1] == "dump":
        dump(here())
    else:
        Writer(here(), float(sys.argv[1])).live()
