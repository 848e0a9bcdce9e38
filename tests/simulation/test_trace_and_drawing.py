"""What is to be read and seen of a run."""

from __future__ import annotations

from xml.etree import ElementTree

from openais.simulation.datagrams import in_words, kind_of
from openais.simulation.drawing import draw
from openais.simulation.runner import Task, run_seed
from openais.simulation.trace import Event, Trace, preview
from openais.totem.effects import RingId
from openais.totem.wire import SAFE, Token, cluster_checksum, encode_data
from openais.types import NodeId

CLUSTER = cluster_checksum("simulated")
RING = RingId(8, NodeId(1))
SVG = "{http://www.w3.org/2000/svg}"


def a_run() -> Trace:
    """Five nodes with losses and crashes."""
    trace = run_seed(Task(3, nodes=5, faults=("loss", "crash"), duration_s=2.0, ring_only=True, traced=True)).trace
    assert trace is not None
    return trace


def test_an_event_is_one_line() -> None:
    event = Event(126_100, NodeId(2), "token", "hop 12 in 8.1, lost: partition", NodeId(3))
    assert str(event) == "0.126100  2 > 3  token     hop 12 in 8.1, lost: partition"
    assert str(Event(0, NodeId(7), "boot", "now")) == "0.000000  7      boot      now"


def test_the_lines_of_a_trace_are_in_order_of_time() -> None:
    times = [float(line.split()[0]) for line in a_run().lines()]
    assert times == sorted(times)


def test_kinds_and_moments_can_be_chosen() -> None:
    trace = a_run()
    assert {line.split()[2] for line in trace.lines(["conf"])} == {"conf"}
    assert all(0.5 <= event.time_us / 1e6 <= 0.6 for event in trace.between(0.5, 0.6))


def test_datagrams_are_put_into_words() -> None:
    packet = encode_data(CLUSTER, NodeId(2), RING, 5, SAFE, b"body")
    assert kind_of(packet.raw) == "data"
    assert in_words(packet.raw) == f"data 5 of 2 in 8.1, {len(packet.raw)} bytes safe"
    token = Token(RING, NodeId(2), 12)
    token.sequence, token.requests = 9, [(4, 1), (6, 3)]
    assert in_words(token.encode(CLUSTER)) == "token hop 12 in 8.1, sequence 9 aru 0 missing 4,6-8"


def test_noise_is_called_noise() -> None:
    assert in_words(b"") == "noise of 0 bytes"
    token = Token(RING, NodeId(2), 12).encode(CLUSTER)
    assert in_words(token[:-1]) == f"noise of {len(token) - 1} bytes, malformed_token"


def test_short_text_is_shown_and_the_rest_is_counted() -> None:
    assert preview(b"hello") == '"hello"'
    assert preview(bytes(100)) == "100 bytes 0000000000000000"
    assert preview(b"\xff\xfe") == "2 bytes fffe"


def test_a_drawing_is_an_svg_with_nodes_datagrams_losses_configurations_and_crashes() -> None:
    trace = a_run()
    nodes = [NodeId(number) for number in range(1, 6)]
    root = ElementTree.fromstring(draw(trace.events, nodes, title="a < b"))
    texts = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    assert "a < b" in texts
    assert [text for text in texts if text.startswith("node ")] == [f"node {node}" for node in nodes]
    assert any("crash" in text for text in texts)
    kinds = {line.get("class") for line in root.iter(f"{SVG}line")}
    assert kinds >= {"token", "data", "join", "commit"}
    assert any(path.get("class") == "lost" for path in root.iter(f"{SVG}path"))
    assert len(list(root.iter(f"{SVG}circle"))) == sum(event.kind == "deliver" for event in trace.events)


def test_a_drawing_of_a_part_is_smaller() -> None:
    trace, nodes = a_run(), [NodeId(number) for number in range(1, 6)]
    whole = ElementTree.fromstring(draw(trace.events, nodes, title=""))
    part = ElementTree.fromstring(draw(trace.events, nodes, title="", start_s=1.0, end_s=1.2))
    assert float(part.get("height", "0")) < float(whole.get("height", "0"))
    assert len(list(part.iter(f"{SVG}line"))) < len(list(whole.iter(f"{SVG}line")))


def test_a_drawing_is_the_same_each_time() -> None:
    nodes = [NodeId(number) for number in range(1, 6)]
    assert draw(a_run().events, nodes, title="") == draw(a_run().events, nodes, title="")
