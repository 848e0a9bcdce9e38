"""How a message is declared, found by its number, written and read.

A message is declared once, with its limits in its types; both sides of a connection, and all nodes, use that
declaration. Bodies are MessagePack arrays (msgspec, `array_like`), so that a field appended with a default later is
compatible in both directions.

    @request(ServiceId.CLM, 1)
    class TrackStart(Message): ...

There are four kinds. A *request* goes from a library to the executive and names its *response*; a *callback* goes
from the executive to a library unasked; a *group message* goes from an executive to all executives.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from typing import Annotated, Any, ClassVar, Final, TypeVar, cast

import msgspec

from openais.types import NAME_LENGTH_MAX, NodeId


class ServiceId(enum.IntEnum):
    """Which service a connection, or a group message, belongs to. Numbers are on the wire: never reuse one."""

    EXECUTIVE = 0
    """The executive itself: state transfer among executives."""
    STATUS = 1
    """Read-only state of the executive for people and tools."""
    CLM = 2
    EVS = 3
    AMF = 4
    CKPT = 5
    EVT = 6
    EXAMPLE = 255
    """Free for examples and tests; no service of openais has it."""


class Kind(enum.IntEnum):
    """Which of the four kinds a message is, as a frame carries it."""

    REQUEST = 0
    RESPONSE = 1
    CALLBACK = 2
    GROUP = 3


class Malformed(ValueError):
    """Bytes from a peer or a library are not the message they should be. The text says which and what was expected."""


Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_LENGTH_MAX)]
"""A name within the limits of SaNameT; a longer one (in UTF-8 bytes) is refused by the library with NAME_TOO_LONG."""


class Message(msgspec.Struct, array_like=True, frozen=True):
    """Base of all messages. `service`, `kind` and `number` are set by the declaring decorator."""

    service: ClassVar[ServiceId]
    kind: ClassVar[Kind]
    number: ClassVar[int]
    raw_tail: ClassVar[bool] = False
    """Whether the last field is encoded already (msgspec.Raw), and may be long: `encode_pieces` does not copy it. In a
    message that is only written it may be in pieces (see `in_pieces`)."""


class Request(Message, frozen=True):
    """Library to executive. `response` is the message that answers it."""

    response: ClassVar[type[Message]]


class Source(msgspec.Struct, array_like=True, frozen=True):
    """Which call of which library connection on which node a group message answers (struct message_source)."""

    node_id: NodeId
    connection: int
    call: int


class _InPieces(tuple[bytes | memoryview, ...]):
    """Stands for msgspec.Raw in a message that is only written."""

    __slots__ = ()


def in_pieces(pieces: Iterable[bytes | memoryview]) -> msgspec.Raw:
    """A raw tail that is in pieces, for a message that goes nowhere but to `encode_pieces`."""
    return cast("msgspec.Raw", _InPieces(pieces))


M = TypeVar("M", bound=Message)
R = TypeVar("R", bound=Request)

COPIED_MAX: Final = 16 * 1024
"""Bytes up to which an encoded tail is copied: as long as it waits it would keep all memory alive that it came in."""
_ARRAY: Final = 0x90
"""A MessagePack array of fewer than 16 values, which are counted in the lower bits."""
_registry: Final[dict[tuple[int, Kind, int], type[Message]]] = {}
_decoders: Final[dict[type[Message], msgspec.msgpack.Decoder[Any]]] = {}
_encoder: Final = msgspec.msgpack.Encoder()


def _declare(cls: type[Message], service: ServiceId, kind: Kind, number: int) -> None:
    assert 0 <= number <= 0xFFFF
    assert (service, kind, number) not in _registry, f"{cls} reuses the number of {_registry[service, kind, number]}"
    cls.service, cls.kind, cls.number = service, kind, number
    _registry[service, kind, number] = cls
    _decoders[cls] = msgspec.msgpack.Decoder(cls)


def request(service: ServiceId, number: int, response: type[Message]) -> Callable[[type[R]], type[R]]:
    """Declares a request, answered by `response`, which gets the same number."""

    def declare(cls: type[R]) -> type[R]:
        _declare(cls, service, Kind.REQUEST, number)
        if response not in _decoders:
            _declare(response, service, Kind.RESPONSE, number)
        cls.response = response
        return cls

    return declare


def callback(service: ServiceId, number: int) -> Callable[[type[M]], type[M]]:
    """Declares a message that the executive sends to a library unasked."""

    def declare(cls: type[M]) -> type[M]:
        _declare(cls, service, Kind.CALLBACK, number)
        return cls

    return declare


def group_message(service: ServiceId, number: int) -> Callable[[type[M]], type[M]]:
    """Declares a message from an executive to all executives."""

    def declare(cls: type[M]) -> type[M]:
        _declare(cls, service, Kind.GROUP, number)
        return cls

    return declare


def session_message(cls: type[M]) -> type[M]:
    """Declares a message that is the same in the sessions of all services; see messages/session.py."""
    _decoders[cls] = msgspec.msgpack.Decoder(cls)
    return cls


def declared(service: ServiceId, kind: Kind, number: int) -> type[Message] | None:
    """The message declared with these, or None."""
    return _registry.get((service, kind, number))


def callbacks_of(service: ServiceId) -> dict[int, type[Message]]:
    """The callbacks that a service has declared, by number."""
    return {number: cls for (of, kind, number), cls in _registry.items() if of is service and kind is Kind.CALLBACK}


def all_declared() -> list[type[Message]]:
    """Every declared message, by service, kind and number (for the tables in the docs, and for fuzzing)."""
    return [_registry[key] for key in sorted(_registry)]


def encode(message: Message) -> bytes:
    """The body of `message`."""
    return _encoder.encode(message)


def encode_pieces(message: Message) -> tuple[bytes | memoryview, ...]:
    """The body of `message` in one piece or in two: a long tail that was encoded before is left where it is."""
    if not message.raw_tail:
        return (_encoder.encode(message),)
    tail = getattr(message, message.__struct_fields__[-1])
    pieces = tail if type(tail) is _InPieces else (memoryview(tail),)
    if len(tail) <= COPIED_MAX and pieces is not tail:
        return (_encoder.encode(message),)
    head = _encoder.encode(msgspec.structs.astuple(message)[:-1])
    assert head[0] & 0xF0 == _ARRAY, "a message with a tail has fewer than 16 fields"
    return bytes((head[0] + 1,)) + head[1:], *pieces


def decode(cls: type[M], body: bytes | memoryview) -> M:
    """The message of type `cls` in `body`. Raises Malformed."""
    try:
        decoded: M = _decoders[cls].decode(body)
    except (ValueError, RecursionError) as error:  # msgspec's errors, bytes that are no UTF-8, absurd nesting
        raise Malformed(f"{cls.__name__}: {error}") from None
    return decoded


def encode_group(message: Message) -> bytes:
    """`message` as the payload of a group message: service, number, body."""
    head, *tail = encode_pieces(message)
    number = bytes((message.service, message.number))
    return b"".join((number, head, *tail)) if tail else number + head


def decode_group(payload: bytes | memoryview) -> Message:
    """The group message in `payload`. Raises Malformed."""
    if len(payload) < 2:
        raise Malformed(f"group message: {len(payload)} bytes, expected at least 2")
    cls = _registry.get((payload[0], Kind.GROUP, payload[1]))
    if cls is None:
        raise Malformed(f"group message: unknown number {payload[1]} of service {payload[0]}")
    return decode(cls, memoryview(payload)[2:])
