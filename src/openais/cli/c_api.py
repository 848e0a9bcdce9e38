"""`openais c-api`: the SA Forum libraries for programs in C."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from openais.c_api.build import CannotBuild
from openais.c_api.install import compiler_flags, install, linker_flags
from openais.cli.exits import BoundedCommand, Failure
from openais.cli.options import color_option
from openais.cli.output import print_line


@click.command(cls=BoundedCommand)
@click.option("--install", "target", metavar="PREFIX", type=click.Path(path_type=Path), help="Install below PREFIX.")
@click.option("--cflags", is_flag=True, help="Print what the compiler needs.")
@click.option("--libs", is_flag=True, help="Print what the linker needs.")
@click.option("--prefix", type=click.Path(path_type=Path), help="Of the installation. [default: that of Python]")
@color_option
def c_api(target: Path | None, cflags: bool, libs: bool, prefix: Path | None) -> None:
    """The SA Forum libraries for programs in C: headers, libSaClm.so and its like, pkg-config files.

    \b
    $ openais c-api --install /usr/local
    $ gcc program.c $(openais c-api --prefix /usr/local --cflags --libs)

    The libraries use this very Python, and have to be installed anew when it moves.
    """
    if not (target or cflags or libs):
        raise click.UsageError("give --install PREFIX, --cflags or --libs")
    if target:
        try:
            install(target)
        except (CannotBuild, OSError) as error:
            raise Failure(f"the C libraries cannot be installed: {error}") from None
        if not (cflags or libs):
            print_line(f"{target}: headers, libraries and pkg-config files are installed")
    place = prefix or target or Path(sys.prefix)
    flags = [compiler_flags(place)] * cflags + [linker_flags(place)] * libs
    if flags:
        click.echo(" ".join(flags))
