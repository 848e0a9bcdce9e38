"""libSaClm.so: the functions of saClm.h, over the cluster membership library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from _openais_c import ffi

from openais.c_api.boundary import (
    NULL,
    OK,
    Handles,
    Pointer,
    allocate,
    clear,
    exported,
    given,
    negotiate,
    release,
    seconds_of,
    set_name,
)
from openais.client.clm import Clm
from openais.client.clm_operations import ClmCallbacks, NodeGetResult, NotificationBuffer
from openais.client.connecting import dispatch_flags
from openais.client.versions import VersionDatabase
from openais.messages.clm import ClusterNode, ClusterView, Notification
from openais.types import (
    AisError,
    BadFlags,
    ErrorCode,
    InvalidParam,
    NoSpace,
    NotExist,
    TrackFlags,
    Version,
    VersionError,
)

VERSIONS: Final = VersionDatabase((Version("B", 4, 1),))
TRACK_LOCAL: Final = 0x08
TRACK_STEPS: Final = 0x30
"""SA_TRACK_START_STEP and SA_TRACK_VALIDATE_STEP: no change of ours has these steps."""
TRACK_CHANGES: Final = int(TrackFlags.CHANGES | TrackFlags.CHANGES_ONLY)
STEP_COMPLETED: Final = 4
UNKNOWN_TIME: Final = -(2**63)
ADDRESS_MAX: Final = 64


class Handle:
    """What stands behind an SaClmHandleT. `suffix` is that of the types of its version: "" or "_4"."""

    def __init__(self, callbacks: Pointer, suffix: str, evictable: bool) -> None:
        self.suffix = suffix
        self.evictable = evictable
        """Whether it is of B.03.01, which has responses to evictions."""
        self.local_only = False
        """Whether only changes of the local node are told (SA_TRACK_LOCAL)."""
        self._track = callbacks.saClmClusterTrackCallback if callbacks != NULL else NULL
        self._node_get = callbacks.saClmClusterNodeGetCallback if callbacks != NULL else NULL
        self.library = Clm(
            callbacks=ClmCallbacks(
                track=self._run_track if self._track != NULL else None,
                node_get=self._run_node_get if self._node_get != NULL else None,
            )
        )

    def items_of(self, view: ClusterView) -> tuple[Notification, ...]:
        """The notifications of a view that are told."""
        if not self.local_only:
            return view.notifications
        return tuple(each for each in view.notifications if each.node.node_id == self.library.node_id)

    def _run_track(self, view: ClusterView) -> None:
        told = self.items_of(view)
        if self.local_only and not told:
            return
        items = ffi.new(f"SaClmClusterNotificationT{self.suffix}[]", max(1, len(told)))
        _fill_items(items, told)
        buffer = ffi.new(f"SaClmClusterNotificationBufferT{self.suffix} *")
        buffer.viewNumber, buffer.numberOfItems, buffer.notification = view.view_number, len(told), items
        if self.suffix:
            cause, correlation = ffi.new("SaNameT *"), ffi.new("SaNtfCorrelationIdsT *")
            self._track(buffer, view.member_count, 0, cause, correlation, STEP_COMPLETED, UNKNOWN_TIME, OK)
        else:
            self._track(buffer, view.member_count, OK)

    def _run_node_get(self, result: NodeGetResult) -> None:
        node = ffi.new(f"SaClmClusterNodeT{self.suffix} *")
        if result.node is not None:
            _fill_node(node, result.node)
        self._node_get(result.invocation, node, int(result.error))


_handles: Final = Handles[Handle]()


@exported
def saClmInitialize(handle: Pointer, callbacks: Pointer, version: Pointer) -> None:
    _initialize(handle, callbacks, version, "")


@exported
def saClmInitialize_3(handle: Pointer, callbacks: Pointer, version: Pointer) -> None:
    _initialize(handle, callbacks, version, "", evictable=True)


@exported
def saClmInitialize_4(handle: Pointer, callbacks: Pointer, version: Pointer) -> None:
    _initialize(handle, callbacks, version, "_4")


@exported
def saClmSelectionObjectGet(handle: int, selection_object: Pointer) -> None:
    clm = _handles.get(handle)
    given(selection_object)
    selection_object[0] = clm.library.fileno()


@exported
def saClmDispatch(handle: int, flags: int) -> None:
    _handles.get(handle).library.dispatch(dispatch_flags(flags))


@exported
def saClmFinalize(handle: int) -> None:
    _handles.remove(handle).library.finalize()


@exported
def saClmClusterTrack(handle: int, flags: int, buffer: Pointer) -> None:
    _track(_handle(handle, ""), flags, buffer)


@exported
def saClmClusterTrack_4(handle: int, flags: int, buffer: Pointer) -> None:
    _track(_handle(handle, "_4"), flags, buffer)


@exported
def saClmClusterTrackStop(handle: int) -> None:
    _handles.get(handle).library.track_stop()


@exported
def saClmClusterNotificationFree(handle: int, notification: Pointer) -> None:
    _free(handle, notification, "")


@exported
def saClmClusterNotificationFree_4(handle: int, notification: Pointer) -> None:
    _free(handle, notification, "_4")


@exported
def saClmResponse(handle: int, invocation: int, error: int) -> None:
    """No node is evicted, so no response is awaited."""
    if not _handle(handle, "").evictable:
        raise VersionError("responses are for handles of saClmInitialize_3")
    if not ErrorCode.OK <= error <= max(ErrorCode):
        raise InvalidParam(f"response {error}")
    raise NotExist(f"no response to invocation {invocation} is awaited")


@exported
def saClmResponse_4(handle: int, invocation: int, response: int) -> None:
    """No callback of ours asks for a response, so none is awaited."""
    _handle(handle, "_4")
    if not 1 <= response <= 3:
        raise InvalidParam(f"response {response}")
    raise NotExist(f"no response to invocation {invocation} is awaited")


@exported
def saClmClusterNodeGet(handle: int, node_id: int, timeout: int, node: Pointer) -> None:
    _node_get(_handle(handle, ""), node_id, timeout, node)


@exported
def saClmClusterNodeGet_4(handle: int, node_id: int, timeout: int, node: Pointer) -> None:
    _node_get(_handle(handle, "_4"), node_id, timeout, node)


@exported
def saClmClusterNodeGetAsync(handle: int, invocation: int, node_id: int) -> None:
    _handles.get(handle).library.node_get_async(invocation, node_id)


def _initialize(handle: Pointer, callbacks: Pointer, version: Pointer, suffix: str, evictable: bool = False) -> None:
    given(handle)
    negotiate(VERSIONS, version)
    handle[0] = _handles.add(Handle(callbacks, suffix, evictable))


def _handle(handle: int, suffix: str) -> Handle:
    """What stands behind a handle. Raises BadHandle; VersionError when it is for the functions of another version."""
    clm = _handles.get(handle)
    if clm.suffix != suffix:
        raise VersionError("the handle was initialized for the functions of another version")
    return clm


def _track(clm: Handle, flags: int, buffer: Pointer) -> None:
    """saClmClusterTrack. What the buffer has no room for is an error, and it is told how many items there are."""
    local, steps = flags & TRACK_LOCAL, flags & TRACK_STEPS
    base = TrackFlags(flags & ~(TRACK_LOCAL | TRACK_STEPS))
    if (local or steps) and not clm.suffix:
        raise BadFlags("SA_TRACK_LOCAL and the steps are of B.04.01")
    if steps and not base & TRACK_CHANGES:
        raise BadFlags("steps are tracked with SA_TRACK_CHANGES or SA_TRACK_CHANGES_ONLY")
    wanted = buffer != NULL and TrackFlags.CURRENT in base
    if wanted and buffer.notification != NULL and buffer.numberOfItems == 0:
        raise InvalidParam("a notification buffer for no items")
    members = NotificationBuffer() if wanted else None
    before = clm.local_only
    if base & TRACK_CHANGES or not wanted:
        clm.local_only = bool(local)
    try:
        clm.library.cluster_track(base, members)
    except AisError:
        clm.local_only = before
        raise
    if members is not None:
        view = ClusterView(members.view_number, members.notifications, len(members.notifications))
        _fill_buffer(clm, buffer, view, bool(local))


def _fill_buffer(clm: Handle, buffer: Pointer, view: ClusterView, local: bool) -> None:
    told = [each for each in view.notifications if not local or each.node.node_id == clm.library.node_id]
    capacity = buffer.numberOfItems
    buffer.viewNumber, buffer.numberOfItems = view.view_number, len(told)
    if buffer.notification == NULL:
        kind = f"SaClmClusterNotificationT{clm.suffix}"
        buffer.notification = allocate(kind, ffi.sizeof(kind), len(told))
    elif capacity < len(told):
        raise NoSpace(f"{len(told)} notifications, the buffer holds {capacity}")
    _fill_items(buffer.notification, told)


def _free(handle: int, notification: Pointer, suffix: str) -> None:
    _handle(handle, suffix)
    given(notification)
    release(notification)


def _node_get(clm: Handle, node_id: int, timeout: int, node: Pointer) -> None:
    given(node)
    member = clm.library.node_get(node_id, seconds_of(timeout))
    clear(node)
    _fill_node(node, member)


def _fill_items(items: Pointer, notifications: Sequence[Notification]) -> None:
    clear(items, len(notifications))
    for index, each in enumerate(notifications):
        _fill_node(ffi.addressof(items[index], "clusterNode"), each.node)
        items[index].clusterChange = int(each.change)


def _fill_node(node: Pointer, member: ClusterNode) -> None:
    node.nodeId = member.node_id
    node.member = member.member
    node.bootTimestamp = member.boot_timestamp_ns
    node.initialViewNumber = member.initial_view_number
    address = member.address.encode()[: ADDRESS_MAX - 1]
    node.nodeAddress.family = _family(member.address)
    node.nodeAddress.length = len(address)
    ffi.memmove(node.nodeAddress.value, address, len(address))
    set_name(node.nodeName, member.name)


def _family(address: str) -> int:
    """SA_CLM_AF_INET or SA_CLM_AF_INET6."""
    return 2 if ":" in address else 1
