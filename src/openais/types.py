"""The vocabulary of the SA Forum Application Interface Specification, in Python.

Errors, versions, times, dispatch and track flags. Everything here is shared by the libraries, the services and the
executive, and imports nothing of ours.
"""

from __future__ import annotations

import enum
from typing import ClassVar, Final, NamedTuple, NewType

NodeId = NewType("NodeId", int)
"""A 32-bit node id, 1 to 0xFFFFFFFE (SaClmNodeIdT). 0 stands for no node."""

TimeNs = NewType("TimeNs", int)
"""A time or a duration in nanoseconds (SaTimeT); absolute times count from the epoch."""

LOCAL_NODE_ID: Final = NodeId(0xFFFF_FFFF)
"""Stands for the node of the caller (SA_CLM_LOCAL_NODE_ID)."""

NODE_ID_MIN: Final = 1
NODE_ID_MAX: Final = 0xFFFF_FFFE
TIME_END: Final = TimeNs(0x7FFF_FFFF_FFFF_FFFF)
"""For ever (SA_TIME_END, SA_TIME_MAX)."""
NAME_LENGTH_MAX: Final = 256
"""Bytes of a name, as UTF-8 (SA_MAX_NAME_LENGTH)."""


class ErrorCode(enum.IntEnum):
    """SaAisErrorT, with the values of the C headers."""

    OK = 1
    LIBRARY = 2
    VERSION = 3
    INIT = 4
    TIMEOUT = 5
    TRY_AGAIN = 6
    INVALID_PARAM = 7
    NO_MEMORY = 8
    BAD_HANDLE = 9
    BUSY = 10
    ACCESS = 11
    NOT_EXIST = 12
    NAME_TOO_LONG = 13
    EXIST = 14
    NO_SPACE = 15
    INTERRUPT = 16
    NAME_NOT_FOUND = 17
    NO_RESOURCES = 18
    NOT_SUPPORTED = 19
    BAD_OPERATION = 20
    FAILED_OPERATION = 21
    MESSAGE_ERROR = 22
    QUEUE_FULL = 23
    QUEUE_NOT_AVAILABLE = 24
    BAD_FLAGS = 25
    TOO_BIG = 26
    NO_SECTIONS = 27
    NO_OP = 28
    REPAIR_PENDING = 29
    NO_BINDINGS = 30
    UNAVAILABLE = 31


class AisError(Exception):
    """An SA Forum error. `code` is the SaAisErrorT; the text says where it happened and what was expected."""

    code: ErrorCode = ErrorCode.LIBRARY
    element: int | None = None
    """The index of the element that is wrong, in calls that are given several (erroneousVectorIndex)."""
    _by_code: ClassVar[dict[ErrorCode, type[AisError]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        AisError._by_code.setdefault(cls.code, cls)  # a subclass of a subclass does not stand for the code

    def __init__(self, explanation: str = "") -> None:
        super().__init__(explanation or self.__class__.__doc__ or self.code.name)

    @staticmethod
    def of(code: ErrorCode, explanation: str = "") -> AisError:
        """The exception that stands for `code`, of the subclass of that code."""
        return AisError._by_code[code](explanation)


class LibraryError(AisError):
    """The library cannot be used any more: the executive is not there or the connection to it broke."""

    code = ErrorCode.LIBRARY


class VersionError(AisError):
    """The version asked for is not among those supported."""

    code = ErrorCode.VERSION


class InitError(AisError):
    """A callback that this call needs was not given at initialization."""

    code = ErrorCode.INIT


class TimeoutExpired(AisError):
    """The time given for the call went by; whether it took effect is not known."""

    code = ErrorCode.TIMEOUT


class TryAgain(AisError):
    """The service cannot take the call now, a queue being full or a state transfer under way; it may be repeated."""

    code = ErrorCode.TRY_AGAIN


class InvalidParam(AisError):
    """A parameter is wrong."""

    code = ErrorCode.INVALID_PARAM


class NoMemory(AisError):
    """Out of memory."""

    code = ErrorCode.NO_MEMORY


class BadHandle(AisError):
    """The handle was finalized, or was never given out."""

    code = ErrorCode.BAD_HANDLE


class Busy(AisError):
    """The resource is in use."""

    code = ErrorCode.BUSY


class AccessDenied(AisError):
    """Access is denied."""

    code = ErrorCode.ACCESS


class NotExist(AisError):
    """There is no such thing."""

    code = ErrorCode.NOT_EXIST


class NameTooLong(AisError):
    """The name is longer than NAME_LENGTH_MAX bytes."""

    code = ErrorCode.NAME_TOO_LONG


class Exists(AisError):
    """It is there already."""

    code = ErrorCode.EXIST


class NoSpace(AisError):
    """The buffer or the store has no room."""

    code = ErrorCode.NO_SPACE


class Interrupted(AisError):
    """The call was interrupted."""

    code = ErrorCode.INTERRUPT


class NameNotFound(AisError):
    """The name was not found."""

    code = ErrorCode.NAME_NOT_FOUND


class NoResources(AisError):
    """A limit of the service is reached."""

    code = ErrorCode.NO_RESOURCES


class NotSupported(AisError):
    """The function is not supported."""

    code = ErrorCode.NOT_SUPPORTED


class BadOperation(AisError):
    """The operation is not allowed here."""

    code = ErrorCode.BAD_OPERATION


class FailedOperation(AisError):
    """The operation failed."""

    code = ErrorCode.FAILED_OPERATION


class MessageError(AisError):
    """A communication error."""

    code = ErrorCode.MESSAGE_ERROR


class QueueFull(AisError):
    """The queue is full."""

    code = ErrorCode.QUEUE_FULL


class QueueNotAvailable(AisError):
    """The queue is not available."""

    code = ErrorCode.QUEUE_NOT_AVAILABLE


class BadFlags(AisError):
    """The flags are wrong."""

    code = ErrorCode.BAD_FLAGS


class TooBig(AisError):
    """It is bigger than the limit."""

    code = ErrorCode.TOO_BIG


class NoSections(AisError):
    """There are no, or no more, sections."""

    code = ErrorCode.NO_SECTIONS


class NoOp(AisError):
    """The operation had no effect."""

    code = ErrorCode.NO_OP


class RepairPending(AisError):
    """The operation is done, its repair is pending."""

    code = ErrorCode.REPAIR_PENDING


class NoBindings(AisError):
    """There is no binding."""

    code = ErrorCode.NO_BINDINGS


class Unavailable(AisError):
    """The node is not a member of the cluster."""

    code = ErrorCode.UNAVAILABLE


class Version(NamedTuple):
    """SaVersionT: release code, major and minor version; `Version("B", 1, 1)` is B.01.01."""

    release: str
    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.release}.{self.major:02d}.{self.minor:02d}"


class DispatchFlags(enum.IntEnum):
    """SaDispatchFlagsT: what one call of dispatch() does."""

    ONE = 1
    """Run one pending callback, if there is one."""
    ALL = 2
    """Run all pending callbacks."""
    BLOCKING = 3
    """Wait and run callbacks until the handle is finalized."""


class TrackFlags(enum.IntFlag):
    """SaUint8T trackFlags: SA_TRACK_CURRENT, SA_TRACK_CHANGES, SA_TRACK_CHANGES_ONLY."""

    CURRENT = 1
    CHANGES = 2
    CHANGES_ONLY = 4


class Priority(enum.IntEnum):
    """The priorities of group messages, highest first (GMI_PRIO_RECOVERY … GMI_PRIO_LOW)."""

    RECOVERY = 0
    HIGH = 1
    MED = 2
    LOW = 3


class Guarantee(enum.IntEnum):
    """The delivery guarantee of a group message (evs_guarantee_t)."""

    AGREED = 0
    """Delivered in the same total order everywhere."""
    SAFE = 1
    """Agreed, and delivered only once every member of the configuration has it."""


def check_node_id(value: int, where: str) -> NodeId:
    """`value` as a NodeId. Raises InvalidParam, naming `where`, unless it is NODE_ID_MIN to NODE_ID_MAX."""
    if not NODE_ID_MIN <= value <= NODE_ID_MAX:
        raise InvalidParam(f"{where}: a node id is {NODE_ID_MIN} to {NODE_ID_MAX}, not {value}")
    return NodeId(value)
