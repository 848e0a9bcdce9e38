"""Version negotiation and the first frame of a connection."""

from __future__ import annotations

import pytest

from openais.executive.handshake import negotiate
from openais.messages.base import Kind, ServiceId, encode
from openais.messages.frame import pack
from openais.messages.session import INITIALIZE_NUMBER, Initialized
from openais.types import AisError, ErrorCode, Version, VersionError
from tests.executive.cluster import Cluster
from tests.executive.ledger import Read

SUPPORTED = (Version("B", 3, 2), Version("B", 1, 1), Version("D", 1, 0))


@pytest.mark.parametrize(
    ("required", "in_force"),
    [
        (Version("B", 1, 1), Version("B", 3, 2)),
        (Version("B", 3, 0), Version("B", 3, 2)),
        (Version("B", 3, 9), Version("B", 3, 2)),
        (Version("b", 2, 0), Version("B", 3, 2)),
        (Version("D", 1, 0), Version("D", 1, 0)),
    ],
)
def test_the_highest_version_of_the_release_is_in_force_when_its_major_version_suffices(
    required: Version, in_force: Version
) -> None:
    assert negotiate(SUPPORTED, required) == in_force


@pytest.mark.parametrize(
    ("required", "nearest"),
    [
        (Version("B", 4, 0), "B.03.02"),
        (Version("A", 1, 1), "B.03.02"),
        (Version("C", 1, 1), "D.01.00"),
        (Version("Z", 1, 1), "D.01.00"),
    ],
)
def test_a_version_that_is_not_supported_is_refused_with_the_nearest_one(required: Version, nearest: str) -> None:
    with pytest.raises(VersionError, match=f"nearest is {nearest}"):
        negotiate(SUPPORTED, required)


def test_the_session_opens_with_the_version_in_force_and_tells_the_service_who_it_is() -> None:
    node = Cluster(7)[7]
    library = node.connect()
    answer = library.initialize(("B", 1, 1))
    assert isinstance(answer, Initialized)
    assert (answer.release, answer.major, answer.minor) == ("B", 3, 2)
    assert (answer.node_id, answer.connection) == (7, library.number)
    opened = node.ledger.connections[library.number]
    assert (opened.process_id, opened.process_name, opened.user_id) == (4711, "test", 1000)
    assert opened.version == Version("B", 3, 2)


def test_a_library_that_asks_for_a_version_not_supported_may_try_another() -> None:
    library = Cluster(1)[1].connect()
    refused = library.initialize(("C", 1, 0))
    assert isinstance(refused, VersionError)
    assert "C.01.00 is not supported" in str(refused)
    assert isinstance(library.initialize(("B", 1, 0)), Initialized)


def test_an_unknown_service_is_not_supported() -> None:
    node = Cluster(1)[1]
    for service_id in (ServiceId.EXECUTIVE, ServiceId.AMF):
        answer = node.connect(service_id).initialize()
        assert isinstance(answer, AisError)
        assert answer.code is ErrorCode.NOT_SUPPORTED
        assert f"no service {int(service_id)}" in str(answer)


def test_an_initialize_that_does_not_validate_is_an_invalid_parameter() -> None:
    library = Cluster(1)[1].connect()
    library.send_bytes(pack(INITIALIZE_NUMBER, Kind.REQUEST, 9, b"\x91\xa1x"))
    answer = library.answers[9]
    assert isinstance(answer, AisError)
    assert answer.code is ErrorCode.INVALID_PARAM
    assert "Initialize" in str(answer)


def test_a_second_initialize_is_a_bad_operation_and_the_session_stays() -> None:
    cluster = Cluster(1)
    cluster.form([1])
    library = cluster[1].library()
    answer = library.initialize()
    assert isinstance(answer, AisError)
    assert answer.code is ErrorCode.BAD_OPERATION
    assert not isinstance(library.call(Read()), AisError)


def test_a_request_before_initialize_ends_the_connection_with_the_reason() -> None:
    node = Cluster(1)[1]
    library = node.connect()
    library.send_bytes(pack(Read.number, Kind.REQUEST, 1, encode(Read())))
    assert library.goodbye is not None
    assert library.goodbye.reason == f"request {Read.number} came before Initialize"
    assert library.close_effect is not None
    assert node.executive.counters["library.not_initialized"] == 1
