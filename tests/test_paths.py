"""The default places, as the environment decides them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from openais import paths

as_user = pytest.mark.skipif(os.geteuid() == 0, reason="root has the places of a system service")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has the places of a system service")


def test_the_socket_variable_wins_for_executives_and_libraries() -> None:
    environment = {"OPENAIS_SOCKET": "/a/b", "XDG_RUNTIME_DIR": "/c"}
    assert paths.default_socket(environment) == paths.find_socket(environment) == Path("/a/b")


@as_user
def test_a_user_has_places_of_his_own(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": "/run/mine"}
    assert paths.default_socket(environment) == Path("/run/mine/openais/openais.sock")
    assert paths.state_directory(environment) == tmp_path / ".local/state/openais"
    assert paths.default_authkey(environment) == tmp_path / ".config/openais/authkey"


@as_root
def test_root_has_the_places_of_a_system_service() -> None:
    environment = {"HOME": "/nowhere", "XDG_RUNTIME_DIR": "/run/mine"}
    assert paths.default_socket(environment) == Path("/run/openais/openais.sock")
    assert paths.state_directory(environment) == Path("/var/lib/openais")
    assert paths.default_authkey(environment) == Path("/etc/ais/authkey")
