"""docs/reference/messages.md: every message, from its declaration."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from typing import Any, Final

import msgspec

import openais.messages
from openais.messages.base import Kind, Message, Request, ServiceId, all_declared

OPENING: Final = """\
# Messages

Generated from `src/openais/messages/` by `make docs`; do not edit.

Every message is declared once, and both sides of a connection, and all nodes, use that declaration. Bodies are
MessagePack arrays in the order of the fields. A *request* goes from a library to its executive, which answers with a
*response* of the same number or with an error; a *callback* goes to a library unasked; a *group message* goes from an
executive to all executives, in the total order. How they are framed on the library socket stands in
`src/openais/messages/frame.py`.
"""
HEADINGS: Final = {
    Kind.REQUEST: "Requests and their responses",
    Kind.CALLBACK: "Callbacks",
    Kind.GROUP: "Group messages",
}


def message_reference() -> str:
    """The document."""
    for module in pkgutil.iter_modules(openais.messages.__path__):
        importlib.import_module(f"openais.messages.{module.name}")
    package = openais.messages.__name__ + "."
    messages = [message for message in all_declared() if message.__module__.startswith(package)]
    parts = [OPENING]
    for service in ServiceId:
        own = [message for message in messages if message.service is service]
        if own:
            parts.append(_service(service, own))
    parts.append(_structures(messages))
    return "\n".join(parts)


def _service(service: ServiceId, messages: list[type[Message]]) -> str:
    lines = [f"## {service.name} (service {service.value})", ""]
    for kind, heading in HEADINGS.items():
        of_kind = [message for message in messages if message.kind is kind]
        if of_kind:
            lines += [f"### {heading}", "", "| number | message | what it is |", "|---|---|---|"]
            lines += [row for message in of_kind for row in _rows(message)]
            lines.append("")
    return "\n".join(lines)


def _structures(messages: Iterable[type[Message]]) -> str:
    """What messages are made of besides plain values."""
    found: dict[str, type[msgspec.Struct]] = {}
    for message in messages:
        for field in _fields(message):
            _collect(field.type, found)
    lines = ["## Structures in messages", "", "| structure | what it is |", "|---|---|"]
    lines += [f"| {_signature(found[name])} | {_summary(found[name])} |" for name in sorted(found)]
    return "\n".join(lines) + "\n"


def _collect(described: Any, found: dict[str, type[msgspec.Struct]]) -> None:
    """Adds the structures in a type, and in their fields, to `found`."""
    if isinstance(described, msgspec.inspect.StructType) and described.cls.__name__ not in found:
        found[described.cls.__name__] = described.cls
        for field in described.fields:
            _collect(field.type, found)
    for part in ("item_type", "key_type", "value_type"):
        if hasattr(described, part):
            _collect(getattr(described, part), found)
    for member in getattr(described, "types", ()):
        _collect(member, found)


def _rows(message: type[Message]) -> Iterable[str]:
    yield f"| {message.number} | {_signature(message)} | {_summary(message)} |"
    if issubclass(message, Request):
        yield f"| | → {_signature(message.response)} | {_summary(message.response)} |"


def _signature(message: type[msgspec.Struct]) -> str:
    fields = ", ".join(f"{field.name}: {_type_name(field.type)}" for field in _fields(message))
    return f"**{message.__name__}**" + (f"<br>`{fields}`" if fields else "")


def _fields(message: type[msgspec.Struct]) -> tuple[msgspec.inspect.Field, ...]:
    described = msgspec.inspect.type_info(message)
    assert isinstance(described, msgspec.inspect.StructType)
    return described.fields


def _summary(message: type[msgspec.Struct]) -> str:
    return " ".join((message.__doc__ or "").split("\n\n")[0].split()).replace("|", "\\|")


def _type_name(described: Any) -> str:
    """The type of a field, with its limits, in a few characters."""
    inspect = msgspec.inspect
    if isinstance(described, inspect.StructType):
        return str(described.cls.__name__)
    if isinstance(described, inspect.VarTupleType | inspect.ListType):
        return f"{_type_name(described.item_type)}[{_limits(described.min_length, described.max_length)}]"
    if isinstance(described, inspect.DictType):
        return f"{{{_type_name(described.key_type)}: {_type_name(described.value_type)}}}"
    if isinstance(described, inspect.UnionType):
        return " or ".join(_type_name(member) for member in described.types)
    if isinstance(described, inspect.StrType):
        limits = _limits(described.min_length, described.max_length)
        return f"str({limits})" if limits else "str"
    if isinstance(described, inspect.IntType):
        limits = _limits(described.ge, described.le)
        return f"int({limits})" if limits else "int"
    return str(type(described).__name__.removesuffix("Type").lower())


def _limits(low: int | None, high: int | None) -> str:
    if low is None and high is None:
        return ""
    if low is None:
        return f"≤{high}"
    return f"{low}–{'' if high is None else high}"
