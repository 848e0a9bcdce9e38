"""`openais keygen`: the shared key of a cluster."""

from __future__ import annotations

from pathlib import Path

import click

from openais import paths
from openais.cli.exits import BoundedCommand, Failure
from openais.cli.options import color_option
from openais.cli.output import print_line
from openais.runtime.authkey import AuthKeyError, create_authkey, generate_authkey


@click.command(cls=BoundedCommand)
@click.argument("path", required=False, type=click.Path(path_type=Path, allow_dash=True))
@color_option
def keygen(path: Path | None) -> None:
    """Make the shared key of a cluster in the file PATH, which only its owner may read.

    Without PATH it is the default authkey file; with `-` the key goes to standard output. A file that exists is never
    replaced. Every node of the cluster needs the same file.
    """
    if path == Path("-"):
        click.echo(generate_authkey(), nl=False)
        return
    target = path or paths.default_authkey()
    try:
        made = create_authkey(target)
    except AuthKeyError as error:
        raise Failure(str(error)) from None
    if not made:
        raise Failure(f"{target}: there is a file already; it stays as it is, make the key in another one")
    print_line(f"{target}: a new key; copy it to every node of the cluster, and keep it secret")
