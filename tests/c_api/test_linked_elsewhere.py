"""Programs that were linked with the libraries of openais and OpenSAF run with ours, without a word of the loader.

Stand-ins for those libraries have their SONAMEs, and their symbols with their versions; nothing else of them is needed.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from openais.c_api.build import functions_of_library
from openais.c_api.declarations import INCLUDE, LIBRARIES, SA_FORUM, LibraryFile
from tests.c_api.cluster import ProcessCluster
from tests.c_api.conftest import PROGRAMS

BY_NAME: Final = {library.name: library for library in LIBRARIES}


class Linked(NamedTuple):
    """How a program was linked: with this library, which had symbols of these versions, and what it uses of it."""

    soname: str
    versions: dict[str, str]
    """By the names of our libraries: that of the symbols, or "" where they had none."""
    flags: tuple[str, ...]


def sa_forum(name: str, number: int, version: str) -> Linked:
    """Of a library of the SA Forum."""
    return Linked(f"lib{name}.so.{number}", {name: version}, (f"-DSERVICE={name[2:]}", *descriptor_of(name, version)))


def descriptor_of(name: str, version: str) -> tuple[str, ...]:
    """The size of the SaCkptCheckpointDescriptorT that the program knows."""
    return (f"-DDESCRIPTOR={56 if version else 64}",) if name == "SaCkpt" else ()


def together(number: int) -> Linked:
    """Of libais.so."""
    versions = {library.name: f"OPENAIS_{library.name[2:].upper()}_B.01.01" for library in SA_FORUM}
    return Linked(f"libais.so.{number}", versions, ("-DSERVICE=Ckpt",))


OPENSAF: Final = [
    *(sa_forum(library.name, 0, "") for library in SA_FORUM),
    sa_forum("SaCkpt", 1, ""),
    sa_forum("SaEvt", 1, ""),
]
OPENAIS: Final = [
    *(sa_forum(name, 1, f"OPENAIS_{name[2:].upper()}_B.01.01") for name in ("SaClm", "SaCkpt", "SaEvt")),
    *(
        sa_forum(library.name, number, f"OPENAIS_{library.name[2:].upper()}_B.01.01")
        for library in SA_FORUM
        for number in (2, 3)
    ),
    Linked("libevs.so.1", {"evs": "OPENAIS_EVS_1.0"}, ()),
    Linked("libevs.so.2", {"evs": "OPENAIS_EVS_2.0"}, ("-DEVS_NODE_IS_NUMBER",)),
    together(1),
    together(2),
]


def stand_in(directory: Path, linked: Linked) -> Path:
    """A library with that SONAME and those symbols, which do nothing."""
    source, script, target = directory / "elsewhere.c", directory / "elsewhere.versions", directory / linked.soname
    lines, nodes = [], []
    for name, version in linked.versions.items():
        functions = [function.name for function in functions_of_library(BY_NAME[name], "gcc")]
        lines += [f"int {function}(void) {{ return 99; }}" for function in functions]
        if version:
            nodes.append(f"{version} {{ global: {' '.join(f'{function};' for function in functions)} }};")
    source.write_text("\n".join(lines))
    script.write_text("\n".join(nodes) or "{ global: *; };")
    command = ["gcc", "-shared", "-fPIC", source, f"-Wl,-soname,{linked.soname}", f"-Wl,--version-script={script}"]
    subprocess.run([*command, "-o", target], check=True)
    return target


@pytest.mark.parametrize(
    "linked", [*OPENSAF, *OPENAIS], ids=lambda each: f"{each.soname} {'/'.join(each.versions.values())}"
)
def test_a_program_that_was_linked_elsewhere_runs_with_our_library(
    linked: Linked, installation: Path, cluster: ProcessCluster, tmp_path: Path
) -> None:
    program = tmp_path / "program"
    command = ["gcc", "-Wall", "-Wextra", "-Werror", f"-I{INCLUDE}", *linked.flags, PROGRAMS / "linked_elsewhere.c"]
    subprocess.run([*command, stand_in(tmp_path, linked), "-lpthread", "-o", program], check=True)
    environment = {
        **os.environ,
        "OPENAIS_SOCKET": str(cluster.sockets[0]),
        "LD_LIBRARY_PATH": str(installation / "lib"),
        "LD_BIND_NOW": "1",
    }
    done = subprocess.run([program], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("done\n", "")


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
def test_every_soname_is_one_that_programs_were_linked_with(library: LibraryFile) -> None:
    served = {f"lib{library.name}.so.{number}" for number in library.numbers}
    assert served == {
        linked.soname for linked in [*OPENSAF, *OPENAIS] if linked.soname.startswith(f"lib{library.name}.")
    }
