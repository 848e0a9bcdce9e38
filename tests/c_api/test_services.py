"""libSaAmf.so, libSaCkpt.so, libSaEvt.so and libevs.so in C programs."""

from __future__ import annotations

import pytest

from tests.c_api.conftest import Run


@pytest.mark.parametrize("program", ["amf_test.c", "ckpt_test.c", "evs_test.c", "evt_test.c"])
def test_every_function_callback_and_error_is_that_of_the_interface(program: str, run: Run) -> None:
    assert run(program) == "done\n"


def test_checkpoints_are_tracked_and_old_programs_lose_no_memory(run: Run) -> None:
    assert run("ckpt_track.c").endswith("done\n")


def test_a_child_has_no_handles_of_its_parent_and_makes_its_own(run: Run) -> None:
    assert run("forks.c") == "done\n"


def test_a_program_in_cpp_is_served(run: Run) -> None:
    assert run("plain.cc") == "done\n"
