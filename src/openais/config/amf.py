"""From amf.conf, or the seed's groups.conf, to the configuration of AMF. Mistakes with file, line and expectation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from openais.config.amf_keys import (
    ALIASES,
    CAPABILITIES,
    COMPONENT,
    COUNT,
    DURATION,
    GROUP,
    INSTANCE,
    LIMIT,
    NAME,
    NAMES,
    NODE,
    PAIR,
    REPEATED,
    SECTIONS,
    Kind,
)
from openais.config.blocks import Block, parse_blocks
from openais.config.problems import ConfigurationError, Place, Problem
from openais.config.table import did_you_mean
from openais.messages.amf_model import (
    SECOND_NS,
    Capability,
    ComponentConfig,
    CsiConfig,
    GroupConfig,
    Healthcheck,
    InstanceConfig,
    ModelConfig,
    NodeConfig,
    RedundancyModel,
    SponsorConfig,
    UnitConfig,
)

_DURATIONS: Final = frozenset(
    (
        "instantiate_limit",
        "terminate_limit",
        "cleanup_limit",
        "callback_limit",
        "quiescing_limit",
        "component_restart_probation",
        "unit_restart_probation",
        "failover_probation",
        "auto_adjust_probation",
        "instantiate_delay",
    )
)


STARTUP_NS: Final = 2 * SECOND_NS
"""How long new groups wait for their units, unless something else is said."""


def load_amf(path: Path) -> tuple[GroupConfig, ...]:
    """The service groups in a file. Raises ConfigurationError with all mistakes."""
    return load_model(path).groups


def load_model(path: Path) -> ModelConfig:
    """The same, with what is said of nodes; its version is 0."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            [Problem(Place(str(path)), f"cannot be read: {error.strerror}", "a readable file")]
        ) from None
    return read_model(content, str(path))


def read_amf(content: bytes, file: str) -> tuple[GroupConfig, ...]:
    """The service groups in a text; `file` is its name in places. Raises ConfigurationError with all mistakes."""
    return read_model(content, file).groups


def read_model(content: bytes, file: str) -> ModelConfig:
    """The same, with what is said of nodes; its version is 0."""
    reader = _Reader()
    top = parse_blocks(content, file, reader.problems)
    groups, startup_ns = reader.groups(top), reader.startup_ns(top)
    if reader.problems:
        raise ConfigurationError(sorted(reader.problems, key=lambda problem: problem.line))
    return ModelConfig(0, groups, reader.nodes, startup_ns)


class _Reader:
    """Reads sections; collects mistakes."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._types: dict[str, Block] = {}
        self._places: dict[tuple[str, str], Place] = {}
        self._memberships: dict[str, tuple[str, ...]] = {}
        """By component: the seed's protection groups that it is a member of."""
        self.nodes: tuple[NodeConfig, ...] = ()
        self._node_groups: dict[str, tuple[str, ...]] = {}
        self._proxied: list[tuple[str, Place]] = []
        """The component service instances whose active component is a proxy, with where that is said."""

    def groups(self, top: Block) -> tuple[GroupConfig, ...]:
        self._check(top)
        for block in top.named("type"):
            self._types[self._name(block, "type")] = block
        self.nodes = tuple(self._node(block) for block in top.named("node"))
        for block in top.named("node_group"):
            self._node_groups[self._name(block, "node_group")] = self._node_group(block)
        groups = tuple(self._group(block) for block in top.named("group"))
        names = {instance.name for group in groups for instance in group.instances}
        for group in groups:
            for instance in group.instances:
                for each in instance.sponsors:
                    if each.instance not in names:
                        place = self._places["instance", instance.name]
                        hint = did_you_mean(each.instance, names)
                        expected = "" if hint else "an instance"
                        self._wrong(place, f"depends on {each.instance!r}, which is no instance{hint}", expected)
        sponsors = {
            instance.name: [each.instance for each in instance.sponsors]
            for group in groups
            for instance in group.instances
        }
        parts = {csi.name for group in groups for instance in group.instances for csi in instance.csis}
        for name, place in self._proxied:
            if name not in parts:
                self._wrong(place, f"there is no component service instance {name!r}", "`instance/csi`")
        for name in _cyclic(sponsors):
            self._wrong(self._places["instance", name], f"{name!r} depends on itself", "dependencies without a cycle")
        return groups

    def _wrong(self, place: Place, message: str, expected: str = "") -> None:
        self.problems.append(Problem(place, message, expected))

    def _check(self, block: Block) -> None:
        """Finds unknown sections and keys, and keys given twice, in a section and those within it."""
        keys, blocks = SECTIONS[block.kind]
        counts = Counter(item.key for item in block.items)
        for item in block.items:
            if item.key not in keys:
                hint = did_you_mean(item.key, keys)
                expected = "" if hint else (f"one of {', '.join(sorted(keys))}" if keys else "`group {` or `type {`")
                self._wrong(item.place, f"unknown key {item.key!r} in section {block.kind!r}{hint}", expected)
            elif counts[item.key] > 1 and item.key not in REPEATED:
                self._wrong(item.place, f"{item.key!r} is given {counts[item.key]} times", "each key once")
        for inner in block.blocks:
            if inner.kind not in blocks:
                expected = f"one of {', '.join(sorted(blocks))}" if blocks else "no section"
                self._wrong(inner.place, f"section {inner.kind!r} does not belong here", expected)
            else:
                self._check(inner)

    def _name(self, block: Block, kind: str, prefix: str = "") -> str:
        """The name of an entity, which must be unique among those of its kind."""
        own = self._read(block, "name", NAME, None)
        if own is None:
            if not any(item.key == "name" for item in block.items):
                self._wrong(block.place, f"this {kind} has no name", "`name: …`")
            return "?"
        name = f"{prefix}{own}"
        if (kind, name) in self._places:
            first = self._places[kind, name]
            self._wrong(block.place_of("name"), f"{kind} {name!r} is there already, in line {first.line}", "a new name")
        self._places[kind, name] = block.place_of("name")
        return name

    def _read(self, block: Block, key: str, kind: Kind, default: Any) -> Any:
        for item in block.items:
            if item.key == key:
                try:
                    return kind.read(item.value)
                except ValueError as error:
                    self._wrong(item.place, f"{key}: {error}", kind.expected)
                    return default
        return default

    def _values(self, block: Block, kinds: Mapping[str, Kind]) -> dict[str, Any]:
        """What is given, by the names of the configuration's fields."""
        values = {}
        for key, kind in kinds.items():
            value = self._read(block, key, kind, None)
            if value is not None:
                values[f"{key}_ns" if key in _DURATIONS else key] = value
        return values

    # The cluster and its nodes

    def startup_ns(self, top: Block) -> int:
        """How long new groups wait for their units."""
        for block in top.named("cluster"):
            return int(self._read(block, "startup", DURATION, STARTUP_NS))
        return STARTUP_NS

    def _node(self, block: Block) -> NodeConfig:
        name = self._name(block, "node")
        return NodeConfig(name, self._repeated(block, "set", PAIR), **self._values(block, NODE))

    def _node_group(self, block: Block) -> tuple[str, ...]:
        """The nodes that are named, or of those described the ones that have all attributes asked for."""
        named = self._read(block, "nodes", NAMES, ())
        where = self._repeated(block, "where", PAIR)
        described = {node.name: dict(node.attributes) for node in self.nodes}
        fitting = tuple(
            name
            for name in named or described
            if all(described.get(name, {}).get(attribute) == value for attribute, value in where)
        )
        if not fitting:
            self._wrong(block.place, "no node is in this node group", "`nodes: …`, or `where: …` of nodes described")
        return fitting

    def _hosts(self, block: Block) -> tuple[str, ...]:
        """The nodes of a group; names of node groups stand for the nodes in them."""
        names: dict[str, None] = {}
        for name in self._read(block, "nodes", NAMES, ()):
            names.update(dict.fromkeys(self._node_groups.get(name, (name,))))
        return tuple(names)

    def _repeated(self, block: Block, key: str, kind: Kind) -> tuple[Any, ...]:
        """The values of a key that may be given more than once."""
        found = []
        for item in block.items:
            if item.key == key:
                try:
                    found.append(kind.read(item.value))
                except ValueError as error:
                    self._wrong(item.place, f"{key}: {error}", kind.expected)
        return tuple(found)

    # Groups

    def _group(self, block: Block) -> GroupConfig:
        for index, item in enumerate(block.items):
            if item.key in ALIASES:
                block.items[index] = type(item)(ALIASES[item.key], item.value, item.place)
        name = self._name(block, "group")
        values = self._values(block, GROUP)
        for each in block.named("protection"):
            for item in each.items:
                if item.key == "member":
                    known = self._memberships.get(item.value, ())
                    self._memberships[item.value] = (*known, each.text("name", "?"))
        units = self._units(block, name)
        model = values.get("model", RedundancyModel.TWO_N)
        count = 1
        if block.named("protection") or model in (RedundancyModel.N_PLUS_M, RedundancyModel.NO_REDUNDANCY):
            count = values.get("active_units", 1) if model is RedundancyModel.N_PLUS_M else 1
        if block.named("instance"):
            instances = tuple(self._instance(each, units) for each in block.named("instance"))
        else:
            instances = tuple(self._default_instance(block, name, units, n, count) for n in range(1, count + 1))
        for key in ("active_units", "in_service_units", "assigned_units"):
            if values.get(key) == 0:
                self._wrong(block.place_of(key), f"{key}: 0 units can do no work", "1 or more")
        if block.named("protection"):
            values.setdefault("balance", True)
        return GroupConfig(name, units, instances, **values)

    def _units(self, block: Block, group: str) -> tuple[UnitConfig, ...]:
        """The units that are written out, or one of the components of the group for each node."""
        nodes = self._hosts(block)
        written, shared = block.named("unit"), block.named("component")
        if written and (nodes or shared):
            self._wrong(written[0].place, "units are written out, and components or nodes of all given", "one of both")
        if not written and not shared:
            self._wrong(block.place, f"group {group!r} has nothing to run", "`component {` or `unit {`")
        if shared and not nodes and not written:
            self._wrong(block.place, f"group {group!r} is on no node", "`nodes: …`")
        if written:
            return tuple(self._unit(each) for each in written)
        return tuple(
            UnitConfig(f"{group}@{node}", tuple(self._component(each, f"@{node}") for each in shared), rank, node)
            for rank, node in enumerate(nodes, 1)
        )

    def _unit(self, block: Block) -> UnitConfig:
        components = tuple(self._component(each, "") for each in block.named("component"))
        if not components:
            self._wrong(block.place, "this unit has no component", "`component {`")
        node = self._read(block, "node", NAME, "")
        return UnitConfig(self._name(block, "unit"), components, self._read(block, "rank", COUNT, 0), node)

    def _component(self, block: Block, suffix: str) -> ComponentConfig:
        own = self._read(block, "name", NAME, "?")
        seed = any(item.key == "model" for item in block.items)
        values: dict[str, Any] = {}
        if "type" in {item.key for item in block.items}:
            wanted = block.text("type")
            if wanted not in self._types:
                hint = did_you_mean(wanted, self._types)
                self._wrong(block.place_of("type"), f"there is no type {wanted!r}{hint}", "`type {` with that name")
            else:
                values = self._component_values(self._types[wanted])
        values |= self._component_values(block)
        if seed:
            values["capability"] = self._read(block, "model", CAPABILITIES, Capability.X_ACTIVE_OR_Y_STANDBY)
            values["sa_aware"] = True
        if values.get("proxy_csi"):
            values["sa_aware"] = True
            self._proxied.append((values["proxy_csi"], block.place_of("proxy_csi")))
            if values.get("command") or values.get("instantiate"):
                self._wrong(block.place, f"component {own!r} is proxied, and has a command", "one of both")
        values.setdefault("types", self._memberships.get(own, (own,)))
        if values.get("sa_aware"):
            values.setdefault("capability", Capability.X_ACTIVE_AND_Y_STANDBY)
        elif not (values.get("command") or values.get("instantiate")):
            self._wrong(block.place, f"component {own!r} has nothing to run", "`command: …`, or `sa_aware: on`")
        for limit in values.get("type_limits", ()):
            if limit.type not in values["types"]:
                expected = f"one of {', '.join(values['types'])}"
                self._wrong(block.place_of("limit"), f"limit: {own!r} takes no type {limit.type!r}", expected)
        name = f"{own}{suffix}"
        if ("component", name) in self._places and own != "?":
            first = self._places["component", name]
            self._wrong(block.place, f"component {name!r} is there already, in line {first.line}", "a new name")
        self._places["component", name] = block.place
        if own == "?":
            self._wrong(block.place, "this component has no name", "`name: …`")
        return ComponentConfig(name, **values)

    def _component_values(self, block: Block) -> dict[str, Any]:
        values = self._values(block, COMPONENT)
        for key, field, kind in (("environment", "environment", PAIR), ("limit", "type_limits", LIMIT)):
            if found := self._repeated(block, key, kind):
                values[field] = found
        types = self._read(block, "csi_types", NAMES, ())
        if types:
            values["types"] = types
        checks = tuple(self._healthcheck(each) for each in block.named("healthcheck"))
        if checks:
            values["healthchecks"] = checks
        return values

    def _healthcheck(self, block: Block) -> Healthcheck:
        key = self._read(block, "key", NAME, "default")
        period = self._read(block, "period", DURATION, 10**10)
        return Healthcheck(key, period, self._read(block, "limit", DURATION, period))

    # Service instances

    def _default_instance(
        self, block: Block, group: str, units: tuple[UnitConfig, ...], n: int, count: int
    ) -> InstanceConfig:
        """One instance with a part for each component; of the seed's groups, one for each protection group."""
        name = group if count == 1 else f"{group}#{n}"
        self._places["instance", name] = block.place
        number = "" if count == 1 else f"#{n}"
        types = [each.types[0] for each in units[0].components] if units else []
        protections = block.named("protection")
        if not protections:
            return InstanceConfig(name, tuple(CsiConfig(f"{name}/{each}", each) for each in types))
        csis = [self._protection(each, number, units) for each in protections]
        return InstanceConfig(name, tuple(each for each in csis if each is not None))

    def _protection(self, block: Block, number: str, units: tuple[UnitConfig, ...]) -> CsiConfig | None:
        """The seed's protection group as a component service instance that its members take."""
        if not number or number == "#1":
            self._name(block, "protection")
        name = block.text("name", "?")
        members = [item for item in block.items if item.key == "member"]
        known = {each.name for unit in units for each in unit.components}
        for item in members:
            if item.value not in known:
                self._wrong(item.place, f"there is no component {item.value!r}", "a component of this group")
        if not members:
            self._wrong(block.place, f"protection group {name!r} has no member", "`member = …`")
            return None
        return CsiConfig(f"{name}{number}", name, protection_group=name)

    def _instance(self, block: Block, units: tuple[UnitConfig, ...]) -> InstanceConfig:
        name = self._name(block, "instance")
        values = self._values(block, INSTANCE)
        types = {each for unit in units for component in unit.components for each in component.types}
        csis = [self._csi(each, name, types) for each in block.named("csi")]
        if not csis:
            csis = [CsiConfig(f"{name}/{each}", each) for each in sorted(types)]
        names = {csi.name for csi in csis}
        for csi in csis:
            for missing in (each for each in csi.depends if each not in names):
                own = missing.partition("/")[2]
                place = self._places["csi", csi.name]
                self._wrong(place, f"depends on {own!r}, which is no csi of {name!r}", "a csi of the same instance")
        if csis and units and not any(_takes_all(unit, csis) for unit in units):
            wanted = ", ".join(sorted({csi.type for csi in csis}))
            self._wrong(block.place, f"no unit takes all of {name!r}", f"components of one unit for each of {wanted}")
        for each in _cyclic({csi.name: csi.depends for csi in csis}):
            self._wrong(self._places.get(("csi", each), block.place), f"{each!r} depends on itself", "no cycle")
        return InstanceConfig(name, tuple(csis), sponsors=self._sponsors(block), **values)

    def _sponsors(self, block: Block) -> tuple[SponsorConfig, ...]:
        sponsors = []
        for text in block.text("depends").split(","):
            if text.strip():
                sponsor, _, tolerance = text.strip().partition(" ")
                try:
                    limit = DURATION.read(tolerance.strip()) if tolerance else 0
                    sponsors.append(SponsorConfig(NAME.read(sponsor), limit))
                except ValueError as error:
                    self._wrong(block.place_of("depends"), f"depends: {error}", "`instance` or `instance 5s`, …")
        return tuple(sponsors)

    def _csi(self, block: Block, instance: str, types: Iterable[str]) -> CsiConfig:
        own = self._name(block, "csi", f"{instance}/")
        kind = self._read(block, "type", NAME, block.text("name"))
        if kind not in types:
            place = block.place_of("type")
            self._wrong(place, f"no component takes the type {kind!r}", f"one of {', '.join(sorted(types))}")
        attributes = self._repeated(block, "set", PAIR)
        depends = tuple(f"{instance}/{each}" for each in self._read(block, "depends", NAMES, ()))
        return CsiConfig(own, kind, attributes, depends, block.text("protection_group"))


def _takes_all(unit: UnitConfig, csis: Iterable[CsiConfig]) -> bool:
    types = {kind for component in unit.components for kind in component.types}
    return all(csi.type in types for csi in csis)


def _cyclic(depends: Mapping[str, Iterable[str]]) -> list[str]:
    """The names that depend on themselves, by whatever way."""
    found = []
    for start in depends:
        reached: set[str] = set()
        waiting = list(depends[start])
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting += depends.get(name, ())
        if start in reached:
            found.append(start)
    return found
