"""Metrics of a node for Prometheus, over HTTP: /metrics, and /ready for probes. Off unless `ipc.metrics` is given."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from openais.config.values import HostPort
from openais.runtime.driver import NodeDriver
from openais.runtime.errors import StartError

REQUEST_S: Final = 5.0
REQUEST_BYTES_MAX: Final = 8192
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_COUNTERS: Final = {
    "udp": ("openais_udp", "Datagrams at the socket, by what became of them."),
    "seal": ("openais_datagrams_refused", "Datagrams that were not opened, by cause."),
    "ring": ("openais_ring_events", "Events of the ring, by kind."),
    "library": ("openais_library_events", "Events of library connections, by kind."),
    "group": ("openais_group_messages_dropped", "Group messages that no service took, by cause."),
}


class NodeCollector(Collector):
    """What Prometheus is told of a node at this moment."""

    def __init__(self, driver: NodeDriver) -> None:
        self._driver = driver

    def collect(self) -> Iterator[Metric]:
        """One family for each kind of counter, and the state as gauges."""
        status = self._driver.executive.status()
        yield InfoMetricFamily(
            "openais_node", "Which node this is.", {"node_id": str(status.node_id), "name": status.name}
        )
        gauges: list[tuple[str, str, float]] = [
            ("openais_members", "Members of the configuration.", len(status.members)),
            ("openais_quorate", "Whether the configuration has quorum.", status.quorate),
            ("openais_synchronized", "Whether the state of the services is complete.", status.synchronized),
            ("openais_ring_sequence", "Sequence of the ring id.", status.ring.sequence if status.ring else 0),
            ("openais_library_connections", "Connections of libraries.", status.connections),
            ("openais_boot_timestamp_seconds", "When the node was started.", status.boot_timestamp_ns / 1e9),
        ]
        for name, text, value in gauges:
            yield GaugeMetricFamily(name, text, value)
        yield from self._counters()

    def _counters(self) -> Iterator[Metric]:
        families = {
            prefix: CounterMetricFamily(name, text, labels=["kind"]) for prefix, (name, text) in _COUNTERS.items()
        }
        for name, count in self._driver.executive.counters.items():
            prefix, _, kind = name.partition(".")
            families[prefix].add_metric([kind], count)
        yield from families.values()


class MetricsEndpoint:
    """A small HTTP server in the running loop. It answers GET and closes; it does nothing else."""

    def __init__(self, driver: NodeDriver) -> None:
        self._driver = driver
        self._registry = CollectorRegistry()
        self._registry.register(NodeCollector(driver))

    async def start(self, address: HostPort) -> None:
        """Listens. Raises StartError."""
        try:
            self._server = await asyncio.start_server(
                self._serve, address.host, address.port, limit=REQUEST_BYTES_MAX, reuse_address=True
            )
        except OSError as error:
            raise StartError(f"metrics: {address}: {error.strerror or error}") from None

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def close(self) -> None:
        """Listens no more."""
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(REQUEST_S):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._answer(request))
                await writer.drain()
        writer.close()

    def _answer(self, request: bytes) -> bytes:
        method, path = [*request.split(b" ", 2), b"", b""][:2]
        if method != b"GET":
            return _response("405 Method Not Allowed", b"GET only\n")
        if path == b"/metrics":
            return _response("200 OK", generate_latest(self._registry))
        if path == b"/ready":
            ready = self._driver.executive.status().synchronized
            return _response("200 OK", b"ready\n") if ready else _response("503 Service Unavailable", b"not ready\n")
        return _response("404 Not Found", b"/metrics and /ready are here\n")


def _response(status: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
