"""What the tests of the libraries share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from tests.client.fake_executive import FakeExecutive

T = TypeVar("T")
InThread = Callable[[Callable[[], T]], "Future[T]"]


@pytest.fixture
def executive(tmp_path: Path) -> Iterator[FakeExecutive]:
    """An executive of which the test decides what it answers."""
    with FakeExecutive(tmp_path / "openais.sock") as fake:
        yield fake


@pytest.fixture
def in_thread() -> Iterator[Callable[[Callable[[], object]], Future[object]]]:
    """Runs a function in another thread: `in_thread(f).result(PATIENCE_S)`."""
    with ThreadPoolExecutor(16) as pool:
        yield pool.submit
