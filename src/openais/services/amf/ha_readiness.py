"""What components say that they can be assigned: HA readiness (SA Forum AMF B.04.01, 3.2)."""

from __future__ import annotations

from collections.abc import Iterable

from openais.messages.amf_model import HaReadiness
from openais.messages.amf_readiness import GroupHaReadiness, HaReadinessSet, HaReadinessTaken
from openais.messages.base import Source
from openais.services.amf.local import Local, csi_config
from openais.services.amf.model import Group, Model
from openais.services.base import Effects, Reply, Service, ToGroup, executive, library
from openais.types import BadOperation, NodeId, NotExist, Priority


class Readying(Service):
    """The part of the framework that minds what components say that they can be assigned."""

    _local: Local
    _model: Model

    def settled(self, groups: Iterable[Group]) -> Effects:
        """Orders the next steps of groups."""
        raise NotImplementedError

    @library(HaReadinessSet, sends=Priority.HIGH)
    def ha_readiness_set(self, caller: Source, request: HaReadinessSet) -> Effects:
        component = self._local.registered(caller, request.component)
        csi = csi_config(self._model, component, request.csi)
        if csi is None or csi.type not in component.config.types:
            raise NotExist(f"{request.component} cannot be assigned {request.csi!r}")
        if not component.config.pre_instantiable:
            raise BadOperation(f"{request.component} is not pre-instantiable")
        now = self.node.wall_time_ns
        yield ToGroup(GroupHaReadiness(caller, component.name, request.csi, request.readiness, now), Priority.HIGH)

    @executive(GroupHaReadiness)
    def group_ha_readiness(self, origin: NodeId, message: GroupHaReadiness) -> Effects:
        """Assignments that it cannot have any more are moved to others, in order."""
        model, component = self._model, self._model.component(message.component)
        model.time_ns = max(model.time_ns, message.time_ns)
        yield Reply(message.caller, HaReadinessTaken())
        if component is None or component.state.connection != message.caller.connection:
            return
        if message.readiness is HaReadiness.READY:
            component.state.ha_readiness.pop(message.csi, None)
        else:
            component.state.ha_readiness[message.csi] = message.readiness
        said = message.readiness.name.lower().replace("_", " ")
        model.note(component.name, f"says that it is {said} for {message.csi}")
        yield from self.settled((component.unit.group,))
