"""From the settings of an executive to the settings of its parts."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec.structs import replace

from openais.config.amf import load_model
from openais.config.problems import ConfigurationError
from openais.config.settings import Settings
from openais.executive.connections import Limits
from openais.executive.quorum import QuorumRule, QuorumSettings
from openais.messages.amf_model import ModelConfig
from openais.messages.base import ServiceId
from openais.runtime.authkey import AuthKey, create_authkey, load_authkeys
from openais.runtime.errors import StartError
from openais.runtime.seal import OVERHEAD, Cipher
from openais.runtime.service_log import ServiceLog
from openais.runtime.udp import UdpSettings
from openais.services.amf.service import Amf
from openais.services.base import LocalNode, Service
from openais.services.ckpt import Ckpt
from openais.services.ckpt.state import CkptSettings
from openais.services.clm import Clm
from openais.services.evs import Evs
from openais.services.evt import Evt
from openais.totem.settings import RingSettings

MILLISECOND: Final = 0.001
NODE_NAME_MAX: Final = 255

_CIPHERS: Final = {"aes256gcm": Cipher.AES256GCM, "chacha20poly1305": Cipher.CHACHA20POLY1305}


def ring_settings(settings: Settings, datagram_size: int) -> RingSettings:
    """How the ring behaves where the network carries sealed datagrams of `datagram_size` bytes in one packet."""
    totem = settings.totem
    return RingSettings(
        cluster=totem.cluster,
        token_timeout_s=totem.token * MILLISECOND,
        token_coefficient_s=totem.token_coefficient * MILLISECOND,
        packet_size=min(datagram_size - OVERHEAD, totem.packet_max),
        packet_size_max=totem.packet_max,
        window=totem.window_size,
        visit_max=totem.max_messages,
        accelerated_window=totem.accelerated_window,
        message_max=totem.message_max,
        queue_bytes_max=totem.queue_max,
    )


def limits(settings: Settings) -> Limits:
    """What libraries may take."""
    ipc = settings.ipc
    return Limits(
        frame_max=ipc.frame_max,
        connections_max=ipc.connections_max,
        queue_bytes_max=ipc.queue_max,
        queue_bytes_throttle=ipc.queue_throttle,
        message_max=settings.totem.message_max,
    )


def quorum_settings(settings: Settings) -> QuorumSettings:
    """Which partition may go on. Raises StartError."""
    totem = settings.totem
    votes = totem.expected_votes or len(totem.nodelist)
    try:
        return QuorumSettings(QuorumRule(totem.quorum), votes, totem.wait_for_all, totem.two_node)
    except ValueError as error:
        raise StartError(str(error)) from None


def udp_settings(settings: Settings) -> UdpSettings:
    """Where datagrams come and go."""
    network, totem = settings.network, settings.totem
    return UdpSettings(
        bind_address=network.bindnetaddr,
        port=network.mcastport,
        peers=settings.nodes,
        multicast_address=network.mcastaddr if settings.transport == "multicast" else "",
        mtu=totem.netmtu,
    )


def load_keys(settings: Settings) -> tuple[AuthKey, ...]:
    """The keys to seal and open with; none when security is off. Makes the default one. Raises AuthKeyError."""
    if not settings.totem.secauth:
        return ()
    if settings.makes_authkey:
        create_authkey(settings.totem.authkey[0])
    return load_authkeys(settings.totem.authkey)


def cipher(settings: Settings) -> Cipher:
    """How to seal."""
    return _CIPHERS[settings.totem.cipher] if settings.totem.secauth else Cipher.NONE


def node_name(settings: Settings) -> str:
    """The name of this node: the configured one, or that of the host."""
    return (settings.totem.nodename or socket.gethostname())[:NODE_NAME_MAX]


def ckpt_settings(settings: Settings) -> CkptSettings:
    """How checkpoints behave."""
    has_quorum = settings.totem.quorum != "none"
    refuse = settings.ckpt.without_quorum == "refuse"
    persist = settings.ckpt.persist is not None
    return CkptSettings(
        has_quorum=has_quorum,
        refuse_without_quorum=has_quorum and refuse,
        persist=persist,
        durable=persist and settings.ckpt.fsync == "always",
        keep_losers=settings.ckpt.keep_losers,
    )


def service_logs(local: LocalNode, settings: Settings) -> dict[ServiceId, ServiceLog]:
    """The logs of services that are kept on disk. Raises StartError."""
    if settings.ckpt.persist is None:
        return {}
    name = f"ckpt-{settings.totem.cluster}-{local.node_id}"
    return {ServiceId.CKPT: ServiceLog(settings.ckpt.persist, name, settings.ckpt.fsync == "always")}


def services(local: LocalNode, settings: Settings, stored: Mapping[ServiceId, Iterable[bytes]]) -> list[Service]:
    """The services of an executive (ais_service_handlers)."""
    fence_s = settings.amf.fence * MILLISECOND if settings.totem.quorum != "none" else 0.0
    return [
        Clm(local),
        Evs(local, settings.totem.message_max),
        Evt(local),
        Ckpt(local, ckpt_settings(settings), stored.get(ServiceId.CKPT, ())),
        Amf(local, amf_model(settings), fence_s),
    ]


def amf_model(settings: Settings) -> ModelConfig | None:
    """The service groups that this node begins with; what was applied in the cluster wins. Raises StartError."""
    if settings.amf.model is None:
        return None
    try:
        return replace(load_model(settings.amf.model), version=1)
    except ConfigurationError as error:
        raise StartError(f"the service groups have mistakes:\n{error}") from None
