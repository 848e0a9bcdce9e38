"""Sealing: every datagram is encrypted and authenticated, and is accepted once.

    wire version  u8    SEAL_VERSION
    cipher        u8    Cipher
    key id        u16   which of the loaded keys; 0 with Cipher.NONE
    node id       u32   of the sender
    session       u64   of the sender: its incarnation, new at every start of an executive
    counter       u64   of the datagrams that the session sealed, from 1

all big endian, then the cipher text and its tag of 16 bytes. The header is authenticated with it.

The key is derived from the authkey, the cluster's name, the cipher, the node id and the session, and the nonce is the
counter, which never goes back while a session lives. As no two sessions are equal, no nonce is used twice with one key,
restarts included.

A receiver accepts each counter of a session once. Of a session it did not know it accepts only what is newer than every
session of that node it has heard of, so what was recorded before a restart is worth nothing after it.
"""

from __future__ import annotations

import enum
import struct
from array import array
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from openais.runtime.authkey import AuthKey
from openais.totem.effects import Address
from openais.types import NodeId

SEAL_VERSION: Final = 1
HEADER: Final = struct.Struct(">BBHIQQ")
TAG_SIZE: Final = 16
OVERHEAD: Final = HEADER.size + TAG_SIZE
"""Bytes that sealing adds to a datagram, at most."""
REPLAY_WINDOW: Final = 4096
"""Datagrams may arrive this much out of order before they count as replayed."""
SESSIONS_MAX: Final = 256
"""Sessions of which the openers keep the key and the window; the one not heard for longest makes room."""
NODES_MAX: Final = 4096
"""Nodes of which the newest session is remembered."""

_SESSION_SIZE: Final = 16
"""The head of the header that is the same in all datagrams of one session."""
_HEADER_SIZE: Final = HEADER.size
_NONCE_HEAD: Final = bytes(4)


class Cipher(enum.IntEnum):
    """How datagrams are sealed. Numbers are on the wire."""

    NONE = 0
    AES256GCM = 1
    CHACHA20POLY1305 = 2


class Aead(Protocol):
    """What seals and opens with one key."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes: ...

    def decrypt(self, nonce: bytes, data: bytes | memoryview, associated_data: bytes) -> bytes: ...


class _Plain:
    """`secauth: off`: neither secret nor authentic. For benchmarks."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        return data

    def decrypt(self, nonce: bytes, data: bytes | memoryview, associated_data: bytes) -> bytes:
        return bytes(data)


def _session_aead(key: AuthKey | None, cipher: Cipher, cluster: str, node_id: int, session: int) -> Aead:
    if key is None:
        return _Plain()
    name = cluster.encode()
    purpose = b"session" + struct.pack(">BIQH", cipher, node_id, session, len(name)) + name
    derived = key.derive(purpose, 32)
    return AESGCM(derived) if cipher is Cipher.AES256GCM else ChaCha20Poly1305(derived)


class Sealer:
    """Seals what this executive sends. `keys` empty: Cipher.NONE."""

    def __init__(self, keys: Sequence[AuthKey], cipher: Cipher, cluster: str, node_id: NodeId, session: int) -> None:
        self._cluster = cluster
        self._node_id = node_id
        self._session = session
        self._counter = 0
        self.set_keys(keys, cipher)

    def set_keys(self, keys: Sequence[AuthKey], cipher: Cipher) -> None:
        """From now on the first of `keys` seals. The counter goes on, so that a key may come back."""
        assert (cipher is Cipher.NONE) == (not keys)
        key = keys[0] if keys else None
        self._aead = _session_aead(key, cipher, self._cluster, self._node_id, self._session)
        self._head = HEADER.pack(SEAL_VERSION, cipher, key.key_id if key else 0, self._node_id, self._session, 0)[
            :_SESSION_SIZE
        ]

    def seal(self, plain: bytes) -> bytes:
        """`plain` as a datagram, OVERHEAD bytes longer at most."""
        self._counter += 1
        counter = self._counter.to_bytes(8, "big")
        header = self._head + counter
        return header + self._aead.encrypt(_NONCE_HEAD + counter, plain, header)


class _Session:
    """What a receiver keeps of one session of one sender."""

    __slots__ = ("_seen", "aead", "highest", "used")

    def __init__(self, aead: Aead) -> None:
        self.aead = aead
        self.highest = 0
        self.used = 0
        """When it was last heard, counted in datagrams opened."""
        self._seen = array("Q", bytes(8 * REPLAY_WINDOW))
        """Slot c % REPLAY_WINDOW holds the last counter seen that belongs there; no slot ever needs clearing."""

    def is_replayed(self, counter: int) -> bool:
        return counter <= self.highest - REPLAY_WINDOW or self._seen[counter % REPLAY_WINDOW] >= counter

    def accept(self, counter: int, moment: int) -> None:
        self.used = moment
        self._seen[counter % REPLAY_WINDOW] = counter
        if counter > self.highest:
            self.highest = counter


EXPLANATIONS: Final = {
    "too_short": "too short for a datagram of openais",
    "wire_version": "of another version of openais, or none of its datagrams",
    "cipher": "not sealed as is expected here: secauth must be the same on all nodes",
    "unknown_key": "sealed with a key that is not loaded here: all nodes need the same authkey",
    "not_authentic": "damaged, forged, or of another cluster with the same authkey",
    "stale_session": "older than what that node sent before: replayed, or its clock was set back and its statedir lost",
}
"""What an operator is told of datagrams that were dropped, by cause; the other causes are everyday life."""
COMPLAINTS_MAX: Final = 256


class Opener:
    """Opens what other executives sent. Never raises on what is received: it drops and counts by cause."""

    def __init__(self, keys: Sequence[AuthKey], cluster: str, node_id: NodeId, session: int) -> None:
        self._cluster = cluster
        self._own = struct.pack(">IQ", node_id, session)
        self._sessions: dict[bytes, _Session] = {}
        self._newest: dict[int, int] = {}
        self._opened = 0
        self.counters: dict[str, int] = {
            "too_short": 0,
            "wire_version": 0,
            "cipher": 0,
            "unknown_key": 0,
            "not_authentic": 0,
            "replayed": 0,
            "stale_session": 0,
            "own_echo": 0,
        }
        """Datagrams dropped, by cause."""
        self._cause = ""
        self._complained: set[tuple[str, str]] = set()
        self._complaints: list[str] = []
        self.set_keys(keys)

    @property
    def opened(self) -> int:
        """Datagrams opened."""
        return self._opened

    def set_keys(self, keys: Sequence[AuthKey]) -> None:
        """From now on all of `keys`, and no others, open. The windows of those that stay are kept."""
        self._keys = {key.key_id: key for key in keys}
        kept = set(self._keys) if keys else {0}
        self._sessions = {head: session for head, session in self._sessions.items() if _key_id(head) in kept}
        self._complained.clear()

    def open_burst(self, burst: Iterable[tuple[Address, bytes]]) -> list[tuple[Address, bytes]]:
        """What of `burst` could be opened, in order, with the addresses it came from."""
        opened: list[tuple[Address, bytes]] = []
        for address, datagram in burst:
            plain = self.open(datagram)
            if plain is not None:
                opened.append((address, plain))
            elif self._cause in EXPLANATIONS:
                self._complain(address)
        return opened

    def take_complaints(self) -> list[str]:
        """What an operator should hear of since the last call: once for each host and cause."""
        complaints, self._complaints = self._complaints, []
        return complaints

    def open(self, datagram: bytes) -> bytes | None:
        """The content of `datagram`, or None when it is to be dropped."""
        head = datagram[:_SESSION_SIZE]
        session = self._sessions.get(head)
        if session is None:
            return self._open_first(datagram)
        header = datagram[:_HEADER_SIZE]
        place = header[_SESSION_SIZE:]
        counter = int.from_bytes(place, "big")
        if session.is_replayed(counter):
            return self._drop("replayed")
        try:
            plain = session.aead.decrypt(_NONCE_HEAD + place, memoryview(datagram)[_HEADER_SIZE:], header)
        except (InvalidTag, ValueError):
            return self._drop("not_authentic" if len(datagram) >= OVERHEAD else "too_short")
        self._opened += 1
        session.accept(counter, self._opened)
        return plain

    def _open_with(self, aead: Aead, datagram: bytes) -> bytes | None:
        header = datagram[: HEADER.size]
        try:
            return aead.decrypt(_NONCE_HEAD + header[_SESSION_SIZE:], datagram[HEADER.size :], header)
        except (InvalidTag, ValueError):
            return self._drop("not_authentic" if len(datagram) >= OVERHEAD else "too_short")

    def _open_first(self, datagram: bytes) -> bytes | None:
        """Opens the first datagram of a session, which is remembered only if that succeeds."""
        if len(datagram) < HEADER.size:
            return self._drop("too_short")
        version, cipher, key_id, node_id, number, counter = HEADER.unpack_from(datagram)
        if version != SEAL_VERSION:
            return self._drop("wire_version")
        if datagram[4:_SESSION_SIZE] == self._own:
            return self._drop("own_echo")
        if not self._expects(cipher):
            return self._drop("cipher")
        key = self._keys.get(key_id)
        if (key is None) != (cipher == Cipher.NONE and key_id == 0):
            return self._drop("unknown_key")
        if number < self._newest.get(node_id, 0):
            return self._drop("stale_session")
        aead = _session_aead(key, Cipher(cipher), self._cluster, node_id, number)
        plain = self._open_with(aead, datagram)
        if plain is not None:
            session = self._remember(datagram[:_SESSION_SIZE], aead, node_id, number)
            session.accept(counter, self._opened)
        return plain

    def _expects(self, cipher: int) -> bool:
        if not self._keys:
            return cipher == Cipher.NONE
        return cipher in (Cipher.AES256GCM, Cipher.CHACHA20POLY1305)

    def _remember(self, head: bytes, aead: Aead, node_id: int, number: int) -> _Session:
        if len(self._sessions) >= SESSIONS_MAX:
            del self._sessions[min(self._sessions, key=lambda known: self._sessions[known].used)]
        session = self._sessions[head] = _Session(aead)
        self._newest.pop(node_id, None)
        if len(self._newest) >= NODES_MAX:
            del self._newest[next(iter(self._newest))]
        self._newest[node_id] = number
        self._opened += 1
        return session

    def _drop(self, cause: str) -> bytes | None:
        self._cause = cause
        self.counters[cause] += 1
        return None

    def _complain(self, address: Address) -> None:
        host = str(address[0]) if isinstance(address, tuple) else str(address)
        about = (host, self._cause)
        if about not in self._complained and len(self._complained) < COMPLAINTS_MAX:
            self._complained.add(about)
            self._complaints.append(f"datagrams from {host} are refused: {EXPLANATIONS[self._cause]}")


def _key_id(head: bytes) -> int:
    return int.from_bytes(head[2:4], "big")
