"""What the headers declare: the types for cffi, and the functions that each library exports."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

INCLUDE: Final = Path(__file__).parent / "include"
"""The directory of the headers."""

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


# OpenSAF names them .so.0 and .so.1, openais .so.2 and .so.3. The later libevs.so have another interface.
LIBRARIES: Final = (
    LibraryFile("SaAmf", "saAmf.h", "openais.c_api.amf", (0, 1, 2, 3), "SA Forum availability management"),
    LibraryFile("SaClm", "saClm.h", "openais.c_api.clm", (0, 1, 2, 3), "SA Forum cluster membership"),
    LibraryFile("SaCkpt", "saCkpt.h", "openais.c_api.ckpt", (0, 1, 2, 3), "SA Forum checkpoints"),
    LibraryFile("SaEvt", "saEvt.h", "openais.c_api.evt", (0, 1, 2, 3), "SA Forum events"),
    LibraryFile("evs", "evs.h", "openais.c_api.evs", (0, 1), "extended virtual synchrony"),
)


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
    """The C source of a library: every function calls that of the core."""
    lines = [f'#include "{library.header}"', "int openais_ready(int *ready, const char *module);", "static int ready;"]
    for function in functions:
        lines += [
            function.in_core,
            f'__attribute__((visibility("default"))) {function.in_core[:-1].replace(" openais_", " ", 1)}',
            "{",
            f'    if (!openais_ready(&ready, "{library.module}"))',
            "        return 2;",  # the LIBRARY error
            f"    return openais_{function.name}({function.arguments});",
            "}",
        ]
    return "\n".join(lines) + "\n"
