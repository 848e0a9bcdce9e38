"""The sections of one checkpoint, and what operations do to them.

Each section has a number, higher than those of all sections before it, and the sections are kept in the order of their
numbers: so iterations and transfers can go on where they were, whatever is created and deleted meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from openais.messages.ckpt import Descriptor, Failure, Wanted
from openais.messages.ckpt_operations import (
    CALL_BYTES_MAX,
    DEFAULT_SECTION,
    Attributes,
    Create,
    Delete,
    Element,
    Expire,
    Operation,
    Overwrite,
    Put,
    SectionsChosen,
    SectionState,
    SetExpiration,
    Write,
)
from openais.types import TIME_END, ErrorCode, TimeNs

COPIED_MAX: Final = 4096
"""Bytes up to which a section that is written in part is copied; longer ones are changed where they are."""
GENERATED_ID_BYTES: Final = 8


class Refusal(Exception):
    """An operation is refused. `element` is the index of the element that is wrong."""

    def __init__(self, code: ErrorCode, explanation: str, element: int = 0) -> None:
        super().__init__(explanation)
        self.code = code
        self.explanation = explanation
        self.element = element


class Section:
    """One section. `data` is bytes, or a bytearray when it was written in part."""

    __slots__ = ("data", "expiration_ns", "number", "section_id", "state", "updated_ns")

    def __init__(
        self,
        section_id: bytes,
        number: int,
        data: bytes | bytearray,
        expiration_ns: int,
        updated_ns: int,
        state: SectionState = SectionState.VALID,
    ) -> None:
        self.section_id = section_id
        self.number = number
        self.data = data
        self.expiration_ns = expiration_ns
        self.updated_ns = updated_ns
        self.state = state

    def descriptor(self) -> Descriptor:
        """What is to be known of it besides its data."""
        return Descriptor(
            self.section_id, TimeNs(self.expiration_ns), len(self.data), self.state, TimeNs(self.updated_ns)
        )


class Replica:
    """All sections of a checkpoint."""

    def __init__(self, attributes: Attributes) -> None:
        self.attributes = attributes
        self.sections: dict[bytes, Section] = {}
        """In the order of their numbers."""
        self.used = 0
        """Bytes of data."""
        self.next_number = 0
        self.expiring: list[Section] = []
        """Sections that were given an expiration time since this was emptied last."""

    @classmethod
    def new(cls, attributes: Attributes, now_ns: int) -> Replica:
        """Of a checkpoint that is created: with its default section, when it can have one only."""
        replica = cls(attributes)
        if attributes.sections_max == 1:
            replica._add(DEFAULT_SECTION, b"", TIME_END, now_ns)
        return replica

    def copy(self) -> Replica:
        """Another one with the same sections."""
        copied = Replica(self.attributes)
        copied.used, copied.next_number = self.used, self.next_number
        for section_id, section in self.sections.items():
            fixed = section.number, bytes(section.data), section.expiration_ns, section.updated_ns, section.state
            copied.sections[section_id] = Section(section_id, *fixed)
            copied._note_expiring(copied.sections[section_id])
        return copied

    # Operations.

    def apply(
        self, operations: Sequence[Operation], now_ns: int, from_executive: bool
    ) -> tuple[list[Failure], dict[int, bytes]]:
        """Does the operations. Gives those that were refused, and the section ids that were generated."""
        failures: list[Failure] = []
        generated: dict[int, bytes] = {}
        for index, operation in enumerate(operations):
            try:
                made = self._do(operation, now_ns, from_executive)
            except Refusal as refusal:
                failures.append(Failure(index, refusal.code, refusal.element, refusal.explanation))
            else:
                if made is not None:
                    generated[index] = made
        return failures, generated

    def _do(self, operation: Operation, now_ns: int, from_executive: bool) -> bytes | None:
        """Does one. Gives the section id that was generated. Raises Refusal."""
        if isinstance(operation, Write):
            self._write(operation.elements, now_ns)
        elif isinstance(operation, Overwrite | Put):
            self._overwrite(operation, now_ns)
        elif isinstance(operation, Create):
            return self._create(operation, now_ns)
        elif isinstance(operation, Delete):
            self._check_not_default(operation.section, "delete")
            self._remove(self._section(operation.section))
        elif isinstance(operation, SetExpiration):
            self._check_not_default(operation.section, "expiration time set")
            self._set_expiration(self._section(operation.section), operation.expiration_ns)
        elif isinstance(operation, Expire):
            if not from_executive:
                raise Refusal(ErrorCode.INVALID_PARAM, "expire: no operation of a library")
            self._expire(operation)
        return None

    def replay(self, operations: Sequence[Operation], now_ns: int, failed: frozenset[int]) -> None:
        """Does operations of which it is known which were refused to the sections that are here, leaving out others.

        For a replica that is being filled: sections that are created come with a later part.
        """
        for index, operation in enumerate(operations):
            if index in failed:
                continue
            if isinstance(operation, Write):
                for element in operation.elements:
                    section = self.sections.get(element.section)
                    if section is not None:
                        self._write_element(section, element, now_ns)
            elif isinstance(operation, Expire):
                self._expire(operation)
            elif (section := self.sections.get(operation.section)) is None:
                continue
            elif isinstance(operation, Overwrite | Put):
                self._set(section, operation.data, now_ns)
            elif isinstance(operation, Delete):
                self._remove(section)
            elif isinstance(operation, SetExpiration):
                self._set_expiration(section, operation.expiration_ns)

    def put(self, section: Section) -> None:
        """Has a section that was transferred."""
        old = self.sections.pop(section.section_id, None)
        self.used += len(section.data) - (len(old.data) if old is not None else 0)
        self.sections[section.section_id] = section
        self._note_expiring(section)

    # Reading.

    def read(self, elements: Sequence[Wanted]) -> list[bytes]:
        """The data of each element. Raises Refusal."""
        found: list[bytes] = []
        size = 0
        for index, wanted in enumerate(elements):
            section = self.sections.get(wanted.section)
            if section is None:
                raise Refusal(ErrorCode.NOT_EXIST, f"{index}: there is no section {wanted.section!r}", index)
            if wanted.offset > len(section.data):
                explanation = f"{index}: offset {wanted.offset} in a section of {len(section.data)} bytes"
                raise Refusal(ErrorCode.INVALID_PARAM, explanation, index)
            size += min(wanted.size, len(section.data) - wanted.offset)
            if size > CALL_BYTES_MAX:
                explanation = f"{index}: {size} bytes up to here, expected {CALL_BYTES_MAX} at most in one read"
                raise Refusal(ErrorCode.TOO_BIG, explanation, index)
            found.append(bytes(memoryview(section.data)[wanted.offset : wanted.offset + wanted.size]))
        return found

    def chosen(self, chosen: SectionsChosen, expiration_ns: int) -> list[Section]:
        """The sections that an iteration gives."""
        every = self.sections.values()
        match chosen:
            case SectionsChosen.FOREVER:
                return [each for each in every if each.expiration_ns == TIME_END]
            case SectionsChosen.LEQ_EXPIRATION_TIME:
                return [each for each in every if each.expiration_ns <= expiration_ns]
            case SectionsChosen.GEQ_EXPIRATION_TIME:
                return [each for each in every if each.expiration_ns >= expiration_ns]
            case SectionsChosen.CORRUPTED:
                return [each for each in every if each.state is SectionState.CORRUPTED]
            case SectionsChosen.ANY:
                return list(every)

    def has(self, section: Section) -> bool:
        """Whether it was not deleted."""
        return self.sections.get(section.section_id) is section

    # Helpers.

    def _section(self, section_id: bytes) -> Section:
        section = self.sections.get(section_id)
        if section is None:
            raise Refusal(ErrorCode.NOT_EXIST, f"there is no section {section_id!r}")
        return section

    def _check_not_default(self, section_id: bytes, what: str) -> None:
        if self.attributes.sections_max == 1 and section_id == DEFAULT_SECTION:
            raise Refusal(ErrorCode.INVALID_PARAM, f"{what}: the default section stays as long as its checkpoint")

    def _check_size(self, size: int, element: int = 0) -> None:
        if size > self.attributes.section_size_max:
            explanation = f"a section of {size} bytes, expected {self.attributes.section_size_max} at most"
            raise Refusal(ErrorCode.INVALID_PARAM, explanation, element)

    def _check_room(self, growth: int, element: int = 0) -> None:
        if growth > 0 and self.used + growth > self.attributes.size:
            explanation = f"{self.used} bytes and {growth} more, the checkpoint has room for {self.attributes.size}"
            raise Refusal(ErrorCode.NO_SPACE, explanation, element)

    def _add(self, section_id: bytes, data: bytes, expiration_ns: int, now_ns: int) -> None:
        section = Section(section_id, self.next_number, data, expiration_ns, now_ns)
        self.next_number += 1
        self.sections[section_id] = section
        self.used += len(data)
        self._note_expiring(section)

    def _note_expiring(self, section: Section) -> None:
        if section.expiration_ns != TIME_END:
            self.expiring.append(section)

    def _set_expiration(self, section: Section, expiration_ns: int) -> None:
        section.expiration_ns = expiration_ns
        self._note_expiring(section)

    def _expire(self, expire: Expire) -> None:
        for section_id, expiration_ns in expire.sections:
            section = self.sections.get(section_id)
            if section is not None and section.expiration_ns == expiration_ns:
                self._remove(section)

    def _remove(self, section: Section) -> None:
        del self.sections[section.section_id]
        self.used -= len(section.data)

    def _set(self, section: Section, data: bytes, now_ns: int) -> None:
        self.used += len(data) - len(section.data)
        section.data = data
        section.updated_ns = now_ns
        section.state = SectionState.VALID

    def _create(self, create: Create, now_ns: int) -> bytes | None:
        """Creates a section; gives its id if that was generated."""
        attributes = self.attributes
        if attributes.sections_max == 1:
            raise Refusal(ErrorCode.EXIST, "create: the checkpoint has its default section, and room for no other")
        section_id = create.section
        if len(section_id) > attributes.section_id_size_max:
            explanation = f"create: an id of {len(section_id)} bytes, expected {attributes.section_id_size_max} at most"
            raise Refusal(ErrorCode.INVALID_PARAM, explanation)
        if section_id in self.sections:
            raise Refusal(ErrorCode.EXIST, f"create: there is a section {section_id!r}")
        self._check_size(len(create.data))
        if len(self.sections) >= attributes.sections_max:
            explanation = f"create: there are {attributes.sections_max} sections, and no more may be"
            raise Refusal(ErrorCode.NO_SPACE, explanation)
        self._check_room(len(create.data))
        generated = not section_id
        if generated:
            section_id = self._generate()
        self._add(section_id, create.data, create.expiration_ns, now_ns)
        return section_id if generated else None

    def _generate(self) -> bytes:
        """An id that no section has."""
        length = min(self.attributes.section_id_size_max, GENERATED_ID_BYTES)
        for number in range(self.next_number, self.next_number + len(self.sections) + 1):
            section_id = (number % (256**length - 1) + 1).to_bytes(length, "big") if length else b""
            if section_id and section_id not in self.sections:
                return section_id
        explanation = f"create: no id of {length} bytes is left to be generated"
        raise Refusal(ErrorCode.NO_SPACE, explanation)

    def _overwrite(self, operation: Overwrite | Put, now_ns: int) -> None:
        data = operation.data
        section = self.sections.get(operation.section)
        if section is None:
            if not isinstance(operation, Put):
                raise Refusal(ErrorCode.NOT_EXIST, f"overwrite: there is no section {operation.section!r}")
            if not operation.section:
                raise Refusal(ErrorCode.INVALID_PARAM, "put: the id of the section is empty")
            self._create(Create(operation.section, TIME_END, data), now_ns)
            return
        size = len(data)
        growth = size - len(section.data)
        if size > self.attributes.section_size_max:
            self._check_size(size)
        if growth > 0:
            self._check_room(growth)
        self._set(section, data, now_ns)

    def _write(self, elements: tuple[Element, ...], now_ns: int) -> None:
        sizes: dict[bytes, int] = {}
        growth = 0
        for index, element in enumerate(elements):
            section = self.sections.get(element.section)
            if section is None:
                raise Refusal(ErrorCode.NOT_EXIST, f"write: there is no section {element.section!r}", index)
            end = element.offset + len(element.data)
            self._check_size(end, index)
            size = sizes.get(element.section, len(section.data))
            if end > size:
                growth += end - size
                sizes[element.section] = end
                self._check_room(growth, index)
        for element in elements:
            self._write_element(self.sections[element.section], element, now_ns)

    def _write_element(self, section: Section, element: Element, now_ns: int) -> None:
        data, offset, new = section.data, element.offset, element.data
        end, size = offset + len(new), len(data)
        section.updated_ns = now_ns
        if offset == 0 and end >= size:
            section.data = new
        elif size <= COPIED_MAX and end <= COPIED_MAX:
            section.data = bytes(data[:offset]).ljust(offset, b"\0") + new + bytes(data[end:])
        else:
            if not isinstance(data, bytearray):
                data = section.data = bytearray(data)
            if offset > size:
                data.extend(bytes(offset - size))
            data[offset:end] = new
        if end > size:
            self.used += end - size


def changed_sections(operations: Sequence[Operation], generated: dict[int, bytes]) -> Iterator[bytes]:
    """The ids of the sections that these operations are about."""
    for index, operation in enumerate(operations):
        if isinstance(operation, Write):
            yield from (element.section for element in operation.elements)
        elif isinstance(operation, Expire):
            yield from (section_id for section_id, _ in operation.sections)
        else:
            yield generated.get(index, operation.section)
