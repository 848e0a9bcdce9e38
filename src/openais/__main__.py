"""`python -m openais` is `openais`."""

from __future__ import annotations

from openais.cli.main import main

if __name__ == "__main__":
    main()
