"""What the headers declare: the types for cffi, and the functions that each library exports."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

INCLUDE: Final = Path(__file__).parent / "include"
"""The directory of the headers."""
SOURCES: Final = Path(__file__).parent
"""Where the sources of functions are that were otherwise in older versions."""

FROM_SYSTEM_HEADERS: Final = """
struct in_addr { uint32_t s_addr; ...; };
struct iovec { void *iov_base; size_t iov_len; ...; };
void *malloc(size_t);
void free(void *);
char *getenv(const char *);
"""
"""What the headers and we use of the system's, as cffi is to know it."""

FROM_CORE: Final = """
void openais_call_csi_set(
    SaAmfCSISetCallbackT callback, SaInvocationT invocation, const SaNameT *component, SaAmfHAStateT state,
    const SaAmfCSIDescriptorT *descriptor);
"""
"""What core.c defines for the modules of the services."""

_PROTOTYPE: Final = re.compile(r"extern\s+(\w+)\s+(\w+)\s*\(([^;]*)\)\s*;")


class LibraryFile(NamedTuple):
    """One library that programs link to."""

    name: str
    """SaClm, of libSaClm.so."""
    header: str
    module: str
    """The module that implements its functions."""
    numbers: tuple[int, ...]
    """Of the SONAMEs that programs ask for; the first is its own."""
    description: str
    symbol_versions: tuple[str, ...]
    """Of its functions; the first is the default. Those of openais are among them."""
    older: tuple[str, ...] = ()
    """Functions that are otherwise in the older versions: `older_NAME` in older_HEADER.c."""

    @property
    def file(self) -> str:
        """The file, which has the name of its SONAME."""
        return f"lib{self.name}.so.{self.numbers[0]}"

    def link(self, directory: Path) -> None:
        """Makes the other names of the file in `directory`."""
        for ending in ("", *(f".{number}" for number in self.numbers[1:])):
            link = directory / f"lib{self.name}.so{ending}"
            link.unlink(missing_ok=True)
            link.symlink_to(self.file)


# OpenSAF: .so.0 for all in its first years, later .so.1 for checkpoints and events; its symbols have no versions.
# openais: .so.1 up to 0.78, where AMF was that of A.01.01, .so.2 up to 0.93, .so.3 from then on.
# libevs.so.1 and .so.2 have one interface; the .so.4 of Corosync has other callbacks.
LIBRARIES: Final = (
    LibraryFile(
        "SaAmf",
        "saAmf.h",
        "openais.c_api.amf",
        (0, 2, 3),
        "SA Forum availability management",
        ("OPENAIS_AMF_B.01.01",),
    ),
    LibraryFile(
        "SaClm", "saClm.h", "openais.c_api.clm", (0, 1, 2, 3), "SA Forum cluster membership", ("OPENAIS_CLM_B.01.01",)
    ),
    LibraryFile(
        "SaCkpt",
        "saCkpt.h",
        "openais.c_api.ckpt",
        (0, 1, 2, 3),
        "SA Forum checkpoints",
        ("OPENAIS_CKPT_B.02.02", "OPENAIS_CKPT_B.01.01"),
        older=("saCkptCheckpointStatusGet",),
    ),
    LibraryFile("SaEvt", "saEvt.h", "openais.c_api.evt", (0, 1, 2, 3), "SA Forum events", ("OPENAIS_EVT_B.01.01",)),
    LibraryFile(
        "evs",
        "evs.h",
        "openais.c_api.evs",
        (2, 1),
        "extended virtual synchrony",
        ("OPENAIS_EVS_2.0", "OPENAIS_EVS_1.0"),
    ),
)
SA_FORUM: Final = tuple(library for library in LIBRARIES if library.name.startswith("Sa"))
TOGETHER: Final = "libais.so"
"""In which openais had all libraries of the SA Forum up to 0.84."""
TOGETHER_NUMBERS: Final = (2, 1)


class Function(NamedTuple):
    """A function of a header."""

    result: str
    name: str
    parameters: tuple[str, ...]

    @property
    def in_core(self) -> str:
        """The declaration of the function of the core that does its work."""
        return f"{self.result} openais_{self.name}({', '.join(self.parameters)});"

    @property
    def arguments(self) -> str:
        """The names of its parameters."""
        names = (re.search(r"(\w+)$", parameter) for parameter in self.parameters)
        return ", ".join(name[1] for name in names if name)


def preprocessed(headers: tuple[str, ...], compiler: str) -> str:
    """The text of headers, one after the other, as the preprocessor leaves it."""
    source = "".join(f'#include "{header}"\n' for header in headers)
    command = [compiler, "-E", "-P", "-DOPENAIS_CDEF", f"-I{INCLUDE}", "-xc", "-"]
    return subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout


def types_of(text: str) -> str:
    """The declarations of preprocessed headers without the functions, for cffi."""
    known = re.compile(r"typedef u?int(8|16|32|64)_t \w+;")
    assert known.search(text)
    return FROM_SYSTEM_HEADERS + _PROTOTYPE.sub("", text) + FROM_CORE


def functions_of(text: str) -> list[Function]:
    """The functions that preprocessed headers declare."""
    return [
        Function(result, name, tuple(" ".join(each.split()) for each in parameters.split(",")))
        for result, name, parameters in _PROTOTYPE.findall(text)
    ]


def source_of(library: LibraryFile, functions: list[Function]) -> str:
    """The C source of a library: every function, in each version of its name, calls that of the core."""
    lines = [f'#include "{library.header}"', "int openais_ready(int *ready, const char *module);", "static int ready;"]
    for function in functions:
        lines += [
            function.in_core,
            f"static {function.result} local_{function.name}({', '.join(function.parameters)})",
            "{",
            f'    if (!openais_ready(&ready, "{library.module}"))',
            "        return 2;",  # the LIBRARY error
            f"    return openais_{function.name}({function.arguments});",
            "}",
        ]
    if library.older:
        lines += [SOURCES.joinpath(f"older_{Path(library.header).stem}.c").read_text()]
    default, *older = library.symbol_versions
    for name in (function.name for function in functions):
        before = f"older_{name}" if name in library.older else f"local_{name}"
        lines += _named(f"local_{name}", 0, f"{name}@@{default}")
        for number, version in enumerate(older, 1):
            lines += _named(before, number, f"{name}@{version}")
    return "\n".join(lines) + "\n"


def _named(function: str, number: int, symbol: str) -> list[str]:
    """Gives a function another name, which has a version."""
    alias = f"{function}_{number}"
    return [
        f'extern __typeof({function}) {alias} __attribute__((visibility("default"), alias("{function}")));',
        f'__asm__(".symver {alias}, {symbol}");',
    ]


def version_script(versions: tuple[str, ...], functions: Sequence[Function] = ()) -> str:
    """What tells the linker of the versions of symbols: each has all functions, and nothing else is exported.

    A program that asks for no version, as those of OpenSAF, is given the first.
    """
    exported = "".join(f"{function.name}; " for function in functions)
    return "".join(f"{version} {{ {'global: ' * bool(exported)}{exported}local: *; }};\n" for version in versions)
