"""The settings of an executive, and with them the declaration of every key of the configuration.

A section is a dataclass, a key is a field of it. `Settings()` is what runs with no configuration at all.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from openais import paths
from openais.config.declare import key
from openais.config.values import (
    PORT_MAX,
    Choice,
    FilePath,
    FilePaths,
    HostPort,
    Hosts,
    Integer,
    MulticastAddress,
    OptionalHost,
    OptionalPath,
    Size,
    Switch,
    Text,
    UnicastAddress,
)
from openais.types import NODE_ID_MAX

KIB: Final = 1024
MIB: Final = 1024 * 1024
NODES_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """network { … }: where the ring talks."""

    bindnetaddr: str = key(
        UnicastAddress(),
        "127.0.0.1",
        "Address of the interface that the ring uses, or the network address of that interface.",
    )
    mcastaddr: str = key(
        MulticastAddress(), "", "Multicast address of the ring. With none, datagrams go to each node by unicast."
    )
    mcastport: int = key(Integer(1, PORT_MAX), "5405", "UDP port of the ring, for unicast as well.")


@dataclass(frozen=True, slots=True)
class LoggingSettings:
    """logging { … }: what the executive tells, and where."""

    logoutput: str = key(Choice(("stderr", "file", "syslog")), "stderr", "Where log lines go.")
    logfile: Path = key(
        FilePath(),
        lambda environment: paths.state_directory(environment) / "openais.log",
        "The file that log lines are appended to, with `logoutput: file`.",
        default_help="`openais.log` in the state directory",
    )
    debug: bool = key(Switch(), "off", "Whether debug lines are logged too.")
    timestamp: bool = key(Switch(), "on", "Whether lines carry the time.")
    format: str = key(Choice(("plain", "json")), "plain", "Lines for people or for machines.", flag="--log-format")


@dataclass(frozen=True, slots=True)
class TotemSettings:
    """totem { … }: this node and the ring. Times in milliseconds, sizes in bytes, windows in packets."""

    nodeid: int = key(
        Integer(0, NODE_ID_MAX), "0", "Id of this node, unique in the cluster; 0 derives it from address and port."
    )
    nodename: str = key(Text(255, may_be_empty=True), "", "Name of this node.", default_help="the host name")
    cluster: str = key(Text(64), "openais", "Name of the cluster; clusters of different names do not hear each other.")
    transport: str = key(
        Choice(("auto", "unicast", "multicast")),
        "auto",
        "How datagrams reach the other nodes; `auto` is multicast when mcastaddr is given, else unicast.",
    )
    nodelist: tuple[HostPort, ...] = key(
        Hosts(NODES_MAX),
        "",
        "The nodes, for unicast: addresses or DNS names, without a port that of mcastport. May name this node too.",
    )
    token: int = key(
        Integer(20, 60_000, "ms"),
        "500",
        "A node that hears nothing of the token for so long declares it lost. All other times follow from it; "
        "120 has a crashed node out within 300 ms.",
    )
    token_coefficient: int = key(
        Integer(0, 10_000, "ms"), "20", "Added to `token` for each member of the ring beyond the second."
    )
    netmtu: int = key(
        Integer(0, 65_535, "bytes"),
        "0",
        "The largest packet on the network, IP header included. 0 is 1500, or what the interface takes when that is "
        "less, or when it is loopback.",
    )
    packet_max: int = key(
        Integer(1024, 60_000, "bytes"),
        "60000",
        "The longest packet of the ring. What is longer than netmtu travels in pieces, while none of them are lost.",
    )
    window_size: int = key(Integer(1, 4096, "packets"), "96", "New packets in flight on the whole ring in a rotation.")
    max_messages: int = key(Integer(1, 4096, "packets"), "48", "New packets that one node sends in one token visit.")
    accelerated_window: int = key(
        Integer(0, 4096, "packets"), "16", "How many of those are sent after the token; 0 turns acceleration off."
    )
    nice: int = key(
        Integer(-20, 19),
        "0",
        "Scheduling priority that the executive takes, as of nice(1); 0 leaves it as it was started. Below 0, which "
        "takes a privilege, it keeps its time on a busy machine, and sends smaller bursts.",
    )
    message_max: int = key(Size(MIB + 64 * KIB, 16 * MIB), "1088K", "The largest group message.")
    queue_max: int = key(
        Size(64 * KIB, 1024 * MIB), "4M", "What may wait for the ring on each priority before TRY_AGAIN."
    )
    secauth: bool = key(Switch(), "on", "Whether datagrams are encrypted and authenticated. Off is for benchmarks.")
    authkey: tuple[Path, ...] = key(
        FilePaths(8),
        paths.default_authkey,
        "File of the shared key. With several, the first seals and all are accepted, so that a key can be changed.",
        default_help="`/etc/ais/authkey` for root, else `~/.config/openais/authkey`",
    )
    cipher: str = key(Choice(("aes256gcm", "chacha20poly1305")), "aes256gcm", "How datagrams are sealed.")
    quorum: str = key(
        Choice(("none", "majority")), "none", "Which partition has quorum: each, or that of the majority."
    )
    expected_votes: int = key(
        Integer(0, NODES_MAX), "0", "Nodes of the whole cluster, for `quorum: majority`; 0 counts the node list."
    )
    wait_for_all: bool = key(Switch(), "off", "No quorum before all expected nodes were seen together once.")
    two_node: bool = key(Switch(), "off", "In a cluster of two, each keeps quorum when the other fails.")
    statedir: Path = key(
        FilePath(),
        paths.state_directory,
        "Directory of what must outlive a restart: the ring's sequence number.",
        default_help="`/var/lib/openais` for root, else `~/.local/state/openais`",
    )


@dataclass(frozen=True, slots=True)
class IpcSettings:
    """ipc { … }: the libraries' side of the executive."""

    socket: Path = key(
        FilePath(),
        paths.default_socket,
        "The unix socket that libraries connect to.",
        default_help="`$OPENAIS_SOCKET`; else `/run/openais/openais.sock` for root, "
        "`$XDG_RUNTIME_DIR/openais/openais.sock` for others",
    )
    group: str = key(
        Text(64, may_be_empty=True),
        "ais",
        "Unix group whose members may connect, besides root and the executive's user.",
    )
    connections_max: int = key(Integer(1, 65_536), "256", "Library connections at one time.")
    frame_max: int = key(Size(64 * KIB, 64 * MIB), "17M", "The largest request of a library.")
    queue_max: int = key(
        Size(64 * KIB, 1024 * MIB),
        "32M",
        "What may wait for a library that does not read before it is disconnected.",
        flag="--ipc-queue-max",
    )
    queue_throttle: int = key(
        Size(16 * KIB, 1024 * MIB),
        "8M",
        "What may wait for a library before its own requests are held back.",
        flag="--ipc-queue-throttle",
    )
    shared_memory: int = key(
        Integer(0, 65_536),
        "32",
        "With so many libraries at a time memory is shared for what is long, up to 8 MiB for each.",
    )
    metrics: HostPort | None = key(OptionalHost(), "", "Where Prometheus metrics are served, over HTTP.")


@dataclass(frozen=True, slots=True)
class CkptSettings:
    """ckpt { … }: the checkpoint service. All nodes must have the same."""

    without_quorum: str = key(
        Choice(("write", "refuse")),
        "write",
        "What becomes of writes, and of consistent reads, on a side that has no quorum.",
    )
    persist: Path | None = key(
        OptionalPath(),
        "",
        "Directory in which checkpoints are kept, to outlive a restart of the cluster.",
    )
    fsync: str = key(
        Choice(("always", "never")),
        "always",
        "With `persist`: whether a write to all replicas is answered only when it is on all of their disks.",
    )
    keep_losers: bool = key(
        Switch(), "off", "Keep a replica that loses in a merge, after both sides were changed, under another name."
    )


@dataclass(frozen=True, slots=True)
class AmfSettings:
    """amf { … }: the availability management framework. Times in milliseconds."""

    model: Path | None = key(
        OptionalPath(),
        "",
        "The file of the service groups: amf.conf, or the groups.conf of the seed. What was applied later wins.",
        default_help="none: groups come from the others, or from `openais amf apply`",
        flag="--amf-model",
    )
    fence: int = key(
        Integer(0, 600_000, "ms"),
        "5000",
        "With a quorum: how long after a node was lost its work is given to others. Without quorum it is given up "
        "within that time.",
        flag="--amf-fence",
    )
    failfast: Path | None = key(
        OptionalPath(),
        "",
        "A program that restarts the machine, run when the recovery of a component is node-failfast, or the node is "
        "configured so in amf.conf. The executive ends in any case, as if it had crashed.",
        default_help="none: the executive ends, and the service manager may start it again",
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of an executive."""

    network: NetworkSettings = field(default_factory=NetworkSettings)
    logging: LoggingSettings = field(default_factory=LoggingSettings)
    totem: TotemSettings = field(default_factory=TotemSettings)
    ipc: IpcSettings = field(default_factory=IpcSettings)
    ckpt: CkptSettings = field(default_factory=CkptSettings)
    amf: AmfSettings = field(default_factory=AmfSettings)
    file: Path | None = None
    """The configuration file they come from, if there is one."""
    warnings: tuple[str, ...] = ()
    """What is allowed but probably not meant; the executive logs it."""

    @property
    def transport(self) -> str:
        """unicast or multicast: totem.transport with `auto` decided."""
        if self.totem.transport != "auto":
            return self.totem.transport
        return "multicast" if self.network.mcastaddr else "unicast"

    @property
    def nodes(self) -> tuple[HostPort, ...]:
        """The node list, each with its port."""
        return tuple(HostPort(host, port or self.network.mcastport) for host, port in self.totem.nodelist)

    @property
    def makes_authkey(self) -> bool:
        """Whether the executive makes the key when there is none: the file is the default one and the cluster is on
        this machine only. Over a network, nodes that each make a key of their own would never meet."""
        loopback = ipaddress.ip_address(self.network.bindnetaddr).is_loopback
        return loopback and self.totem.authkey == (paths.default_authkey(),)
