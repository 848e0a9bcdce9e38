"""The handle database (saHandleCreate, saHandleDestroy, saHandleInstanceGet, saHandleInstancePut)."""

from __future__ import annotations

import threading

import pytest

from openais.client.handles import Handle, HandleDatabase
from openais.types import BadHandle


class Recorder:
    """A database whose destructor writes down what it was given."""

    def __init__(self) -> None:
        self.destroyed: list[str] = []
        self.database = HandleDatabase[str](self.destroyed.append)


def test_a_created_handle_gives_its_instance() -> None:
    recorder = Recorder()
    handle = recorder.database.create("instance")
    assert recorder.database.get(handle) == "instance"


def test_a_destroyed_handle_gives_bad_handle() -> None:
    recorder = Recorder()
    handle = recorder.database.create("instance")
    recorder.database.destroy(handle)
    with pytest.raises(BadHandle):
        recorder.database.get(handle)
    with pytest.raises(BadHandle):
        recorder.database.lookup(handle)


def test_who_only_looks_an_instance_up_has_no_reference() -> None:
    recorder = Recorder()
    handle = recorder.database.create("instance")
    assert recorder.database.lookup(handle) == "instance"
    recorder.database.destroy(handle)
    assert recorder.destroyed == ["instance"]


def test_a_handle_can_be_destroyed_only_once() -> None:
    recorder = Recorder()
    handle = recorder.database.create("instance")
    recorder.database.get(handle)
    recorder.database.destroy(handle)
    with pytest.raises(BadHandle):
        recorder.database.destroy(handle)


def test_the_destructor_runs_when_an_unused_handle_is_destroyed() -> None:
    recorder = Recorder()
    recorder.database.destroy(recorder.database.create("instance"))
    assert recorder.destroyed == ["instance"]
    assert len(recorder.database) == 0


def test_the_destructor_waits_for_the_last_reference() -> None:
    recorder = Recorder()
    handle = recorder.database.create("instance")
    recorder.database.get(handle)
    recorder.database.get(handle)
    recorder.database.destroy(handle)
    recorder.database.put(handle)
    assert recorder.destroyed == []
    recorder.database.put(handle)
    assert recorder.destroyed == ["instance"]


def test_the_destructor_does_not_run_while_the_handle_is_not_destroyed() -> None:
    recorder = Recorder()
    handle = recorder.database.create("instance")
    recorder.database.get(handle)
    recorder.database.put(handle)
    assert recorder.destroyed == []
    assert recorder.database.is_valid(handle)


def test_a_handle_of_another_database_gives_bad_handle() -> None:
    mine, foreign = Recorder(), Recorder()
    mine.database.create("mine")
    handle = foreign.database.create("foreign")
    with pytest.raises(BadHandle):
        mine.database.get(handle)


def test_zero_is_no_handle() -> None:
    with pytest.raises(BadHandle):
        Recorder().database.get(Handle(0))


def test_a_handle_is_never_given_out_twice() -> None:
    recorder = Recorder()
    first = recorder.database.create("first")
    recorder.database.destroy(first)
    assert recorder.database.create("second") != first


def test_the_context_refers_to_the_instance_as_long_as_it_is_open() -> None:
    recorder = Recorder()
    handle = recorder.database.create("instance")
    with recorder.database.instance(handle) as instance:
        recorder.database.destroy(handle)
        assert (instance, recorder.destroyed) == ("instance", [])
    assert recorder.destroyed == ["instance"]


def test_a_reference_put_too_often_gives_bad_handle() -> None:
    recorder = Recorder()
    handle = recorder.database.create("instance")
    recorder.database.destroy(handle)
    with pytest.raises(BadHandle):
        recorder.database.put(handle)


def test_many_threads_destroy_an_instance_exactly_once() -> None:
    recorder = Recorder()
    handles = [recorder.database.create(str(number)) for number in range(200)]
    start = threading.Barrier(8)

    def use_and_destroy() -> None:
        start.wait()
        for handle in handles:
            try:
                with recorder.database.instance(handle):
                    recorder.database.destroy(handle)
            except BadHandle:
                continue

    threads = [threading.Thread(target=use_and_destroy) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(recorder.destroyed, key=int) == [str(number) for number in range(200)]
