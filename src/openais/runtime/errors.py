"""What keeps an executive from starting."""

from __future__ import annotations


class StartError(Exception):
    """The executive cannot start, or not go on; the text tells the operator why and what to do."""
