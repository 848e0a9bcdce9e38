"""The kinds of values in a configuration: how each is read from text, and what a reader may expect.

Every kind has `expected`, which completes "expected …" in the report of a mistake, `metavar` for flags, and
`read(text, base)`, which gives the value or raises ValueError saying what is wrong. `base` is the directory that
relative paths start from.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

PORT_MAX: Final = 65535


class HostPort(NamedTuple):
    """A host, as an IP address or a DNS name, and a UDP or TCP port; port 0 stands for the one configured elsewhere."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class ValueKind(Protocol):
    """What a value may be."""

    @property
    def expected(self) -> str:
        """What completes "expected …"."""
        ...

    @property
    def metavar(self) -> str:
        """The value in the help of a flag."""
        ...

    def read(self, text: str, base: Path) -> object:
        """The value in `text`. Raises ValueError saying what is wrong."""
        ...


@dataclass(frozen=True)
class Switch(ValueKind):
    """on or off."""

    expected: str = "on or off"
    metavar: str = "[on|off]"

    def read(self, text: str, base: Path) -> bool:
        if text.lower() in ("on", "yes", "true", "1"):
            return True
        if text.lower() in ("off", "no", "false", "0"):
            return False
        raise ValueError(f"{text!r} is neither on nor off")


@dataclass(frozen=True)
class Integer(ValueKind):
    """A whole number from `least` to `most`, counted in `unit`."""

    least: int
    most: int
    unit: str = ""
    metavar: str = "N"

    @property
    def expected(self) -> str:
        return f"a whole number from {self.least} to {self.most}" + (f" ({self.unit})" if self.unit else "")

    def read(self, text: str, base: Path) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,20}", text):
            raise ValueError(f"{text!r} is not a whole number")
        return _in_range(int(text), self.least, self.most, text)


_SIZE_UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@dataclass(frozen=True)
class Size(ValueKind):
    """A number of bytes from `least` to `most`; K, M and G count in 1024s."""

    least: int
    most: int
    metavar: str = "BYTES"

    @property
    def expected(self) -> str:
        return f"a number of bytes from {size_text(self.least)} to {size_text(self.most)}, such as 65536, 64K or 4M"

    def read(self, text: str, base: Path) -> int:
        match = re.fullmatch(r"([0-9]{1,18})\s*([KMG]?)(?:iB|B)?", text, re.IGNORECASE)
        if match is None:
            raise ValueError(f"{text!r} is not a size")
        size = int(match[1]) * _SIZE_UNITS[match[2].upper()]
        return _in_range(size, self.least, self.most, text)


def size_text(size: int) -> str:
    """`size` bytes as a person writes them in a configuration."""
    for unit in ("G", "M", "K"):
        if size and size % _SIZE_UNITS[unit] == 0:
            return f"{size // _SIZE_UNITS[unit]}{unit}"
    return str(size)


def _in_range(value: int, least: int, most: int, text: str) -> int:
    if value < least:
        raise ValueError(f"{text} is too small")
    if value > most:
        raise ValueError(f"{text} is too big")
    return value


@dataclass(frozen=True)
class Choice(ValueKind):
    """One of some words."""

    words: tuple[str, ...]

    @property
    def expected(self) -> str:
        return " or ".join((", ".join(self.words[:-1]), self.words[-1]))

    @property
    def metavar(self) -> str:
        return f"[{'|'.join(self.words)}]"

    def read(self, text: str, base: Path) -> str:
        if text.lower() not in self.words:
            raise ValueError(f"{text!r} is not one of the choices")
        return text.lower()


@dataclass(frozen=True)
class Text(ValueKind):
    """Letters, digits and `._-`, at most `most` bytes."""

    most: int
    may_be_empty: bool = False
    metavar: str = "NAME"

    @property
    def expected(self) -> str:
        return f"a name of {0 if self.may_be_empty else 1} to {self.most} letters, digits and '._-'"

    def read(self, text: str, base: Path) -> str:
        if not text and not self.may_be_empty:
            raise ValueError("the name is missing")
        if len(text.encode()) > self.most:
            raise ValueError(f"a name of {len(text.encode())} bytes is too long")
        if text and not re.fullmatch(r"[\w.-]+", text):
            raise ValueError(f"{text!r} has characters that a name may not have")
        return text


@dataclass(frozen=True)
class UnicastAddress(ValueKind):
    """An IP address of this machine, or of the network that its interface is on."""

    expected: str = "an IPv4 or IPv6 address of this machine or of its network, such as 192.168.1.0 or ::1"
    metavar: str = "ADDRESS"

    def read(self, text: str, base: Path) -> str:
        address = _ip_address(text)
        if address.is_multicast:
            raise ValueError(f"{text} is a multicast address")
        return str(address)


@dataclass(frozen=True)
class MulticastAddress(ValueKind):
    """A multicast address, or nothing."""

    expected: str = "a multicast address, such as 226.94.1.1 or ff15::1"
    metavar: str = "ADDRESS"

    def read(self, text: str, base: Path) -> str:
        if not text:
            return ""
        address = _ip_address(text)
        if not address.is_multicast:
            raise ValueError(f"{text} is not a multicast address")
        return str(address)


def _ip_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an IP address") from None


@dataclass(frozen=True)
class Hosts(ValueKind):
    """A comma-separated list of hosts, each with a port or without."""

    most: int
    metavar: str = "HOST[:PORT],…"

    @property
    def expected(self) -> str:
        return f"at most {self.most} of host, host:port or [IPv6]:port, separated by commas"

    def read(self, text: str, base: Path) -> tuple[HostPort, ...]:
        hosts = tuple(read_host(part, port_needed=False) for part in _parts(text))
        if len(hosts) > self.most:
            raise ValueError(f"{len(hosts)} hosts are too many")
        return hosts


@dataclass(frozen=True)
class OptionalHost(ValueKind):
    """A host and a port, or nothing."""

    expected: str = "host:port or [IPv6]:port, or nothing"
    metavar: str = "HOST:PORT"

    def read(self, text: str, base: Path) -> HostPort | None:
        return read_host(text, port_needed=True) if text else None


_HOST_NAME: Final = re.compile(
    r"(?=.{1,253}\.?$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?"
)


def read_host(text: str, port_needed: bool) -> HostPort:
    """`host`, `host:port`, `[IPv6]:port` or a bare IPv6 address. Raises ValueError."""
    match = re.fullmatch(r"\[([^\]]*)\](?::(.*))?|([^:]*)(?::([^:]*))?", text)
    if match is None:
        host, port = text, None
    else:
        host, port = match[1] or match[3] or "", match[2] if match[1] else match[4]
    if port is None and port_needed:
        raise ValueError(f"{text!r} has no port")
    return HostPort(_host(host, text), _port(port, text))


def _host(host: str, text: str) -> str:
    if ":" in host or re.fullmatch(r"[0-9.]+", host):
        return str(_ip_address(host))
    if not _HOST_NAME.fullmatch(host):
        raise ValueError(f"{text!r} does not name a host")
    return host


def _port(port: str | None, text: str) -> int:
    if port is None:
        return 0
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= PORT_MAX:
        raise ValueError(f"{text!r} has no port from 1 to {PORT_MAX}")
    return int(port)


@dataclass(frozen=True)
class FilePath(ValueKind):
    """The path of a file or directory."""

    expected: str = "a path"
    metavar: str = "PATH"

    def read(self, text: str, base: Path) -> Path:
        if not text:
            raise ValueError("the path is missing")
        return _path(text, base)


@dataclass(frozen=True)
class OptionalPath(ValueKind):
    """The path of a file or directory, or nothing."""

    expected: str = "a path, or nothing"
    metavar: str = "PATH"

    def read(self, text: str, base: Path) -> Path | None:
        return _path(text, base) if text else None


@dataclass(frozen=True)
class FilePaths(ValueKind):
    """Paths of files, separated by commas."""

    most: int
    metavar: str = "PATH,…"

    @property
    def expected(self) -> str:
        return f"1 to {self.most} paths, separated by commas"

    def read(self, text: str, base: Path) -> tuple[Path, ...]:
        paths = tuple(_path(part, base) for part in _parts(text))
        if not 1 <= len(paths) <= self.most:
            raise ValueError(f"{len(paths)} paths are given")
        return paths


def _path(text: str, base: Path) -> Path:
    if "\0" in text:
        raise ValueError("a path cannot hold the character 0")
    try:
        return base / Path(text).expanduser()
    except RuntimeError:
        raise ValueError(f"{text!r} starts in the home directory of nobody") from None


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
