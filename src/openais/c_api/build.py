"""Builds the C libraries: a compiler, cffi and an interpreter that is a shared library are needed."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any, Final

from openais.c_api.declarations import (
    INCLUDE,
    LIBRARIES,
    SA_FORUM,
    TOGETHER,
    TOGETHER_NUMBERS,
    Function,
    LibraryFile,
    functions_of,
    preprocessed,
    source_of,
    types_of,
    version_script,
)

CORE_SOURCE: Final = Path(__file__).parent / "core.c"
CORE_MODULE: Final = "_openais_c"
"""How Python code in a C program imports what cffi made."""
CORE: Final = "libopenais-c.so"
SETTINGS: Final = "openais-c.python"
"""Beside the core: the executable of the interpreter, and the module search path, a line each."""
CORE_DIRECTORY: Final = "openais"
"""Below the directory of the libraries."""


class CannotBuild(Exception):
    """Something that the build needs is not there; the text says what."""


def find_compiler() -> str:
    """The C compiler: $CC, else cc, gcc or clang. Raises CannotBuild."""
    for name in (os.environ.get("CC", ""), "cc", "gcc", "clang"):
        if name and shutil.which(name):
            return name
    raise CannotBuild("there is no C compiler (cc, gcc or clang) on the path")


def build(directory: Path) -> None:
    """Builds all libraries into `directory`, which is made. Raises CannotBuild."""
    compiler = find_compiler()
    python = _link_with_python()
    directory.joinpath(CORE_DIRECTORY).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        core = directory / CORE_DIRECTORY / CORE
        _compile(compiler, _core_source(Path(scratch), compiler), core, python)
        for library in LIBRARIES:
            _build_library(library, compiler, directory, Path(scratch))
        _build_together(compiler, directory, Path(scratch))
    directory.joinpath(CORE_DIRECTORY, SETTINGS).write_text("".join(f"{line}\n" for line in interpreter_settings()))


def interpreter_settings() -> list[str]:
    """The executable of this interpreter, and where it finds the standard library, us, and what we need."""
    needed = (importlib.util.find_spec(name) for name in ("msgspec", "_cffi_backend"))
    paths = [
        sysconfig.get_path("stdlib"),
        sysconfig.get_config_var("DESTSHARED"),
        str(Path(__file__).parents[2]),
        *(str(Path(spec.origin).parent) for spec in needed if spec and spec.origin),
    ]
    paths = [str(Path(path).parent) if path.endswith("msgspec") else path for path in paths if path]
    return [sys.executable, *dict.fromkeys(paths)]


def _core_source(scratch: Path, compiler: str) -> Path:
    ffi = _new_ffi()
    text = preprocessed(tuple(library.header for library in LIBRARIES), compiler)
    ffi.cdef(types_of(text))
    ffi.embedding_api("\n".join(function.in_core for function in functions_of(text)))
    includes = "".join(f'#include "{library.header}"\n' for library in LIBRARIES)
    ffi.set_source(CORE_MODULE, includes + CORE_SOURCE.read_text())
    ffi.embedding_init_code("")
    source = scratch / f"{CORE_MODULE}.c"
    with contextlib.redirect_stdout(io.StringIO()):  # it tells of its progress
        ffi.emit_c_code(str(source))
    return source


def _new_ffi() -> Any:
    try:
        import cffi
    except ImportError:
        raise CannotBuild("the package cffi is not installed: pip install 'openais[c-api]'") from None
    return cffi.FFI()


def _link_with_python() -> list[str]:
    variables = sysconfig.get_config_vars("LDLIBRARY", "LIBDIR", "Py_ENABLE_SHARED")
    library, directory = str(variables[0]), str(variables[1])
    if not Path(directory, library).exists() or ".so" not in library:
        raise CannotBuild(f"this Python has no shared library ({directory}/{library}): build it with --enable-shared")
    include = sysconfig.get_path("include")
    if not Path(include, "Python.h").exists():
        raise CannotBuild(f"the headers of this Python are not installed ({include}/Python.h)")
    return [f"-I{include}", f"-L{directory}", f"-l:{library}", f"-Wl,-rpath,{directory}", "-ldl", "-lpthread"]


def _build_library(library: LibraryFile, compiler: str, directory: Path, scratch: Path) -> None:
    source, script = scratch / f"{library.name}.c", scratch / f"{library.name}.versions"
    functions = functions_of_library(library, compiler)
    source.write_text(source_of(library, functions))
    script.write_text(version_script(library.symbol_versions, functions))
    flags = [f"-L{directory / CORE_DIRECTORY}", f"-l:{CORE}", f"-Wl,-rpath,$ORIGIN/{CORE_DIRECTORY}"]
    _compile_named(compiler, source, directory / library.file, script, flags)
    library.link(directory)


def _build_together(compiler: str, directory: Path, scratch: Path) -> None:
    """An empty library that needs the others, for programs that were linked with libais.so."""
    source, script = scratch / f"{TOGETHER}.c", scratch / f"{TOGETHER}.versions"
    source.write_text("extern int openais_together;\n")
    script.write_text(version_script(tuple(version for library in SA_FORUM for version in library.symbol_versions)))
    flags = ["-Wl,--no-as-needed", f"-L{directory}", *(f"-l:{library.file}" for library in SA_FORUM)]
    target = directory / f"{TOGETHER}.{TOGETHER_NUMBERS[0]}"
    _compile_named(compiler, source, target, script, [*flags, "-Wl,-rpath,$ORIGIN"])
    link_together(directory)


def link_together(directory: Path) -> None:
    """Makes the other names of libais.so in `directory`. What is linked with it now is linked with the libraries."""
    first, *others = (directory / f"{TOGETHER}.{number}" for number in TOGETHER_NUMBERS)
    for link in others:
        link.unlink(missing_ok=True)
        link.symlink_to(first.name)
    directory.joinpath(TOGETHER).write_text(f"INPUT({' '.join(f'-l{library.name}' for library in SA_FORUM)})\n")


def _compile_named(compiler: str, source: Path, target: Path, script: Path, flags: list[str]) -> None:
    _compile(compiler, source, target, [f"-Wl,-soname,{target.name}", f"-Wl,--version-script={script}", *flags])


def functions_of_library(library: LibraryFile, compiler: str) -> list[Function]:
    """The functions that a library exports."""
    return functions_of(preprocessed((library.header,), compiler))


def _compile(compiler: str, source: Path, target: Path, flags: list[str]) -> None:
    command = [compiler, "-shared", "-fPIC", "-O2", "-fvisibility=hidden", f"-I{INCLUDE}", str(source), *flags]
    command += ["-Wl,-z,nodelete", "-Wl,-z,defs", "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise CannotBuild(f"{' '.join(command)}\n{done.stderr}")
