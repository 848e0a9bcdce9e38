"""Flow control: how many new packets a token visit may send (Totem paper, section 4.1.3; fair share by backlog)."""

from __future__ import annotations

from openais.totem.settings import RingSettings


def new_packets_max(
    settings: RingSettings, *, sent_by_others: int, backlog: int, backlog_others: int, gap: int, sent_before: int = 0
) -> int:
    """New packets that may be sent in this visit, besides the `sent_before` in it.

    `sent_by_others` is what the others sent during the last rotation, `gap` how far the highest sequence is above the
    all-received-up-to, all in packets. A member with something to send gets at least one packet as long as the window
    is not full, so that nobody starves.
    """
    if not backlog or gap > settings.gap_max:
        return 0
    free = settings.window - sent_by_others - sent_before
    if free <= 0:
        return 0
    share = max(1, settings.window * backlog // (backlog + backlog_others))
    return max(0, min(backlog, settings.visit_max - sent_before, free, share))
