"""The Prometheus endpoint of a running node."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from openais.config.values import HostPort
from openais.runtime.errors import StartError
from openais.runtime.metrics import MetricsEndpoint
from tests.support.executives import ring_of, running, settings_of


def run(scenario: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(scenario())


async def get(port: int, request: bytes) -> tuple[bytes, str]:
    """Status line and body of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request + b"\r\nHost: x\r\n\r\n")
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return head.split(b"\r\n")[0], body.decode()


def test_the_state_of_the_node_can_be_scraped(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(*(settings_of(tmp_path, number) for number in (1, 2))) as drivers:
            await ring_of(drivers)
            endpoint = MetricsEndpoint(drivers[0])
            await endpoint.start(HostPort("127.0.0.1", 0))
            status, body = await get(endpoint.port, b"GET /metrics HTTP/1.1")
            assert status == b"HTTP/1.1 200 OK"
            samples = [sample for family in text_string_to_metric_families(body) for sample in family.samples]
            values = {(sample.name, sample.labels.get("kind")): sample.value for sample in samples}
            assert values["openais_members", None] == 2
            assert values["openais_synchronized", None] == 1
            assert values["openais_udp_total", "received"] > 0
            assert values["openais_datagrams_refused_total", "not_authentic"] == 0
            endpoint.close()

    run(scenario)


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /ready HTTP/1.1", b"200 OK"),
        (b"GET /elsewhere HTTP/1.1", b"404 Not Found"),
        (b"POST /metrics HTTP/1.1", b"405 Method Not Allowed"),
        (b"nonsense", b"405 Method Not Allowed"),
    ],
)
def test_other_requests_are_answered_too(tmp_path: Path, request_line: bytes, status: bytes) -> None:
    async def scenario() -> None:
        async with running(settings_of(tmp_path, 1)) as drivers:
            await ring_of(drivers)
            endpoint = MetricsEndpoint(drivers[0])
            await endpoint.start(HostPort("127.0.0.1", 0))
            assert (await get(endpoint.port, request_line))[0] == b"HTTP/1.1 " + status
            endpoint.close()

    run(scenario)


def test_a_request_without_end_is_cut_off(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(settings_of(tmp_path, 1)) as (driver,):
            endpoint = MetricsEndpoint(driver)
            await endpoint.start(HostPort("127.0.0.1", 0))
            reader, writer = await asyncio.open_connection("127.0.0.1", endpoint.port)
            writer.write(b"x" * 100_000)
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()
            endpoint.close()

    run(scenario)


def test_an_address_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(settings_of(tmp_path, 1)) as (driver,):
            endpoint = MetricsEndpoint(driver)
            await endpoint.start(HostPort("127.0.0.1", 0))
            with pytest.raises(StartError, match="metrics"):
                await MetricsEndpoint(driver).start(HostPort("127.0.0.1", endpoint.port))
            endpoint.close()

    run(scenario)
