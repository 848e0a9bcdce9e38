"""The exit codes of all commands, and the errors that end one."""

from __future__ import annotations

import enum
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import click
from click.exceptions import Exit

from openais.types import AccessDenied, AisError, InvalidParam, LibraryError, TimeoutExpired, TryAgain


class ExitCode(enum.IntEnum):
    """What a command's exit status says. Scripts rely on it: never change one."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_REACHED = 3
    TRY_AGAIN = 4
    DENIED = 5
    INTERRUPTED = 130


MEANINGS: Final = {
    ExitCode.OK: "done, or the answer is yes",
    ExitCode.FAILED: "not done, or the answer is no",
    ExitCode.USAGE: "the command line or the configuration is wrong",
    ExitCode.NOT_REACHED: "no executive answered at the socket, or it went away",
    ExitCode.TRY_AGAIN: "the executive could not do it in the time given; later it may",
    ExitCode.DENIED: "this user may not",
    ExitCode.INTERRUPTED: "ended by Ctrl-C",
}

_BY_ERROR: Final[tuple[tuple[type[AisError], ExitCode], ...]] = (
    (LibraryError, ExitCode.NOT_REACHED),
    (TryAgain, ExitCode.TRY_AGAIN),
    (TimeoutExpired, ExitCode.TRY_AGAIN),
    (AccessDenied, ExitCode.DENIED),
    (InvalidParam, ExitCode.USAGE),
)
_ADVICE: Final = {
    ExitCode.NOT_REACHED: "start one with `openais run`, or name its socket with --socket or OPENAIS_SOCKET",
    ExitCode.DENIED: "become a member of the executive's group (`ipc.group`), its user, or root",
}


class Failure(Exception):
    """Ends the command with its text on standard error and an exit code."""

    def __init__(self, message: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.code = code


def failure_of(error: AisError) -> Failure:
    """The end of a command that met `error`, with what to do about it."""
    code = next((code for kind, code in _BY_ERROR if isinstance(error, kind)), ExitCode.FAILED)
    advice = _ADVICE.get(code)
    return Failure(f"{error} ({advice})" if advice else str(error), code)


@contextmanager
def boundary() -> Iterator[None]:
    """Turns the errors that are to be expected into the end of the command: never a traceback for them."""
    try:
        yield
    except Failure as failure:
        raise _ended(failure) from None
    except AisError as error:
        raise _ended(failure_of(error)) from None
    except BrokenPipeError:
        # The reader of our output is gone, as with `| head`: nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise Exit(ExitCode.OK) from None
    except KeyboardInterrupt:
        raise Exit(ExitCode.INTERRUPTED) from None


def _ended(failure: Failure) -> Exit:
    """Tells of `failure`."""
    context = click.get_current_context(silent=True)
    label = click.style("error:", fg="red", bold=True)
    click.echo(f"openais: {label} {failure}", err=True, color=context.color if context is not None else None)
    return Exit(failure.code)


class BoundedCommand(click.Command):
    """A command within the boundary."""

    def invoke(self, ctx: click.Context) -> Any:
        with boundary():
            return super().invoke(ctx)


class BoundedGroup(click.Group):
    """A group within the boundary."""

    def invoke(self, ctx: click.Context) -> Any:
        with boundary():
            return super().invoke(ctx)
