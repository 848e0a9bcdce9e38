"""What the tests of the libraries share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from openais.types import AisError
from tests.client.fake_executive import FakeExecutive

InThread = Callable[..., Future[Any]]


@pytest.fixture
def executive(tmp_path: Path) -> Iterator[FakeExecutive]:
    """An executive of which the test decides what it answers."""
    with FakeExecutive(tmp_path / "openais.sock") as fake:
        yield fake


@pytest.fixture
def in_thread() -> InThread:
    """Runs a function in another thread: `in_thread(f, 1).result(PATIENCE_S)`."""

    def start(function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()

        def work() -> None:
            try:
                future.set_result(function(*arguments))
            except (AisError, AssertionError) as error:
                future.set_exception(error)

        threading.Thread(target=work, daemon=True).start()
        return future

    return start
