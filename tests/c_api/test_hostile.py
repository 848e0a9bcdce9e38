"""Every function with one argument that is wrong: it gives the error of the specification, and nothing breaks.

A program is made from the headers. In each call one argument is NULL, or a handle that is none, that was one or that is
of another kind, or a value that the type does not have; all others are good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from openais.c_api.build import functions_of_library
from openais.c_api.declarations import LIBRARIES, Function, LibraryFile
from openais.types import ErrorCode
from tests.c_api.cluster import ProcessCluster
from tests.c_api.conftest import PROGRAMS, run_program

HANDLES: Final = {
    "SaClmHandleT": ("clm", "clm_3", "clm_4"),
    "SaCkptHandleT": ("ckpt", "ckpt_2"),
    "SaCkptCheckpointHandleT": ("checkpoint", "checkpoint_2"),
    "SaCkptSectionIterationHandleT": ("iteration",),
    "SaEvtHandleT": ("evt",),
    "SaEvtChannelHandleT": ("channel",),
    "SaEvtEventHandleT": ("event",),
    "SaAmfHandleT": ("amf", "amf_4"),
    "evs_handle_t": ("evs",),
}
HANDLE_FOR: Final = {
    "saClmResponse": "clm_3",
    "saCkptTrack": "ckpt_2",
    "saCkptTrackStop": "ckpt_2",
    "saCkptCheckpointTrack": "checkpoint_2",
    "saCkptCheckpointTrackStop": "checkpoint_2",
    "saAmfPmStart_3": "amf_4",
    "saAmfHAReadinessStateSet": "amf_4",
}
"""The handles of functions that are not for every handle; those that end in _4 have one that does."""

GOOD: Final = {
    "SaVersionT *": "version_of('B', 2, 3)",
    "const SaNameT *": "&name",
    "const SaCkptCheckpointCreationAttributesT *": "&creation",
    "const SaCkptSectionIdT *": "&section",
    "SaCkptSectionCreationAttributesT *": "&made_with",
    "const SaCkptIOVectorElementT *": "&element",
    "SaCkptIOVectorElementT *": "&read_into",
    "const void *": '"data"',
    "const SaEvtEventFilterArrayT *": "&passing",
    "const SaAmfHealthcheckKeyT *": "&key",
    "struct evs_group *": "&group",
    "struct iovec *": "&vector",
    "SaCkptCheckpointOpenFlagsT": "7",
    "SaEvtChannelOpenFlagsT": "7",
    "SaSizeT": "4",
    "SaTimeT": "minute",
}
"""Arguments by type. Other pointers are given memory that is all zero, other values 1."""

INVALID: Final = frozenset({ErrorCode.INVALID_PARAM})
FLAGS: Final = frozenset({ErrorCode.BAD_FLAGS})
VERSION: Final = frozenset({ErrorCode.VERSION})
BAD_HANDLE: Final = frozenset({ErrorCode.BAD_HANDLE})
LARGE: Final = frozenset({ErrorCode.TOO_BIG, ErrorCode.INVALID_PARAM})
GROUPS: Final = frozenset({ErrorCode.INVALID_PARAM, ErrorCode.NO_BINDINGS})
"""EVS_ERR_TOO_MANY_GROUPS has the number of NO_BINDINGS."""

BAD: Final[dict[str, dict[str, frozenset[ErrorCode]]]] = {
    "SaVersionT *": {
        "version_of(0, 0, 0)": VERSION,
        "version_of(255, 255, 255)": VERSION,
        "version_of('B', 9, 1)": VERSION,
    },
    "const SaNameT *": {"&too_long": INVALID, "&not_text": INVALID},
    "SaDispatchFlagsT": {"0": INVALID, "4": INVALID, "-1": INVALID},
    "SaUint8T trackFlags": {"0": FLAGS, "0x80": FLAGS, "6": FLAGS},
    "SaTimeT timeout": {"-1": INVALID},
    "SaTimeT retentionDuration": {"-1": INVALID},
    "SaTimeT retentionTime": {"-1": INVALID},
    "SaAisErrorT": {"0": INVALID, "99": INVALID, "-1": INVALID},
    "SaClmResponseT": {"0": INVALID, "4": INVALID, "-1": INVALID},
    "SaCkptCheckpointOpenFlagsT": {"0": FLAGS, "8": FLAGS, "0x80000007": FLAGS},
    "const SaCkptCheckpointCreationAttributesT *": {
        "&no_sections": INVALID,
        "&bad_creation": INVALID,
        "&no_time": INVALID,
    },
    "const SaCkptSectionIdT *": {"&no_id": INVALID},
    "SaCkptSectionCreationAttributesT *": {"&without_id": INVALID, "&with_no_id": INVALID, "&expired": INVALID},
    "const SaCkptIOVectorElementT *": {"&no_section": INVALID, "&far_away": LARGE},
    "SaCkptIOVectorElementT *": {"&no_section": INVALID, "&far_away": LARGE},
    "SaUint32T numberOfElements": {"0": INVALID, "~0U": INVALID},
    "SaCkptSectionsChosenT": {"0": INVALID, "6": INVALID, "-1": INVALID},
    "SaSizeT": {"~0ULL": LARGE},
    "SaEvtChannelOpenFlagsT": {"0": FLAGS, "8": FLAGS, "255": FLAGS},
    "SaEvtEventPriorityT": {"4": INVALID, "255": INVALID},
    "SaEvtLimitIdT": {"0": INVALID, "6": INVALID, "-1": INVALID},
    "const SaEvtEventPatternArrayT *": {"&no_array": INVALID, "&of_no_pattern": INVALID, "&too_many": LARGE},
    "const SaEvtEventFilterArrayT *": {
        "&no_filters": INVALID,
        "&of_no_kind": INVALID,
        "&of_no_filter": INVALID,
        "&too_many_filters": LARGE,
    },
    "const SaAmfHealthcheckKeyT *": {"&empty_key": INVALID, "&long_key": INVALID},
    "SaAmfHealthcheckInvocationT": {"0": INVALID, "3": INVALID, "-1": INVALID},
    "SaAmfRecommendedRecoveryT": {"0": INVALID, "99": INVALID, "-1": INVALID},
    "SaAmfPmErrorsT": {"0": INVALID, "0xff": INVALID},
    "SaAmfPmStopQualifierT": {"0": INVALID, "99": INVALID},
    "SaAmfHAReadinessStateT": {"0": INVALID, "99": INVALID},
    "evs_dispatch_t": {"-1": INVALID, "3": INVALID},
    "evs_guarantee_t": {"-1": INVALID, "4": INVALID},
    "struct evs_group *": {"&group_not_text": INVALID},
    "struct iovec *": {"&no_vector": INVALID, "&long_vector": INVALID},
    "int group_cnt": {"0": INVALID, "-1": INVALID, "INT_MAX": GROUPS},
    "int iov_len": {"-1": INVALID, "INT_MAX": INVALID},
}
"""Values that are wrong, by type, or by type and name, with the errors that are right."""

MAY_BE_NULL: Final = {
    "clmCallbacks",
    "amfCallbacks",
    "callbacks",
    "notificationBuffer",
    "checkpointCreationAttributes",
    "initialData",
    "erroneousVectorIndex",
    "publisherName",
    "proxyCompName",
    "correlationIds",
    "local_addr",
    "member_list",
    "member_list_entries",
    "saEvtEventAttributesGet",
}
"""Parameters that may be NULL, or functions of which all may."""
NULL_IS_WRONG: Final = {
    ("saCkptCheckpointOpen", "checkpointCreationAttributes"),
    ("saCkptSectionCreate", "initialData"),
}


class Call(NamedTuple):
    """One argument that is wrong."""

    function: str
    parameter: str
    value: str
    code: str
    right: frozenset[ErrorCode]


def split(parameter: str) -> tuple[str, str]:
    """The type, and the name."""
    kind, _, name = parameter.rpartition(" ")
    return (f"{kind} *", name[1:]) if name.startswith("*") else (kind, name)


def good(function: str, kind: str) -> str:
    """An argument that is right."""
    if kind in HANDLES:
        default = next(name for name in HANDLES[kind] if name.endswith("_4") or not function.endswith("_4"))
        return HANDLE_FOR.get(function, default) if HANDLE_FOR.get(function) in (*HANDLES[kind], None) else default
    return GOOD.get(kind, "(void *)scratch" if kind.endswith("*") else "1")


def wrong(function: Function, kind: str, name: str) -> Iterator[tuple[str, frozenset[ErrorCode]]]:
    """The arguments that are wrong, with the errors that are right."""
    if kind in HANDLES:
        others = (each for other, names in HANDLES.items() if other != kind for each in names)
        for value in ("0", "~0ULL", "1ULL << 40", f"stale_{HANDLES[kind][0]}", *others):
            yield value, BAD_HANDLE
    if kind.endswith("*"):
        optional = not MAY_BE_NULL.isdisjoint((name, function.name)) and (function.name, name) not in NULL_IS_WRONG
        yield "NULL", frozenset(ErrorCode) - {ErrorCode.LIBRARY} if optional else INVALID
    yield from BAD.get(kind, BAD.get(f"{kind} {name}", {})).items()


def calls() -> Iterator[Call]:
    """All that are made."""
    for library in LIBRARIES:
        for function in functions_of_library(library, "gcc"):
            parameters = [split(parameter) for parameter in function.parameters]
            for index, (kind, name) in enumerate(parameters):
                for value, right in wrong(function, kind, name):
                    arguments = [good(function.name, each) for each, _ in parameters]
                    arguments[index] = value
                    yield Call(function.name, name, value, f"{function.name}({', '.join(arguments)})", right)


def source_in(directory: Path) -> Path:
    """The program that makes all calls, and tells what each gave."""
    lines = [f'#include "{PROGRAMS}/hostile.h"', "int main(void)", "{", "    prepare();"]
    for call in calls():
        value = call.value.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'    TELL("{call.function}", "{call.parameter}", "{value}", {call.code});')
    lines += ["    return 0;", "}", ""]
    source = directory / "hostile.c"
    source.write_text("\n".join(lines))
    return source


@pytest.fixture(scope="module")
def told(
    compiled: Callable[[Path], Path], cluster: ProcessCluster, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str, str], int]:
    """What each call gave."""
    program = compiled(source_in(tmp_path_factory.mktemp("hostile")))
    answers: dict[tuple[str, str, str], int] = {}
    for line in run_program(program, cluster).splitlines():
        function, parameter, value, answer = line.split("|")
        answers[function, parameter, value] = int(answer)
    return answers


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
def test_a_wrong_argument_gives_the_error_of_the_specification(
    library: LibraryFile, told: dict[tuple[str, str, str], int]
) -> None:
    functions = {function.name for function in functions_of_library(library, "gcc")}
    differing = [
        f"{call.function}, {call.parameter} = {call.value}: {answer}, not {' or '.join(map(str, sorted(call.right)))}"
        for call in calls()
        if call.function in functions and (answer := told[call.function, call.parameter, call.value]) not in call.right
    ]
    assert not differing, "\n".join(differing)
