"""What the tests of AMF share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.amf import Site, site


@pytest.fixture(scope="session")
def amf_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Three executives that many tests use, each with groups of its own."""
    with site(tmp_path_factory.mktemp("site")) as made:
        yield made
