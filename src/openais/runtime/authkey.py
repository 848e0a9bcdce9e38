"""The shared secret of a cluster: the authkey file.

Every node of a cluster holds the same file. Its bytes, without white space around them, are the secret; 32 bytes are
the least. A file that others than its owner and group may read is refused, as it is no secret any more.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from openais.runtime.errors import StartError

KEY_BYTES_MIN: Final = 32
KEY_BYTES_MAX: Final = 4096
KEYS_MAX: Final = 8
"""Keys that may be loaded at once."""
_FORBIDDEN_MODE: Final = 0o027


class AuthKeyError(StartError):
    """An authkey file cannot be used; the text names the file, what is wrong and what to do."""


class AuthKey:
    """One shared secret, from which the keys of all sessions are derived. `key_id` names it in datagrams."""

    def __init__(self, secret: bytes, origin: str = "") -> None:
        if len(secret) < KEY_BYTES_MIN:
            raise AuthKeyError(f"{origin}: {len(secret)} bytes, an authkey has at least {KEY_BYTES_MIN}")
        self._root = HKDF(hashes.SHA256(), 32, salt=b"openais authkey", info=b"root").derive(secret)
        self.key_id = int.from_bytes(self.derive(b"key id", 2), "big")
        self.origin = origin

    def derive(self, purpose: bytes, length: int) -> bytes:
        """A key of `length` bytes for `purpose`, independent of those for all other purposes."""
        return HKDFExpand(hashes.SHA256(), length, info=purpose).derive(self._root)


def generate_authkey() -> bytes:
    """The content of a new authkey file: 256 random bits, as one line of text."""
    return secrets.token_hex(32).encode() + b"\n"


def create_authkey(path: Path) -> bool:
    """Makes an authkey file that only its owner may read. False when there is one already: that one stays.

    Several executives may do this at once: all end up with the same key. Raises AuthKeyError.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            os.write(descriptor, generate_authkey())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            os.link(draft, path)
        except FileExistsError:
            return False
        finally:
            draft.unlink()
    except OSError as error:
        raise AuthKeyError(f"{path}: an authkey cannot be written there: {error.strerror}") from None
    return True


def load_authkey(path: Path) -> AuthKey:
    """The key in `path`. Raises AuthKeyError."""
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            secret = file.read(KEY_BYTES_MAX + 1)
    except OSError as error:
        raise AuthKeyError(
            f"{path}: the authkey cannot be read: {error.strerror}; `openais keygen` makes one, "
            "and every node of the cluster needs the same file"
        ) from None
    if mode & _FORBIDDEN_MODE:
        raise AuthKeyError(f"{path}: others than the owner may use it (mode {mode & 0o777:o}); chmod 600 or 640 it")
    if len(secret) > KEY_BYTES_MAX:
        raise AuthKeyError(f"{path}: more than {KEY_BYTES_MAX} bytes; is it an authkey?")
    return AuthKey(secret.strip(), str(path))


def load_authkeys(paths: Sequence[Path]) -> tuple[AuthKey, ...]:
    """The keys in `paths`: the first one seals, all of them open. Raises AuthKeyError."""
    if not 1 <= len(paths) <= KEYS_MAX:
        raise AuthKeyError(f"{len(paths)} authkey files are configured, expected 1 to {KEYS_MAX}")
    keys = tuple(load_authkey(path) for path in paths)
    by_id: dict[int, AuthKey] = {}
    for key in keys:
        if key.key_id in by_id:
            raise AuthKeyError(f"{by_id[key.key_id].origin} and {key.origin} cannot be told apart: make another key")
        by_id[key.key_id] = key
    return keys
