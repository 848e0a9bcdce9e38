"""What is installed, and what is said when it cannot be."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from openais.c_api import install as installing
from openais.c_api.build import functions_of_library
from openais.c_api.declarations import LIBRARIES, LibraryFile
from openais.cli.exits import ExitCode
from tests.cli.conftest import openais

EVERY = pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)


@EVERY
def test_a_library_exports_what_its_header_declares(library: LibraryFile, installation: Path) -> None:
    path = installation / "lib" / library.file
    listed = subprocess.run(["nm", "-D", "--defined-only", path], capture_output=True, text=True, check=True)
    symbols = [line.split()[1:] for line in listed.stdout.splitlines()]
    exported = {name for kind, name in symbols if kind == "T"}
    functions = {function.name for function in functions_of_library(library, "gcc")}
    default, *older = library.symbol_versions
    assert exported == {
        f"{name}{version}" for name in functions for version in (f"@@{default}", *(f"@{each}" for each in older))
    }
    assert {name for kind, name in symbols if kind != "T"} == set(library.symbol_versions)


@EVERY
def test_a_library_has_every_name_that_programs_ask_for(library: LibraryFile, installation: Path) -> None:
    for ending in ("", *(f".{number}" for number in library.numbers)):
        path = installation / "lib" / f"lib{library.name}.so{ending}"
        assert path.resolve() == (installation / "lib" / library.file).resolve()
    dynamic = subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True)
    assert f"[{library.file}]" in dynamic.stdout


@EVERY
def test_pkg_config_tells_how_to_use_a_library(library: LibraryFile, installation: Path) -> None:
    if not shutil.which("pkg-config"):
        pytest.skip("pkg-config is not installed")
    environment = {"PKG_CONFIG_PATH": str(installation / "lib" / "pkgconfig"), "PATH": "/usr/bin:/bin"}
    command = ["pkg-config", "--cflags", "--libs", f"lib{library.name}"]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert f"-I{installation}/include/openais" in told
    assert f"-l{library.name}" in told


def test_without_a_compiler_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    told = openais("c-api", "--install", tmp_path / "prefix")
    assert told.exit_code == ExitCode.FAILED
    assert "there is no C compiler" in told.stderr


def test_the_libraries_of_a_package_are_installed_without_a_compiler(
    installation: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert installation.exists()  # it can be built here
    monkeypatch.setattr(installing, "BUILT", tmp_path / "built")
    installing.build_for_package(tmp_path / "built")
    monkeypatch.setenv("PATH", str(tmp_path))
    told = openais("c-api", "--install", tmp_path / "prefix")
    assert told.exit_code == ExitCode.OK, told.stderr
    names = {path.name for path in (tmp_path / "prefix" / "lib").iterdir()}
    assert names == {path.name for path in (installation / "lib").iterdir()}


def test_the_flags_are_those_of_the_prefix(tmp_path: Path) -> None:
    told = openais("c-api", "--prefix", tmp_path, "--cflags", "--libs").stdout
    assert told.startswith(f"-I{tmp_path}/include -I{tmp_path}/include/openais -L{tmp_path}/lib ")
    assert all(f"-l{library.name}" in told for library in LIBRARIES)


def test_it_is_an_error_to_ask_for_nothing() -> None:
    assert openais("c-api").exit_code == ExitCode.USAGE
