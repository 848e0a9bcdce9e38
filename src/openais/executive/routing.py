"""Which handler a message goes to: tables built once from the handlers that the services declare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from openais.messages.base import Message, Request, ServiceId, Source
from openais.services.base import Effects, Service, executive_handlers, library_handlers
from openais.types import NodeId, Priority


@dataclass(slots=True, frozen=True)
class LibraryRoute:
    """The handler of one request of libraries. `sends` tells the queue it multicasts on, `waits` whether it waits for
    room there; None: it does not."""

    request: type[Request]
    handler: Callable[[Source, Any], Effects]
    sends: Callable[[Any], Priority] | None
    waits: Callable[[Any], bool] | None


@dataclass(slots=True, frozen=True)
class GroupRoute:
    """The handler of one group message."""

    service_id: ServiceId
    message: type[Message]
    handler: Callable[[NodeId, Any], Effects]


class Routing:
    """The services by id, the routes of libraries by service and number, of group messages by `group_key`."""

    def __init__(self, services: Sequence[Service]) -> None:
        self.services: Final[dict[int, Service]] = {service.service_id: service for service in services}
        assert len(self.services) == len(services), "two services have one service id"
        self.library: Final = {service.service_id: _library_routes(service) for service in services}
        self.group: Final = {
            group_key(service.service_id, number): GroupRoute(
                service.service_id, handler.message, getattr(service, handler.name)
            )
            for service in services
            for number, handler in executive_handlers(type(service)).items()
        }


def group_key(service: int, number: int) -> int:
    """The key of a group message: the two bytes that its payload begins with."""
    return service << 8 | number


def _library_routes(service: Service) -> dict[int, LibraryRoute]:
    return {
        number: LibraryRoute(handler.request, getattr(service, handler.name), handler.sends, handler.waits)
        for number, handler in library_handlers(type(service)).items()
    }
