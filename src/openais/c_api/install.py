"""Installs headers, libraries and pkg-config files below a prefix, and tells what a compiler needs to use them."""

from __future__ import annotations

import re
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Final

from openais.c_api.build import CORE, CORE_DIRECTORY, SETTINGS, CannotBuild, build, interpreter_settings, link_together
from openais.c_api.declarations import INCLUDE, LIBRARIES, TOGETHER, TOGETHER_NUMBERS, LibraryFile

BUILT: Final = Path(__file__).parent / "built"
"""The libraries that the package's build made, when it could."""


def install(prefix: Path) -> None:
    """Installs everything below `prefix`. Raises CannotBuild, OSError."""
    prefix = prefix.absolute()
    _check_runtime()
    libraries, headers = prefix / "lib", prefix / "include" / "openais"
    packages = libraries / "pkgconfig"
    for directory in (libraries, headers, packages):
        directory.mkdir(parents=True, exist_ok=True)
    if built_for_this_python():
        copy_built(libraries)
    else:
        build(libraries)
    settings = "".join(f"{line}\n" for line in interpreter_settings())
    libraries.joinpath(CORE_DIRECTORY, SETTINGS).write_text(settings)
    for header in INCLUDE.glob("*.h"):
        shutil.copy(header, headers)
    for library in LIBRARIES:
        packages.joinpath(f"lib{library.name}.pc").write_text(package_file(library, prefix))


def built_for_this_python() -> bool:
    """Whether the package holds libraries that were built for this version of Python."""
    made_for = BUILT / CORE_DIRECTORY / "python-version"
    return made_for.exists() and made_for.read_text() == python_version()


def python_version() -> str:
    """The version of Python that libraries are built for."""
    return f"{sys.implementation.name}-{sys.version_info.major}.{sys.version_info.minor}"


def build_for_package(directory: Path) -> None:
    """Builds what the package holds. Raises CannotBuild."""
    build(directory)
    directory.joinpath(CORE_DIRECTORY, SETTINGS).unlink()
    directory.joinpath(CORE_DIRECTORY, "python-version").write_text(python_version())
    for path in directory.iterdir():  # a wheel holds no symbolic links
        if path.is_symlink():
            path.unlink()


def copy_built(libraries: Path) -> None:
    """Copies the libraries of the package, and names them by all their SONAMEs."""
    libraries.joinpath(CORE_DIRECTORY).mkdir(exist_ok=True)
    shutil.copy(BUILT / CORE_DIRECTORY / CORE, libraries / CORE_DIRECTORY)
    for library in LIBRARIES:
        shutil.copy(BUILT / library.file, libraries)
        library.link(libraries)
    shutil.copy(BUILT / f"{TOGETHER}.{TOGETHER_NUMBERS[0]}", libraries)
    link_together(libraries)


def compiler_flags(prefix: Path) -> str:
    """For compiling against an installation."""
    include = prefix.absolute() / "include"
    return f"-I{include} -I{include / 'openais'}"


def linker_flags(prefix: Path) -> str:
    """For linking with all libraries of an installation."""
    directory = prefix.absolute() / "lib"
    return " ".join([f"-L{directory}", f"-Wl,-rpath,{directory}", *(f"-l{library.name}" for library in LIBRARIES)])


def package_file(library: LibraryFile, prefix: Path) -> str:
    """The pkg-config file of a library."""
    return f"""prefix={prefix}
libdir=${{prefix}}/lib
includedir=${{prefix}}/include

Name: lib{library.name}
Description: {library.description}, by openais
Version: {re.sub("[+].*", "", version("openais"))}
Cflags: -I${{includedir}} -I${{includedir}}/openais
Libs: -L${{libdir}} -l{library.name}
"""


def _check_runtime() -> None:
    try:
        import _cffi_backend  # noqa: F401
    except ImportError:
        raise CannotBuild("the package cffi is not installed: pip install 'openais[c-api]'") from None
