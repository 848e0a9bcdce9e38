"""The authkey file: made once, read strictly."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from openais.runtime.authkey import KEYS_MAX, AuthKey, AuthKeyError, create_authkey, load_authkey, load_authkeys


def test_a_created_key_can_be_loaded_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "below" / "authkey"
    assert create_authkey(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_authkey(path).origin == str(path)


def test_a_key_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "authkey"
    create_authkey(path)
    before = path.read_bytes()
    assert not create_authkey(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["authkey"]


def test_white_space_around_the_key_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "authkey"
    create_authkey(path)
    key = load_authkey(path)
    path.write_bytes(b"\n " + path.read_bytes() + b"\r\n")
    assert load_authkey(path).derive(b"x", 32) == key.derive(b"x", 32)


def test_keys_for_different_purposes_differ() -> None:
    key = AuthKey(bytes(range(32)))
    assert key.derive(b"a", 32) != key.derive(b"b", 32)


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o660, 0o777])
def test_a_key_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "authkey"
    create_authkey(path)
    path.chmod(mode)
    with pytest.raises(AuthKeyError, match="chmod"):
        load_authkey(path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"", "at least 32"), (b"short\n", "at least 32"), (b"x" * 5000, "more than")],
)
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "authkey"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(AuthKeyError, match=complaint):
        load_authkey(path)


def test_a_missing_key_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(AuthKeyError, match="openais keygen"):
        load_authkey(tmp_path / "nothing")


def test_a_directory_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AuthKeyError, match="cannot be written"):
        create_authkey(tmp_path / "file" / "authkey")


def test_the_same_key_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "authkey"
    create_authkey(path)
    with pytest.raises(AuthKeyError, match="cannot be told apart"):
        load_authkeys([path, path])


@pytest.mark.parametrize("count", [0, KEYS_MAX + 1])
def test_the_number_of_keys_is_limited(tmp_path: Path, count: int) -> None:
    with pytest.raises(AuthKeyError, match=str(KEYS_MAX)):
        load_authkeys([tmp_path / str(number) for number in range(count)])
