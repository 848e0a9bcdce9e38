"""Operations, driven by hand."""

from __future__ import annotations

import pytest

from openais.client.operation import BACKOFF_MAX_S, Backoff, Operation, Pause, ask
from openais.messages.clm import NodeFound, NodeGet
from openais.types import NodeId, NotExist, TimeoutExpired, TryAgain
from tests.client.views import node

REQUEST = NodeGet(NodeId(1))
FOUND = NodeFound(node(1))


def result_of(operation: Operation[NodeFound], answer: NodeFound) -> NodeFound:
    with pytest.raises(StopIteration) as end:
        operation.send(answer)
    found = end.value.value
    assert isinstance(found, NodeFound)
    return found


def test_an_answer_is_the_result() -> None:
    operation = ask(REQUEST, NodeFound)
    assert next(operation) is REQUEST
    assert result_of(operation, FOUND) is FOUND


def test_an_error_comes_out() -> None:
    operation = ask(REQUEST, NodeFound, retry=True)
    next(operation)
    with pytest.raises(NotExist):
        operation.throw(NotExist())


def test_try_again_comes_out_when_no_retry_is_asked_for() -> None:
    operation = ask(REQUEST, NodeFound)
    next(operation)
    with pytest.raises(TryAgain):
        operation.throw(TryAgain())


def test_with_retry_the_request_is_repeated_after_a_pause() -> None:
    operation = ask(REQUEST, NodeFound, retry=True)
    next(operation)
    assert isinstance(operation.throw(TryAgain()), Pause)
    assert operation.send(None) is REQUEST
    assert result_of(operation, FOUND) is FOUND


def test_the_refusal_comes_out_when_the_time_is_up_in_a_pause() -> None:
    operation = ask(REQUEST, NodeFound, retry=True)
    next(operation)
    operation.throw(TryAgain("the queue is full"))
    with pytest.raises(TryAgain, match="the queue is full"):
        operation.throw(TimeoutExpired())


def test_pauses_grow_to_a_limit_and_shrink_with_success() -> None:
    backoff = Backoff()
    pauses = [backoff.refused() for _ in range(20)]
    assert pauses == sorted(pauses)
    assert pauses[0] < pauses[1] < pauses[-1] == BACKOFF_MAX_S
    backoff.accepted()
    assert backoff.refused() < BACKOFF_MAX_S
