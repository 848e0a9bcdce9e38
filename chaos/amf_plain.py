"""A plain program that AMF keeps up: it is active as long as it runs.

python -S -m chaos.amf_plain, with the name of its assignment in $CHAOS_CSI
"""

from __future__ import annotations

import os
import signal
from typing import Final

from chaos.amf_work import CSI, Work

BEAT_S: Final = 1.0


def main() -> None:
    """Works until SIGTERM."""
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))
    work = Work()
    work.take(os.environ[CSI])
    while signal.sigtimedwait((signal.SIGTERM,), BEAT_S) is None:
        work.beat()
    work.journal.note("ends")


if __name__ == "__main__":
    main()
