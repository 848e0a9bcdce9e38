"""libevs.so: the functions of evs.h, over the extended virtual synchrony library.

The callbacks of an old program know nothing of transitional configurations, so it is told of regular ones alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from _openais_c import ffi

from openais.c_api.boundary import NULL, Handles, Pointer, bytes_of, decoded, exported, given
from openais.client.connecting import dispatch_flags
from openais.client.evs import Evs
from openais.client.evs_operations import ConfigurationChanged, EvsCallbacks, MessageDelivered
from openais.messages.evs import GROUPS_MAX
from openais.messages.frame import FRAME_MAX
from openais.types import AisError, ErrorCode, Guarantee, InvalidParam, NodeId, NoResources, TooBig

SAFE: Final = 3
"""EVS_TYPE_SAFE; the lower ones are given agreed order."""
KEY_BYTES: Final = 32
PIECES_MAX: Final = 1024
"""IOV_MAX of Linux: what writev and sendmsg take, and programs know."""
TOO_MANY_GROUPS: Final = ErrorCode(30)
"""EVS_ERR_TOO_MANY_GROUPS, which is another error in the SA Forum."""


class Handle:
    """What stands behind an evs_handle_t."""

    def __init__(self, callbacks: Pointer) -> None:
        self._deliver = callbacks.evs_deliver_fn if callbacks != NULL else NULL
        self._changed = callbacks.evs_confchg_fn if callbacks != NULL else NULL
        self.library = Evs(
            callbacks=EvsCallbacks(
                deliver=self._run_deliver if self._deliver != NULL else None,
                configuration_changed=self._run_changed if self._changed != NULL else None,
            )
        )

    def _run_deliver(self, message: MessageDelivered) -> None:
        source = ffi.new("struct in_addr *", {"s_addr": message.sender.node_id})
        payload = ffi.new("char[]", message.payload)
        self._deliver(source[0], payload, len(message.payload))

    def _run_changed(self, change: ConfigurationChanged) -> None:
        lists = (change.members, change.left, change.joined)
        pointers = [_addresses(nodes) for nodes in lists]
        self._changed(*(each for pointer, nodes in zip(pointers, lists, strict=True) for each in (pointer, len(nodes))))


_handles: Final = Handles[Handle]()


@exported
def evs_initialize(handle: Pointer, callbacks: Pointer) -> None:
    given(handle)
    handle[0] = _handles.add(Handle(callbacks))


@exported
def evs_finalize(handle: int) -> None:
    _handles.remove(handle).library.finalize()


@exported
def evs_fd_get(handle: int, fd: Pointer) -> None:
    evs = _handles.get(handle)
    given(fd)
    fd[0] = evs.library.fileno()


@exported
def evs_dispatch(handle: int, dispatch_types: int) -> None:
    """Its flags begin with 0, those of the SA Forum with 1."""
    _handles.get(handle).library.dispatch(dispatch_flags(dispatch_types + 1))


@exported
def evs_join(handle: int, groups: Pointer, count: int) -> None:
    evs = _handles.get(handle)
    try:
        evs.library.join(_names_of(groups, count))
    except NoResources as error:
        raise AisError.of(TOO_MANY_GROUPS, str(error)) from None


@exported
def evs_leave(handle: int, groups: Pointer, count: int) -> None:
    evs = _handles.get(handle)
    evs.library.leave(_names_of(groups, count))


@exported
def evs_mcast_joined(handle: int, guarantee: int, iovec: Pointer, iov_len: int) -> None:
    evs = _handles.get(handle)
    wanted, payload = _guarantee(guarantee), _payload(iovec, iov_len)
    with _no_too_big():
        evs.library.multicast_joined(payload, guarantee=wanted)


@exported
def evs_mcast_groups(handle: int, guarantee: int, groups: Pointer, count: int, iovec: Pointer, iov_len: int) -> None:
    evs = _handles.get(handle)
    wanted, payload = _guarantee(guarantee), _payload(iovec, iov_len)
    names = _names_of(groups, count)
    with _no_too_big():
        evs.library.multicast(names, payload, guarantee=wanted)


@exported
def evs_membership_get(handle: int, local_addr: Pointer, member_list: Pointer, entries: Pointer) -> None:
    """Without room for all members it gives those that fit, how many there are, and INVALID_PARAM."""
    evs = _handles.get(handle)
    if member_list != NULL:
        given(entries)
    membership = evs.library.membership()
    members = membership.configuration.members
    if local_addr != NULL:
        local_addr.s_addr = membership.local_node_id
    if entries == NULL:
        return
    room, entries[0] = entries[0], len(members)
    if member_list == NULL:
        return
    for index, node_id in enumerate(members[: max(0, room)]):
        member_list[index].s_addr = node_id
    if room < len(members):
        raise InvalidParam(f"{len(members)} members, the list holds {room}")


@contextmanager
def _no_too_big() -> Iterator[None]:
    """evs_error_t has no such error."""
    try:
        yield
    except TooBig as error:
        raise InvalidParam(str(error)) from None


def _addresses(nodes: Sequence[NodeId]) -> Pointer:
    addresses = ffi.new("struct in_addr[]", max(1, len(nodes)))
    for index, node_id in enumerate(nodes):
        addresses[index].s_addr = node_id
    return addresses


def _names_of(groups: Pointer, count: int) -> list[str]:
    """The names of so many groups. Raises InvalidParam, and EVS_ERR_TOO_MANY_GROUPS."""
    given(groups)
    if count < 1:
        raise InvalidParam(f"{count} groups")
    if count > GROUPS_MAX:
        raise AisError.of(TOO_MANY_GROUPS, f"{count} groups, at most {GROUPS_MAX}")
    keys = (bytes(ffi.buffer(groups[index].key, KEY_BYTES)) for index in range(count))
    return [decoded(key.partition(b"\0")[0]) for key in keys]


def _guarantee(guarantee: int) -> Guarantee:
    if not 0 <= guarantee <= SAFE:
        raise InvalidParam(f"guarantee {guarantee}")
    return Guarantee.SAFE if guarantee == SAFE else Guarantee.AGREED


def _payload(iovec: Pointer, count: int) -> bytes:
    """What the pieces hold. Raises InvalidParam."""
    if not 0 <= count <= PIECES_MAX:
        raise InvalidParam(f"{count} pieces, expected {PIECES_MAX} at most")
    if count:
        given(iovec)
    if sum(iovec[index].iov_len for index in range(count)) > FRAME_MAX:
        raise InvalidParam("a message that is too long")
    return b"".join(bytes_of(iovec[index].iov_base, iovec[index].iov_len) for index in range(count))
