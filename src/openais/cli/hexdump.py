"""Bytes for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

BYTES_IN_LINE: Final = 16


def hexdump(data: bytes | memoryview, offset: int = 0) -> Iterator[str]:
    """Lines of an offset, up to sixteen bytes in two halves, and their text; lines that repeat stand as one `*`.

    `offset` is that of the first byte. The last line has the offset of the end.
    """
    before = b""
    repeating = False
    for first in range(0, len(data), BYTES_IN_LINE):
        line = bytes(data[first : first + BYTES_IN_LINE])
        if line == before and first + BYTES_IN_LINE < len(data):
            if not repeating:
                yield "*"
            repeating = True
            continue
        before, repeating = line, False
        half = BYTES_IN_LINE // 2
        halves = f"{line[:half].hex(' '):23}  {line[half:].hex(' '):23}"
        text = "".join(chr(each) if 32 <= each < 127 else "." for each in line)
        yield f"{offset + first:08x}  {halves}  |{text}|"
    yield f"{offset + len(data):08x}"
