"""Scenarios: what is done to a ring, as text, with the trace of what came of it recorded beneath.

    # A lost packet is asked for with the token and sent again before the token is passed on.

    nodes 3
    boot all
    run 0.5
    ----

    show data deliver
    drop 1 > 3 data
    submit 1 hello
    run 0.05
    ----
    0.531062  1 > 2  data      1 of 1 in 1.1, 69 bytes, arrives 0.532062
    ...

Paragraphs with a line of four dashes are commands, and beneath the dashes what they led to; all others are remarks. The
commands are the methods of `Scenario`, each with its form in its docstring. A scenario is run again and must give the
same text, to the byte; `openais simulate --scenario FILE --update` records it anew.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any, Final

from openais.simulation.checker import Violation
from openais.simulation.cluster import RingCluster
from openais.simulation.datagrams import kind_of
from openais.simulation.network import Quality
from openais.simulation.trace import Event, in_order
from openais.totem.processor import Processor
from openais.totem.settings import RingSettings
from openais.types import Guarantee, NodeId, Priority

DASHES: Final = "----"
LATENCY_US: Final = 1_000
SHOWN: Final = ("boot", "crash", "pause", "resume", "leave", "left", "fatal", "conf", "deliver", "fault")
"""Kinds of events that are shown unless `show` says otherwise."""


class ScenarioError(ValueError):
    """A scenario cannot be run; the text says which line and what was expected."""


@dataclasses.dataclass(slots=True)
class _Drop:
    """Datagrams to lose: `count` more of them."""

    source: NodeId | None
    target: NodeId | None
    kind: str
    count: int


class Scenario:
    """Runs a scenario. `run` gives its text with what came of it; `violations` what the checker found."""

    def __init__(self) -> None:
        self._cluster: RingCluster | None = None
        self._settings: dict[str, Any] = {"cluster": "simulated", "token_timeout_s": 0.1}
        self._quality = Quality(latency_us=LATENCY_US)
        self._multicast = False
        self._shown: tuple[str, ...] = SHOWN
        self._told = 0
        self._output: list[str] = []
        self._drops: list[_Drop] = []
        self._commands: dict[str, Callable[..., None]] = {
            name.removeprefix("do_").replace("_", "-"): getattr(self, name) for name in dir(self) if name[:3] == "do_"
        }

    @property
    def violations(self) -> list[Violation]:
        """What the checker found in all of the scenario."""
        return self._cluster.checker.violations if self._cluster is not None else []

    @property
    def cluster(self) -> RingCluster:
        """The cluster, once `nodes` was said."""
        if self._cluster is None:
            raise ScenarioError("expected `nodes COUNT` before this")
        return self._cluster

    def run(self, text: str) -> str:
        """Does what the scenario says. Raises ScenarioError."""
        paragraphs = [self._paragraph(paragraph) for paragraph in text.strip().split("\n\n")]
        if self._cluster is not None:
            self._cluster.checker.finish()
        return "\n\n".join([*paragraphs, *map(str, self.violations)]) + "\n"

    def _paragraph(self, paragraph: str) -> str:
        lines = paragraph.strip("\n").split("\n")
        if DASHES not in lines:
            return "\n".join(lines)
        commands = lines[: lines.index(DASHES)]
        self._output = []
        for command in commands:
            self._command(command)
        return "\n".join([*commands, DASHES, *self._output, *self._news()])

    def _command(self, line: str) -> None:
        words = line.split()
        if not words or words[0].startswith("#"):
            return
        try:
            self._commands[words[0]](*words[1:])
        except (KeyError, TypeError, ValueError) as error:
            known = ", ".join(sorted(self._commands))
            raise ScenarioError(f"{line!r}: {error}; the commands are {known}") from error

    def _news(self) -> list[str]:
        """What is shown of what happened since the last paragraph."""
        if self._cluster is None or self._cluster.trace is None:
            return []
        events = self._cluster.trace.events[self._told :]
        self._told += len(events)
        return [str(event) for event in in_order(events) if self._is_shown(event)]

    def _is_shown(self, event: Event) -> bool:
        lost = event.target is not None and event.arrives_us is None
        return event.kind in self._shown or (lost and "lost" in self._shown)

    # Commands: the cluster

    def do_set(self, *assignments: str) -> None:
        """set NAME=VALUE …: ring settings, latency_us, jitter_us or multicast; before `nodes`."""
        for assignment in assignments:
            name, value = assignment.split("=")
            if name == "multicast":
                self._multicast = value == "on"
            elif name in ("latency_us", "jitter_us"):
                changes: dict[str, Any] = {name: int(value)}
                self._quality = dataclasses.replace(self._quality, **changes)
            else:
                self._settings |= _setting(name, value)

    def do_nodes(self, count: str) -> None:
        """nodes COUNT: makes the machines, 1 to COUNT."""
        self._cluster = RingCluster(
            int(count), RingSettings(**self._settings), quality=self._quality, multicast=self._multicast,
            make_ring=Processor, traced=True,
        )  # fmt: skip
        self._cluster.network.interceptor = self._intercept

    def do_set_of(self, node: str, *assignments: str) -> None:
        """set-of NODE NAME=VALUE …: ring settings of one node; before it is booted."""
        changes: dict[str, Any] = {}
        for assignment in assignments:
            changes |= _setting(*assignment.split("="))
        self.cluster.settings_of[_node(node)] = dataclasses.replace(self.cluster.settings, **changes)

    def do_boot(self, *nodes: str) -> None:
        """boot NODE … | boot all: starts machines."""
        for node in self.cluster.nodes if nodes == ("all",) else map(_node, nodes):
            self.cluster.boot(node)

    def do_run(self, seconds: str) -> None:
        """run SECONDS: lets virtual time pass."""
        self.cluster.run(float(seconds))

    # Commands: what nodes do

    def do_submit(self, node: str, text: str, *how: str) -> None:
        """submit NODE TEXT [safe] [recovery|high|med|low] [to=GROUP,…] [count=N] [size=N]: sends messages. With a
        count they are TEXT1, TEXT2, …; with a size they are filled up."""
        options = dict(word.split("=") for word in how if "=" in word)
        count, size = int(options.get("count", 1)), int(options.get("size", 0))
        texts = [text] if count == 1 else [f"{text}{number}" for number in range(1, count + 1)]
        groups = tuple(name.encode() for name in options["to"].split(",")) if "to" in options else ()
        priority = next((Priority[word.upper()] for word in how if word.upper() in Priority.__members__), Priority.MED)
        guarantee = Guarantee.SAFE if "safe" in how else Guarantee.AGREED
        self.cluster.submit(_node(node), [t.encode().ljust(size, b".") for t in texts], groups, guarantee, priority)

    def do_join(self, node: str, group: str) -> None:
        """join NODE GROUP: the node is in the group from now on."""
        self.cluster.join_group(_node(node), group.encode())

    def do_part(self, node: str, group: str) -> None:
        """part NODE GROUP: and no more."""
        self.cluster.leave_group(_node(node), group.encode())

    def do_leave(self, node: str) -> None:
        """leave NODE: the node leaves in order."""
        self.cluster.leave(_node(node))

    def do_crash(self, node: str) -> None:
        """crash NODE: the machine stops at once."""
        self.cluster.crash(_node(node))

    def do_lose_disk(self, node: str) -> None:
        """lose-disk NODE: the machine, which is down, gets an empty disk."""
        self.cluster.nodes[_node(node)].replace_disk()

    def do_disk(self, node: str, delay_us: str) -> None:
        """disk NODE MICROSECONDS: how long a write takes."""
        self.cluster.nodes[_node(node)].disk.delay_us = (int(delay_us), int(delay_us))

    def do_pause(self, node: str) -> None:
        """pause NODE: it stands still (SIGSTOP)."""
        self.cluster.pause(_node(node))

    def do_resume(self, node: str) -> None:
        """resume NODE: it goes on (SIGCONT)."""
        self.cluster.resume(_node(node))

    # Commands: what the network does

    def do_drop(self, source: str, _: str, target: str, kind: str, count: str = "1") -> None:
        """drop FROM > TO KIND [COUNT]: loses the next datagrams of that kind; `*` stands for any node."""
        self._drops.append(_Drop(_node_or_any(source), _node_or_any(target), kind, int(count)))

    def do_link(self, source: str, _: str, target: str, *assignments: str) -> None:
        """link FROM > TO NAME=VALUE …: changes the quality of a link (fields of `network.Quality`)."""
        fields = {field.name: field.type for field in dataclasses.fields(Quality)}
        changes = {
            name: int(value) if fields[name] == "int" else value == "True" if fields[name] == "bool" else float(value)
            for name, value in (assignment.split("=") for assignment in assignments)
        }
        self.cluster.network.impair(_node(source), _node(target), **changes)

    def do_partition(self, *words: str) -> None:
        """partition NODE … | NODE …: the network falls apart."""
        parts = " ".join(words).split("|")
        self.cluster.network.partition([[_node(word) for word in part.split()] for part in parts])

    def do_heal(self) -> None:
        """heal: all links are as at the start."""
        self.cluster.network.heal()

    def do_inject(self, source: str, _: str, target: str, data: str) -> None:
        """inject FROM > TO HEX: a datagram of any bytes, sealed with the right key."""
        self.cluster.network.inject(_node(source), _node(target), bytes.fromhex(data))

    # Commands: what is seen

    def do_show(self, *kinds: str) -> None:
        """show KIND …: the events to be seen from now on: kinds of datagrams, of the flight recorder, `lost`, and
        conf deliver boot crash pause resume leave fault; `usual` stands for those seen at the start."""
        self._shown = tuple(kind for word in kinds for kind in (SHOWN if word == "usual" else (word,)))
        self._news()

    def do_describe(self, node: str, *names: str) -> None:
        """describe NODE [NAME …]: what the ring of a node says of itself."""
        described = self.cluster.describe()[_node(node)]
        if names:
            described = {name: described.get(name) for name in names}
        self._output.append(json.dumps(described, default=str))

    def do_counters(self, node: str, *names: str) -> None:
        """counters NODE [NAME …]: what the ring of a node counted."""
        counters = self.cluster.rings[_node(node)].counters
        wanted = {name: counters.get(name, 0) for name in names} if names else dict(sorted(counters.items()))
        self._output.append(json.dumps(wanted))

    def _intercept(self, source: NodeId, target: NodeId, datagram: bytes) -> str | None:
        for drop in self._drops:
            if drop.count and drop.source in (None, source) and drop.target in (None, target):
                if drop.kind not in ("any", kind_of(datagram)):
                    continue
                drop.count -= 1
                return "dropped"
        return None


def _node(word: str) -> NodeId:
    return NodeId(int(word))


def _node_or_any(word: str) -> NodeId | None:
    return None if word == "*" else _node(word)


def _setting(name: str, value: str) -> dict[str, Any]:
    """A ring setting, with the type that its default has."""
    default = getattr(RingSettings(), name)
    return {name: type(default)(value)}
