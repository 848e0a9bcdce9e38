"""libSaAmf.so: the functions of saAmf.h, over the availability management library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from _openais_c import ffi, lib

from openais.c_api.boundary import (
    NULL,
    OK,
    Handles,
    Pointer,
    allocate,
    clear,
    decoded,
    exported,
    given,
    negotiate,
    release,
    set_name,
    text_of,
)
from openais.client.amf import Amf
from openais.client.amf_operations import COMPONENT_VARIABLE, AmfCallbacks
from openais.client.connecting import dispatch_flags
from openais.client.operation import Operation, ask
from openais.client.versions import VersionDatabase
from openais.messages.amf import (
    CsiRemove,
    CsiSet,
    HealthcheckAsk,
    ProtectionGroup,
    ProtectionGroupChanged,
    ProtectionGroupTrack,
    ProtectionMember,
    Terminate,
)
from openais.messages.amf_model import HaReadiness, HaState, PmErrors, PmStop, Recovery
from openais.messages.amf_proxies import ProxiedCleanup, ProxiedInstantiate
from openais.types import (
    BadFlags,
    ErrorCode,
    InitError,
    InvalidParam,
    NoSpace,
    NotExist,
    TrackFlags,
    Version,
    VersionError,
)

VERSIONS: Final = VersionDatabase((Version("B", 4, 1),))
NOTIFICATION: Final = "SaAmfProtectionGroupNotificationT"
KEY_MAX: Final = 32
TARGET_ONE: Final = 2
"""SA_AMF_CSI_TARGET_ONE."""
NEW_ASSIGN: Final = 1
NOT_QUIESCED: Final = 3
T = TypeVar("T")


class Framework(Amf):
    """The Python library, which runs any operation."""

    def call(self, operation: Operation[T]) -> T:
        """Runs an operation. Raises its errors."""
        return self._run(operation, None)


class Handle:
    """What stands behind an SaAmfHandleT. `version` is how the function ends that made it: "", "_3" or "_4"."""

    def __init__(self, callbacks: Pointer, version: str) -> None:
        self.version = version
        self.suffix = "_4" if version == "_4" else ""
        """That of the types of protection groups, and of most functions."""
        self.callbacks = ffi.new(f"SaAmfCallbacksT{version} *")
        if callbacks != NULL:
            self.callbacks[0] = callbacks[0]
        own = self.callbacks
        self.library = Framework(
            callbacks=AmfCallbacks(
                csi_set=self._run_csi_set if own.saAmfCSISetCallback != NULL else None,
                csi_remove=self._run_csi_remove if own.saAmfCSIRemoveCallback != NULL else None,
                healthcheck=self._run_healthcheck if own.saAmfHealthcheckCallback != NULL else None,
                terminate=self._run_terminate if own.saAmfComponentTerminateCallback != NULL else None,
                proxied_instantiate=self._run_instantiate
                if own.saAmfProxiedComponentInstantiateCallback != NULL
                else None,
                proxied_cleanup=self._run_cleanup if own.saAmfProxiedComponentCleanupCallback != NULL else None,
                protection_group=self._run_group if own.saAmfProtectionGroupTrackCallback != NULL else None,
            )
        )

    def _run_csi_set(self, event: CsiSet) -> None:
        descriptor = ffi.new("SaAmfCSIDescriptorT *")
        descriptor.csiFlags = event.flags
        set_name(descriptor.csiName, event.csi)
        state = descriptor.csiStateDescriptor
        if event.state is HaState.STANDBY:
            set_name(state.standbyDescriptor.activeCompName, event.other)
            state.standbyDescriptor.standbyRank = event.rank
        elif event.state is HaState.ACTIVE:
            state.activeDescriptor.transitionDescriptor = NOT_QUIESCED if event.other else NEW_ASSIGN
            set_name(state.activeDescriptor.activeCompName, event.other)
        texts = [ffi.new("SaUint8T[]", text.encode() + b"\0") for pair in event.attributes for text in pair]
        attributes = ffi.new("SaAmfCSIAttributeT[]", max(1, len(event.attributes)))
        for index in range(len(event.attributes)):
            attributes[index].attrName, attributes[index].attrValue = texts[2 * index], texts[2 * index + 1]
        descriptor.csiAttr.attr, descriptor.csiAttr.number = attributes, len(event.attributes)
        name = _name(event.component)
        lib.openais_call_csi_set(
            self.callbacks.saAmfCSISetCallback, event.invocation, name, int(event.state), descriptor
        )

    def _run_csi_remove(self, event: CsiRemove) -> None:
        component, csi = _name(event.component), _name(event.csi)
        self.callbacks.saAmfCSIRemoveCallback(event.invocation, component, csi, TARGET_ONE)

    def _run_healthcheck(self, event: HealthcheckAsk) -> None:
        key = ffi.new("SaAmfHealthcheckKeyT *")
        encoded = event.key.encode()[:KEY_MAX]
        ffi.memmove(key.key, encoded, len(encoded))
        key.keyLen = len(encoded)
        self.callbacks.saAmfHealthcheckCallback(event.invocation, _name(event.component), key)

    def _run_terminate(self, event: Terminate) -> None:
        self.callbacks.saAmfComponentTerminateCallback(event.invocation, _name(event.component))

    def _run_instantiate(self, event: ProxiedInstantiate) -> None:
        self.callbacks.saAmfProxiedComponentInstantiateCallback(event.invocation, _name(event.component))

    def _run_cleanup(self, event: ProxiedCleanup) -> None:
        self.callbacks.saAmfProxiedComponentCleanupCallback(event.invocation, _name(event.component))

    def _run_group(self, event: ProtectionGroupChanged) -> None:
        members = event.group.members
        items = ffi.new(f"{NOTIFICATION}{self.suffix}[]", max(1, len(members)))
        _fill(items, members, self.suffix)
        kind = f"SaAmfProtectionGroupNotificationBufferT{self.suffix} *"
        buffer = ffi.new(kind, {"numberOfItems": len(members)})
        buffer.notification = items
        csi = _name(event.group.csi)
        self.callbacks.saAmfProtectionGroupTrackCallback(csi, buffer, event.member_count, OK)


_handles: Final = Handles[Handle]()


@exported
def saAmfInitialize(handle: Pointer, callbacks: Pointer, version: Pointer) -> None:
    _initialize(handle, callbacks, version, "")


@exported
def saAmfInitialize_3(handle: Pointer, callbacks: Pointer, version: Pointer) -> None:
    _initialize(handle, callbacks, version, "_3")


@exported
def saAmfInitialize_4(handle: Pointer, callbacks: Pointer, version: Pointer) -> None:
    _initialize(handle, callbacks, version, "_4")


@exported
def saAmfSelectionObjectGet(handle: int, selection_object: Pointer) -> None:
    amf = _handles.get(handle)
    given(selection_object)
    selection_object[0] = amf.library.fileno()


@exported
def saAmfDispatch(handle: int, flags: int) -> None:
    _handles.get(handle).library.dispatch(dispatch_flags(flags))


@exported
def saAmfFinalize(handle: int) -> None:
    _handles.remove(handle).library.finalize()


@exported
def saAmfComponentRegister(handle: int, component: Pointer, proxy: Pointer) -> None:
    amf = _handles.get(handle)
    amf.library.register(_named(component), text_of(proxy) if proxy != NULL else "")


@exported
def saAmfComponentUnregister(handle: int, component: Pointer, proxy: Pointer) -> None:
    amf = _handles.get(handle)
    amf.library.unregister(_named(component), text_of(proxy) if proxy != NULL else "")


@exported
def saAmfComponentNameGet(handle: int, component: Pointer) -> None:
    """The environment of the program may be another than when the interpreter was started."""
    _handles.get(handle)
    given(component)
    value = lib.getenv(COMPONENT_VARIABLE.encode())
    if value == NULL or value[0] == b"\0":
        raise NotExist(f"${COMPONENT_VARIABLE} is not set")
    set_name(component, decoded(ffi.string(value)))


@exported
def saAmfPmStart(handle: int, component: Pointer, process_id: int, depth: int, errors: int, recovery: int) -> None:
    _pm_start(_handle_of(handle, ""), component, process_id, depth, errors, recovery)


@exported
def saAmfPmStart_3(handle: int, component: Pointer, process_id: int, depth: int, errors: int, recovery: int) -> None:
    _pm_start(_handle_of(handle, "_3", "_4"), component, process_id, depth, errors, recovery)


@exported
def saAmfPmStop(handle: int, component: Pointer, qualifier: int, process_id: int, errors: int) -> None:
    amf = _handles.get(handle)
    try:
        wanted = PmStop(qualifier)
    except ValueError:
        raise InvalidParam(f"stop qualifier {qualifier}") from None
    named = 0 if wanted is PmStop.ALL_PROCESSES else process_id
    amf.library.pm_stop(_named(component), named, _pm_errors(errors), wanted)


def _pm_start(amf: Handle, component: Pointer, process_id: int, depth: int, errors: int, recovery: int) -> None:
    amf.library.pm_start(_named(component), process_id, depth, _pm_errors(errors), _recovery(recovery))


def _pm_errors(errors: int) -> PmErrors:
    if not errors or errors & ~0x07:
        raise InvalidParam(f"passive monitoring for errors {errors:#x}")
    return PmErrors(errors)


@exported
def saAmfHealthcheckStart(handle: int, component: Pointer, key: Pointer, invocation: int, recovery: int) -> None:
    amf = _handles.get(handle)
    if invocation not in (1, 2):
        raise InvalidParam(f"healthcheck invocation {invocation}")
    if invocation == 1 and amf.callbacks.saAmfHealthcheckCallback == NULL:
        raise InitError("it needs the healthcheck callback, which was not given")
    amf.library.healthcheck_start(
        _named(component), _key_of(key), by_component=invocation == 2, recovery=_recovery(recovery)
    )


@exported
def saAmfHealthcheckConfirm(handle: int, component: Pointer, key: Pointer, result: int) -> None:
    _handles.get(handle).library.healthcheck_confirm(_named(component), _key_of(key), _error(result))


@exported
def saAmfHealthcheckStop(handle: int, component: Pointer, key: Pointer) -> None:
    _handles.get(handle).library.healthcheck_stop(_named(component), _key_of(key))


@exported
def saAmfResponse_4(handle: int, invocation: int, correlation: Pointer, error: int) -> None:
    _handle(handle, "_4").library.response(invocation, _error(error))


@exported
def saAmfHAReadinessStateSet(handle: int, component: Pointer, csi: Pointer, state: int, correlation: Pointer) -> None:
    amf = _handle(handle, "_4")
    try:
        readiness = HaReadiness(state)
    except ValueError:
        raise InvalidParam(f"HA readiness state {state}") from None
    amf.library.ha_readiness_state_set(_named(component), _named(csi), readiness)


@exported
def saAmfResponse(handle: int, invocation: int, error: int) -> None:
    _handle(handle, "").library.response(invocation, _error(error))


@exported
def saAmfCSIQuiescingComplete(handle: int, invocation: int, error: int) -> None:
    _handles.get(handle).library.quiescing_complete(invocation, _error(error))


@exported
def saAmfHAStateGet(handle: int, component: Pointer, csi: Pointer, state: Pointer) -> None:
    amf = _handles.get(handle)
    given(state)
    state[0] = int(amf.library.ha_state_get(_named(component), _named(csi)))


@exported
def saAmfProtectionGroupTrack(handle: int, csi: Pointer, flags: int, buffer: Pointer) -> None:
    _track(_handle(handle, ""), csi, flags, buffer)


@exported
def saAmfProtectionGroupTrack_4(handle: int, csi: Pointer, flags: int, buffer: Pointer) -> None:
    _track(_handle(handle, "_4"), csi, flags, buffer)


@exported
def saAmfProtectionGroupNotificationFree(handle: int, notification: Pointer) -> None:
    _handle(handle, "")
    given(notification)
    release(notification)


@exported
def saAmfProtectionGroupNotificationFree_4(handle: int, notification: Pointer) -> None:
    _handle(handle, "_4")
    given(notification)
    release(notification)


def _track(amf: Handle, csi: Pointer, flags: int, buffer: Pointer) -> None:
    """As saClmClusterTrack: without a buffer the members now are given to the callback."""
    name, wanted = _named(csi), _track_flags(flags)
    in_buffer = buffer != NULL and TrackFlags.CURRENT in wanted
    if in_buffer and buffer.notification != NULL and buffer.numberOfItems == 0:
        raise InvalidParam("a notification buffer for no items")
    changes = wanted & (TrackFlags.CHANGES | TrackFlags.CHANGES_ONLY)
    if (changes or not in_buffer) and amf.callbacks.saAmfProtectionGroupTrackCallback == NULL:
        raise InitError("it needs the protection group callback, which was not given")
    request = ProtectionGroupTrack(name, wanted, notify_current=TrackFlags.CURRENT in wanted and not in_buffer)
    group = amf.library.call(ask(request, ProtectionGroup))
    if in_buffer:
        _fill_buffer(buffer, group.members, amf.suffix)


@exported
def saAmfProtectionGroupTrackStop(handle: int, csi: Pointer) -> None:
    _handles.get(handle).library.protection_group_track_stop(_named(csi))


@exported
def saAmfComponentErrorReport(handle: int, component: Pointer, time: int, recovery: int, notification: int) -> None:
    _handle(handle, "").library.component_error_report(_named(component), _recovery(recovery), time)


@exported
def saAmfComponentErrorReport_4(handle: int, component: Pointer, time: int, recovery: int, ids: Pointer) -> None:
    _handle(handle, "_4").library.component_error_report(_named(component), _recovery(recovery), time)


@exported
def saAmfComponentErrorClear(handle: int, component: Pointer, notification: int) -> None:
    _handle(handle, "").library.component_error_clear(_named(component))


@exported
def saAmfComponentErrorClear_4(handle: int, component: Pointer, correlation: Pointer) -> None:
    _handle(handle, "_4").library.component_error_clear(_named(component))


def _initialize(handle: Pointer, callbacks: Pointer, version: Pointer, ending: str) -> None:
    given(handle)
    negotiate(VERSIONS, version)
    handle[0] = _handles.add(Handle(callbacks, ending))


def _handle(handle: int, suffix: str) -> Handle:
    """What stands behind a handle for the functions that end in "" or "_4". Raises as `_handle_of`."""
    return _handle_of(handle, "_4") if suffix else _handle_of(handle, "", "_3")


def _handle_of(handle: int, *versions: str) -> Handle:
    """What stands behind a handle. Raises BadHandle; VersionError when it is for the functions of another version."""
    amf = _handles.get(handle)
    if amf.version not in versions:
        raise VersionError("the handle was initialized for the functions of another version")
    return amf


def _name(text: str) -> Pointer:
    name = ffi.new("SaNameT *")
    set_name(name, text)
    return name


def _named(name: Pointer) -> str:
    """The text of a name. Raises InvalidParam, when it is empty too."""
    text = text_of(name)
    if not text:
        raise InvalidParam("an empty name")
    return text


def _key_of(key: Pointer) -> str:
    given(key)
    if not 1 <= key.keyLen <= KEY_MAX:
        raise InvalidParam(f"a healthcheck key of {key.keyLen} bytes, expected 1 to {KEY_MAX}")
    return decoded(bytes(ffi.buffer(key.key, key.keyLen)))


def _recovery(recovery: int) -> Recovery:
    try:
        return Recovery(recovery)
    except ValueError:
        raise InvalidParam(f"recommended recovery {recovery}") from None


def _error(error: int) -> ErrorCode:
    try:
        return ErrorCode(error)
    except ValueError:
        raise InvalidParam(f"error {error}") from None


def _track_flags(flags: int) -> TrackFlags:
    if not flags or flags & ~0x07 or flags & 0x06 == 0x06:
        raise BadFlags(f"track flags {flags:#x}")
    return TrackFlags(flags)


def _fill_buffer(buffer: Pointer, members: Sequence[ProtectionMember], suffix: str) -> None:
    capacity, buffer.numberOfItems = buffer.numberOfItems, len(members)
    if buffer.notification == NULL:
        buffer.notification = allocate(f"{NOTIFICATION}{suffix}", ffi.sizeof(f"{NOTIFICATION}{suffix}"), len(members))
    elif capacity < len(members):
        raise NoSpace(f"{len(members)} notifications, the buffer holds {capacity}")
    _fill(buffer.notification, members, suffix)


def _fill(items: Pointer, members: Sequence[ProtectionMember], suffix: str) -> None:
    clear(items, len(members))
    for index, each in enumerate(members):
        set_name(items[index].member.compName, each.component)
        items[index].member.haState = int(each.state)
        items[index].member.rank = each.rank
        items[index].change = each.change
        if suffix:
            items[index].member.haReadinessState = int(each.readiness)
