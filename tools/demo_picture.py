"""A picture of the demo, taken while it plays: python -m tools.demo_picture docs/demo.svg

It is taken by hand, since every performance has other processes and other times.
"""

from __future__ import annotations

import asyncio
import io
import re
import sys
from pathlib import Path
from typing import Final

from rich.console import Console

from openais.cli.demo import play
from openais.cli.demo_live import LiveStage
from openais.cli.demo_tour import LOOK_S

SCENE: Final = "A crash"
WIDTH: Final = 100


class PhotographedStage(LiveStage):
    """A stage that keeps what one scene came to, as an SVG drawing."""

    def __init__(self, node_count: int) -> None:
        self._film = Console(file=io.StringIO(), width=WIDTH, record=True, force_terminal=True, highlight=False)
        super().__init__(node_count, self._film)
        self.drawing = ""
        self._title = ""

    def open(self) -> None:
        """Nobody watches: nothing is drawn until the picture is taken."""

    def close(self) -> None:
        """Nor is there anything to put away."""

    def show_scene(self, title: str, explanation: str) -> None:
        if not self.drawing:
            self._film.export_text(clear=True)
        self._title = title
        super().show_scene(title, explanation)

    async def pause(self, seconds: float) -> None:
        if seconds == LOOK_S and self._title == SCENE:
            self._film.print(self.cluster_picture())
            self.drawing = without_fonts(self._film.export_svg(title="openais demo"))


def without_fonts(drawing: str) -> str:
    """The drawing without the fonts that it would fetch from elsewhere."""
    return re.sub(r"@font-face \{.*?\}\s*", "", drawing, flags=re.DOTALL)


def main(target: Path) -> int:
    """Plays the demo and writes the picture; the demo's exit status."""
    stage = PhotographedStage(3)
    status = asyncio.run(play(stage))
    target.write_text(stage.drawing, encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
