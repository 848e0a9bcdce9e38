"""The lock service that docs/writing-a-service.md builds, extracted from the page and run."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from openais.types import NotExist
from tests.services.ordered_group import Library, OrderedGroup

PAGE = Path(__file__).resolve().parents[2] / "docs" / "writing-a-service.md"


@pytest.fixture(scope="module")
def lock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The page as a module. What the page asserts is checked when it is imported."""
    path = tmp_path_factory.mktemp("page") / "lock_service.py"
    path.write_text("\n\n".join(re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)))
    spec = importlib.util.spec_from_file_location("lock_service", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["lock_service"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["lock_service"]


@pytest.fixture
def group(lock: ModuleType) -> OrderedGroup:
    group = OrderedGroup(lock.LockService)
    group.start(1, 2, 3)
    group.configure([1, 2, 3])
    return group


def holds(library: Library, call: int) -> bool:
    return call in library.answers


def test_of_two_that_ask_at_once_one_is_granted_and_the_other_waits(lock: ModuleType, group: OrderedGroup) -> None:
    ann, bob = group.open(1), group.open(2)
    first, second = ann.send(lock.Acquire("printer")), bob.send(lock.Acquire("printer"))
    group.deliver()
    assert (holds(ann, first), holds(bob, second)) == (True, False)
    assert ann.call(lock.Release("printer")) == lock.Released()
    assert bob.answer(second) == lock.Acquired()


def test_a_lock_is_released_by_its_holder_alone(lock: ModuleType, group: OrderedGroup) -> None:
    group.open(1).call(lock.Acquire("printer"))
    with pytest.raises(NotExist):
        group.open(2).call(lock.Release("printer"))


def test_the_lock_of_a_closed_connection_goes_to_the_next(lock: ModuleType, group: OrderedGroup) -> None:
    ann, bob = group.open(1), group.open(2)
    ann.call(lock.Acquire("printer"))
    waiting = bob.send(lock.Acquire("printer"))
    ann.close()
    group.deliver()
    assert holds(bob, waiting)


@pytest.mark.parametrize("back_already", [False, True])
def test_the_lock_of_a_crashed_node_goes_to_the_next(lock: ModuleType, group: OrderedGroup, back_already: bool) -> None:
    ann, bob = group.open(1), group.open(2)
    ann.call(lock.Acquire("printer"))
    waiting = bob.send(lock.Acquire("printer"))
    group.deliver()
    group.crash(1)
    if back_already:
        group.start(1)
    group.configure(group.nodes)
    assert holds(bob, waiting)


def test_a_new_node_knows_who_holds_the_locks(lock: ModuleType, group: OrderedGroup) -> None:
    group.open(1).call(lock.Acquire("printer"))
    group.start(4)
    group.configure([1, 2, 3, 4])
    late = group.open(4)
    waiting = late.send(lock.Acquire("printer"))
    group.deliver()
    assert not holds(late, waiting)


def test_when_partitions_merge_the_larger_side_keeps_the_lock(lock: ModuleType, group: OrderedGroup) -> None:
    group.configure([1], [2, 3])
    alone, one_of_two = group.open(1), group.open(2)
    alone.call(lock.Acquire("printer"))
    one_of_two.call(lock.Acquire("printer"))
    group.configure([1, 2, 3])
    assert alone.take() == [lock.LockLost("printer")]
    assert one_of_two.take() == []
    assert one_of_two.call(lock.Release("printer")) == lock.Released()
