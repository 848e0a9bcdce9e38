"""Serves the libraries: the handshake, requests to their handlers, and the end of a connection.

A library is not trusted. What it does wrong is counted by cause, and

* a body that does not validate, an unknown request, a second Initialize: answered with an error that says what was
  expected; the connection stays;
* a frame that cannot be cut from the stream, is no request, or comes before Initialize: Goodbye with the reason, and
  the connection is closed, as nothing that follows could be understood.

Requests of one connection are handled in the order in which they came. They wait, and the runtime does not read more,
while the library leaves too much unread, while the first of them waits for room on a queue of the ring, and before the
first complete state of this node: a library of a joining node sees nothing of the cluster before. The status service is
served at any time. From then on requests that only read are answered from the state as it is, and requests that
multicast are taken while their queue has room, be it that it is held back by an exchange of state, and get TRY_AGAIN
when it is full, unless they are to wait.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from openais.executive.connections import Connection, Connections, Credentials, Limits, Share
from openais.executive.handshake import negotiate
from openais.executive.outbox import Outbox
from openais.executive.routing import Routing
from openais.messages.base import Kind, Malformed, ServiceId, Source, decode, encode
from openais.messages.frame import Frame, pack
from openais.messages.session import INITIALIZE_NUMBER, Initialize, Initialized
from openais.services.base import Effects, LibraryConnection
from openais.types import AisError, ErrorCode, NodeId, Priority, Version

SERVED_BYTES: Final = 256 * 1024
"""Bytes of requests of one connection that are served in one input: what they led to leaves before more is served, so
that whom it is for works while we do."""
_OPEN_FROM_THE_START: Final = frozenset((ServiceId.STATUS,))


class Libraries:
    """All connections of libraries, served."""

    def __init__(
        self,
        node_id: NodeId,
        limits: Limits,
        routing: Routing,
        connections: Connections,
        outbox: Outbox,
        perform: Callable[[ServiceId, Effects], None],
        note: Callable[[str], None],
    ) -> None:
        self._node_id = node_id
        self._limits = limits
        self._routing = routing
        self._connections = connections
        self._outbox = outbox
        self._perform = perform
        self._note = note
        """Tells the flight recorder."""
        self._held: dict[int, Connection] = {}
        """Those whose first request waits for room on a queue of the ring."""
        self._unserved: dict[int, Connection] = {}
        """Those with more requests than are served in one input."""
        self._ready = False
        self._ended = ""
        """Why no library is served any more."""
        self.counters: Final[dict[str, int]] = {}

    # Inputs

    def opened(self, number: int, credentials: Credentials, share: Share | None = None) -> None:
        """A connection was accepted and let in."""
        connection = self._connections.add(number, credentials, share)
        if self._ended:
            self._connections.goodbye(connection, ErrorCode.LIBRARY, self._ended)
        elif len(self._connections) > self._limits.connections_max:
            reason = f"there are {self._limits.connections_max} connections already, and no more may be"
            self._end(connection, "too_many_connections", ErrorCode.NO_RESOURCES, reason)

    def data(self, number: int, data: bytes) -> None:
        """Bytes came from a library. Late ones from a connection that is closing are dropped."""
        connection = self._connections.get(number)
        if connection is None:
            return
        connection.reader.feed(data)
        try:
            connection.waiting.extend(connection.reader.frames())
        except Malformed as error:
            self._end(connection, "malformed_frame", ErrorCode.LIBRARY, str(error))
            return
        self._serve(connection)

    def written(self, number: int, byte_count: int) -> None:
        """A library has read; it may be served again."""
        connection = self._connections.written(number, byte_count)
        if connection is not None:
            self._serve(connection)

    def closed(self, number: int) -> None:
        """A connection is gone. Its service is told, unless it was when the executive ended it."""
        self._held.pop(number, None)
        self._unserved.pop(number, None)
        connection = self._connections.remove(number)
        if connection is not None and not connection.closing:
            self._tell_service(connection)

    # From the executive

    def ready(self) -> None:
        """The state of this node is complete for the first time: requests that waited for it are handled."""
        if self._ready:
            return
        self._ready = True
        for number in self._connections.numbers():
            connection = self._connections.get(number)
            if connection is not None:
                self._serve(connection)

    def retry(self) -> None:
        """Serves those that waited for room, as far as there is some by now; who has to wait again is the last."""
        for number, connection in list(self._held.items()):
            if connection.waits_for is not None and self._outbox.room(connection.waits_for):
                del self._held[number]
                connection.waits_for = None
                self._serve(connection)

    @property
    def unserved(self) -> bool:
        """Whether there are requests that `go_on` would serve."""
        return bool(self._unserved)

    def go_on(self) -> None:
        """Serves what was too much for one input."""
        unserved, self._unserved = self._unserved, {}
        for connection in unserved.values():
            self._serve(connection)

    def end_all(self, reason: str) -> None:
        """Says goodbye to all, and to those that come later."""
        self._ended = reason
        for number in self._connections.numbers():
            connection = self._connections.get(number)
            if connection is not None:
                self._connections.goodbye(connection, ErrorCode.LIBRARY, reason)

    def tell_services(self) -> None:
        """Tells the services of the connections that the executive has ended."""
        while self._connections.ended:
            connection = self._connections.ended.pop(0)
            self._tell_service(connection)

    # Requests

    def _serve(self, connection: Connection) -> None:
        waiting, served = connection.waiting, 0
        while waiting and not connection.closing and self._may_serve(connection):
            if served >= SERVED_BYTES:
                self._unserved[connection.number] = connection
                break
            frame = waiting.popleft()
            served += len(frame.body)
            self._frame(connection, frame)
        self._connections.touch(connection)

    def _may_serve(self, connection: Connection) -> bool:
        if connection.waits_for is not None or connection.outstanding > self._limits.queue_bytes_throttle:
            return False
        service = connection.service
        return self._ready or service is None or service.service_id in _OPEN_FROM_THE_START

    def _frame(self, connection: Connection, frame: Frame) -> None:
        if frame.kind is not Kind.REQUEST:
            reason = f"a frame of kind {frame.kind.name}, expected REQUEST"
            self._end(connection, "not_a_request", ErrorCode.LIBRARY, reason)
        elif frame.number == INITIALIZE_NUMBER:
            self._initialize(connection, frame)
        elif connection.service is None:
            reason = f"request {frame.number} came before Initialize"
            self._end(connection, "not_initialized", ErrorCode.LIBRARY, reason)
        else:
            self._request(connection, connection.service.service_id, frame)

    def _request(self, connection: Connection, service_id: ServiceId, frame: Frame) -> None:
        route = connection.routes.get(frame.number)
        if route is None:
            self._count("unknown_request")
            text = f"{service_id.name} has no request {frame.number}"
            self._refuse(connection, frame, ErrorCode.NOT_SUPPORTED, text)
            return
        try:
            request = decode(route.request, frame.body)
        except Malformed as error:
            self._count("malformed_request")
            self._refuse(connection, frame, ErrorCode.INVALID_PARAM, str(error))
            return
        if route.sends is not None:
            priority = route.sends(request)
            if not self._outbox.room(priority):
                if route.waits is not None and route.waits(request):
                    self._hold(connection, frame, priority)
                    return
                self._count("try_again")
                self._refuse(connection, frame, ErrorCode.TRY_AGAIN, f"the {priority.name} queue is full")
                return
        try:
            self._perform(service_id, route.handler(Source(self._node_id, connection.number, frame.call), request))
        except AisError as error:
            self._refuse(connection, frame, error.code, str(error))

    def _hold(self, connection: Connection, frame: Frame, priority: Priority) -> None:
        connection.waiting.appendleft(frame)
        connection.waits_for = priority
        self._held[connection.number] = connection

    # The handshake

    def _initialize(self, connection: Connection, frame: Frame) -> None:
        try:
            if connection.service is not None:
                raise AisError.of(ErrorCode.BAD_OPERATION, "initialize: the session is open already")
            self._open(connection, frame.call, decode(Initialize, frame.body))
        except Malformed as error:
            self._count("malformed_request")
            self._refuse(connection, frame, ErrorCode.INVALID_PARAM, str(error))
        except AisError as error:
            self._count("refused_initialize")
            self._refuse(connection, frame, error.code, f"initialize: {error}")

    def _open(self, connection: Connection, call: int, request: Initialize) -> None:
        """Opens the session. Raises AisError when the service or the version is not supported."""
        service = self._routing.services.get(request.service_id)
        if service is None:
            raise AisError.of(ErrorCode.NOT_SUPPORTED, f"this executive has no service {request.service_id}")
        version = negotiate(service.versions, Version(request.release, request.major, request.minor))
        connection.service, connection.version = service, version
        connection.routes = self._routing.library[service.service_id]
        number = connection.number
        shared = connection.share() if request.shares and connection.share is not None else None
        answer = Initialized(
            version.release, version.major, version.minor, self._node_id, number, self._limits.frame_max,
            0 if shared is None else shared[1],
        )  # fmt: skip
        if shared is not None:
            connection.shared = connection.reader.shared = shared[0]
        self._connections.send(number, pack(INITIALIZE_NUMBER, Kind.RESPONSE, call, encode(answer)))
        credentials = connection.credentials
        library = LibraryConnection(number, credentials.process_id, request.process_name, credentials.user_id, version)
        self._perform(service.service_id, service.library_opened(library))

    # The end

    def _end(self, connection: Connection, cause: str, code: ErrorCode, reason: str) -> None:
        self._count(cause)
        self._connections.goodbye(connection, code, reason)

    def _tell_service(self, connection: Connection) -> None:
        if connection.closing:
            process = connection.credentials.process_id
            self._note(f"connection {connection.number} of process {process} is closed: {connection.closing}")
        if connection.service is not None:
            self._perform(connection.service.service_id, connection.service.library_closed(connection.number))

    def _refuse(self, connection: Connection, frame: Frame, code: ErrorCode, explanation: str) -> None:
        self._connections.send(
            connection.number, pack(frame.number, Kind.RESPONSE, frame.call, explanation.encode(), code)
        )

    def _count(self, cause: str) -> None:
        self.counters[cause] = self.counters.get(cause, 0) + 1
