"""Where things are on this machine when nobody says otherwise.

Root has the places of a system service; everybody else has places of his own, so that an executive runs without
privileges and two users do not meet. Every function takes the environment, which decides.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

SYSTEM_CONFIGURATION: Final = Path("/etc/ais/openais.conf")
"""The configuration file that is read when it exists and no other is named."""
SYSTEM_SOCKET: Final = Path("/run/openais/openais.sock")
"""The library socket of an executive that root runs."""
SOCKET_VARIABLE: Final = "OPENAIS_SOCKET"
"""Environment variable that names the library socket, to executives and to libraries."""
CONFIGURATION_VARIABLE: Final = "OPENAIS_CONF"
"""Environment variable that names the configuration file."""

_ROOT: Final = 0


def runtime_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """The directory of the library socket: /run/openais for root, else one of the user, gone after a restart."""
    if os.geteuid() == _ROOT:
        return SYSTEM_SOCKET.parent
    if chosen := environment.get("XDG_RUNTIME_DIR"):
        return Path(chosen, "openais")
    usual = Path("/run/user", str(os.geteuid()))
    if usual.is_dir():
        return usual / "openais"
    import tempfile  # of no use to most, and costly for a program in C

    return Path(tempfile.gettempdir(), f"openais-{os.geteuid()}")


def state_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """The directory of what must outlive a restart: /var/lib/openais for root, else one of the user."""
    if os.geteuid() == _ROOT:
        return Path("/var/lib/openais")
    return Path(environment.get("XDG_STATE_HOME") or _home(environment) / ".local/state", "openais")


def default_authkey(environment: Mapping[str, str] = os.environ) -> Path:
    """The authkey file: /etc/ais/authkey for root, else one of the user."""
    if os.geteuid() == _ROOT:
        return Path("/etc/ais/authkey")
    return Path(environment.get("XDG_CONFIG_HOME") or _home(environment) / ".config", "openais", "authkey")


def default_socket(environment: Mapping[str, str] = os.environ) -> Path:
    """The library socket that an executive makes: $OPENAIS_SOCKET, else openais.sock in the runtime directory."""
    if chosen := environment.get(SOCKET_VARIABLE):
        return Path(chosen)
    return runtime_directory(environment) / "openais.sock"


def find_socket(environment: Mapping[str, str] = os.environ) -> Path:
    """The library socket that a library connects to.

    The default socket; but when OPENAIS_SOCKET is not set and the user runs no executive of his own, that of the
    system's executive, if it runs.
    """
    own = default_socket(environment)
    if SOCKET_VARIABLE not in environment and not own.exists() and _exists(SYSTEM_SOCKET):
        return SYSTEM_SOCKET
    return own


def _home(environment: Mapping[str, str]) -> Path:
    return Path(environment["HOME"]) if environment.get("HOME") else Path.home()


def _exists(path: Path) -> bool:
    """Whether `path` exists, as far as the user may see."""
    try:
        return path.exists()
    except PermissionError:
        return False
