"""A Python program that uses the C libraries by ctypes, as bindings of the SA Forum interfaces do.

with_ctypes.py LIB_DIRECTORY: subscribes, says so, prints the first event, publishes its answer, and writes it into the
checkpoint.
"""

from __future__ import annotations

import ctypes
import sys
from ctypes import POINTER, byref, c_char_p, c_int, c_int64, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p
from pathlib import Path

MINUTE = 60_000_000_000


class Version(ctypes.Structure):
    """SaVersionT."""

    _fields_ = (("release", c_uint8), ("major", c_uint8), ("minor", c_uint8))


class Name(ctypes.Structure):
    """SaNameT."""

    _fields_ = (("length", c_uint16), ("value", c_uint8 * 256))


class Pattern(ctypes.Structure):
    """SaEvtEventPatternT."""

    _fields_ = (("allocated", c_uint64), ("size", c_uint64), ("pattern", c_char_p))


class Array(ctypes.Structure):
    """SaEvtEventPatternArrayT."""

    _fields_ = (("allocated", c_uint64), ("number", c_uint64), ("patterns", POINTER(Pattern)))


class Filter(ctypes.Structure):
    """SaEvtEventFilterT."""

    _fields_ = (("kind", c_int), ("filter", Pattern))


class Filters(ctypes.Structure):
    """SaEvtEventFilterArrayT."""

    _fields_ = (("number", c_uint64), ("filters", POINTER(Filter)))


class SectionId(ctypes.Structure):
    """SaCkptSectionIdT."""

    _fields_ = (("length", c_uint16), ("id", c_char_p))


Deliver = ctypes.CFUNCTYPE(None, c_uint32, c_uint64, c_uint64)


class Callbacks(ctypes.Structure):
    """SaEvtCallbacksT."""

    _fields_ = (("opened", c_void_p), ("deliver", Deliver))


def ok(error: int) -> None:
    """Raises unless a call gave SA_AIS_OK."""
    if error != 1:
        raise RuntimeError(f"error {error}")


def name_of(text: str) -> Name:
    """An SaNameT."""
    return Name(len(text), (c_uint8 * 256)(*text.encode()))


def main(directory: Path) -> None:
    """Runs the program."""
    evt, ckpt = ctypes.CDLL(str(directory / "libSaEvt.so.0")), ctypes.CDLL(str(directory / "libSaCkpt.so.1"))
    heard: list[bytes] = []

    def on_deliver(subscription: int, event: int, size: int) -> None:
        data = ctypes.create_string_buffer(size)
        ok(evt.saEvtEventDataGet(c_uint64(event), data, byref(c_uint64(size))))
        ok(evt.saEvtEventFree(c_uint64(event)))
        heard.append(data.raw)

    callbacks = Callbacks(None, Deliver(on_deliver))
    handle, channel, event, event_id = c_uint64(), c_uint64(), c_uint64(), c_uint64()
    ok(evt.saEvtInitialize(byref(handle), byref(callbacks), byref(Version(ord("B"), 1, 1))))
    ok(evt.saEvtChannelOpen(handle, byref(name_of("mixed")), c_uint8(7), c_int64(MINUTE), byref(channel)))
    filters = Filters(1, ctypes.pointer(Filter(3, Pattern(0, 4, b"to-c"))))
    ok(evt.saEvtEventSubscribe(channel, byref(filters), c_uint32(1)))
    print("subscribed", flush=True)
    while not heard:
        ok(evt.saEvtDispatch(handle, c_int(1)))
    print(heard[0].decode(), flush=True)

    patterns = Array(0, 1, ctypes.pointer(Pattern(0, 9, b"to-python")))
    ok(evt.saEvtEventAllocate(channel, byref(event)))
    ok(evt.saEvtEventAttributesSet(event, byref(patterns), c_uint8(3), c_int64(0), byref(name_of("ctypes"))))
    ok(evt.saEvtEventPublish(event, b"hello from C", c_uint64(12), byref(event_id)))

    checkpoint = c_uint64()
    ok(ckpt.saCkptInitialize(byref(handle), None, byref(Version(ord("B"), 1, 1))))
    opening = (byref(name_of("mixed")), None, c_uint32(3), c_int64(MINUTE), byref(checkpoint))
    ok(ckpt.saCkptCheckpointOpen(handle, *opening))
    ok(ckpt.saCkptSectionOverwrite(checkpoint, byref(SectionId(1, b"a")), b"written by C", c_uint64(12)))
    print("written", flush=True)


main(Path(sys.argv[1]))
