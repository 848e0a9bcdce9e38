"""The settings of the ring. Every member must run the same ones (`agreed()`); all times derive from one number."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final

DEFAULT_TOKEN_TIMEOUT_S: Final = 0.5
FAST_TOKEN_TIMEOUT_S: Final = 0.12
"""With it a crashed member is out of the others' configuration within 300 ms on a LAN."""
_LOCAL: Final = ("packet_size",)
"""Settings that each member has of its own."""


@dataclass(frozen=True, slots=True)
class RingSettings:
    """How the ring behaves. Sizes in bytes, times in seconds, windows in packets."""

    cluster: str = "openais"
    """Name of the cluster; datagrams of another cluster are dropped."""
    token_timeout_s: float = DEFAULT_TOKEN_TIMEOUT_S
    """A member that waits longer for the token declares it lost. Everything below derives from it."""
    token_coefficient_s: float = 0.02
    """Added to the token timeout for each member beyond the second."""
    packet_size: int = 1408
    """Bytes of a datagram that the network carries in one packet, before sealing. Members may differ in it."""
    packet_size_max: int = 1408
    """Bytes of the longest data packets that are made while none are lost; at least packet_size."""
    window: int = 96
    """New packets that may be in flight on the whole ring in one rotation."""
    visit_max: int = 48
    """New packets that one member may send in one token visit."""
    accelerated_window: int = 16
    """Of those, how many are sent after the token. 0 turns acceleration off."""
    gap_max: int = 2048
    """No new packets while the highest sequence is further than this above the all-received-up-to."""
    retransmit_max: int = 64
    """Ranges of missing packets in one token."""
    message_max: int = 1024 * 1024 + 65536
    """Bytes of the largest message, its group names included. At least 1 MiB plus headers."""
    queue_bytes_max: int = 4 * 1024 * 1024
    """Bytes that wait on one priority queue before a submission is refused; one message always fits."""
    queue_messages_max: int = 4096
    """Messages that wait on one priority queue before a submission is refused."""
    members_max: int = 64

    @property
    def ahead_max(self) -> int:
        """How far above the all-received-up-to a packet may be; what flow control lets anybody send is below."""
        return 2 * self.gap_max + self.visit_max

    @property
    def token_retransmit_s(self) -> float:
        """After this long with no sign of progress the last token is sent again."""
        return self.token_timeout_s / 10

    @property
    def hold_s(self) -> float:
        """How long the token of an idle ring is held."""
        return self.token_timeout_s / 4

    @property
    def keep_s(self) -> float:
        """How long after a packet its sender keeps the token, as it may well send the next."""
        return self.token_timeout_s / 250

    @property
    def keep_max_s(self) -> float:
        """How long it keeps it in all, however much it sends."""
        return self.token_timeout_s / 20

    @property
    def join_s(self) -> float:
        """Join messages are repeated this often while gathering."""
        return self.token_timeout_s / 10

    def consensus_s(self, processors: int) -> float:
        """Of so many, a processor that did not agree within this time is put into the fail set."""
        return self.token_timeout_s * 0.5 + self.token_coefficient_s * max(0, processors - 2)

    @property
    def fail_to_receive_s(self) -> float:
        """A member that the token reaches, but for so long none of the packets that it lacks, is given up."""
        return self.token_timeout_s * 2

    @property
    def deaf_s(self) -> float:
        """For so long a member that was given up because it received nothing is not listened to."""
        return self.token_timeout_s * 10

    @property
    def announce_s(self) -> float:
        """The representative announces its ring this often, so that partitions find each other."""
        return max(0.1, self.token_timeout_s * 0.4)

    def token_loss_s(self, members: int) -> float:
        """The token timeout of a ring of `members`."""
        return self.token_timeout_s + self.token_coefficient_s * max(0, members - 2)

    def agreed(self) -> dict[str, int | float | str]:
        """What all members must have in common, by name; sent in joins and announcements."""
        names = (field.name for field in dataclasses.fields(self) if field.name not in _LOCAL)
        return {name: getattr(self, name) for name in names}
