"""The embedded node: an executive inside a program, with its libraries in the same process."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from openais.client.async_clm import AsyncClm
from openais.client.async_evs import AsyncEvs
from openais.client.async_library import Opening
from openais.client.clm_operations import NO_CALLBACKS as NO_CLM_CALLBACKS
from openais.client.clm_operations import ClmCallbacks
from openais.client.connecting import DEFAULT_TIMEOUT_S
from openais.client.evs_operations import NO_CALLBACKS as NO_EVS_CALLBACKS
from openais.client.evs_operations import NO_OPTIONS, EvsCallbacks, EvsOptions
from openais.config.load import load_settings
from openais.config.settings import Settings
from openais.config.table import KEYS
from openais.runtime.driver import NodeDriver
from openais.types import InvalidParam, NodeId

_NO_FILE: Final = Path(os.devnull)
_OF_EXECUTIVES: Final = "OPENAIS_"


class Node:
    """A member of the cluster that lives in the running event loop.

        async with openais.Node(bindnetaddr="10.0.0.7", nodelist="10.0.0.7, 10.0.0.8", authkey="/etc/app/key") as node:
            async with node.clm() as cluster:
                async for view in cluster.track():
                    ...

    Settings are given as `Settings`, or as keyword arguments, named as the flags of `openais run` (`ipc_queue_max` for
    `--ipc-queue-max`); neither a configuration file nor the environment is read. With `listen` libraries of other
    processes may connect as well, at the `socket` of the settings.

    The loop must not be held up for longer than the token timeout (`token`), or the others go on without this node
    until it is back.
    """

    def __init__(self, settings: Settings | None = None, *, listen: bool = False, **keys: object) -> None:
        """Raises ConfigurationError on a value that a key cannot have, InvalidParam on a key that there is not."""
        if settings is not None and keys:
            raise InvalidParam("Node: settings and keyword arguments exclude each other")
        self._driver = NodeDriver(settings if settings is not None else settings_of(keys), listen=listen)

    async def start(self) -> None:
        """Starts the executive; `async with` does. Raises StartError."""
        await self._driver.start()

    async def stop(self) -> None:
        """Leaves the ring in order and ends; `async with` does. Libraries of this node end with it."""
        await self._driver.leave()

    async def ended(self) -> str:
        """Waits until the executive cannot go on, or was stopped; why, in words."""
        return await self._driver.ended()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def node_id(self) -> NodeId:
        """The id of this node."""
        return self._driver.node_id

    @property
    def address(self) -> tuple[str, int]:
        """Where other nodes reach this one: host and UDP port."""
        host, port, *_ = self._driver.address
        return host, port

    def set_nodes(self, *nodes: tuple[str, int]) -> None:
        """Replaces the node list by these hosts (names or addresses) and ports."""
        self._driver.set_nodes(nodes)

    def clm(
        self, *, callbacks: ClmCallbacks = NO_CLM_CALLBACKS, timeout: float = DEFAULT_TIMEOUT_S
    ) -> Opening[AsyncClm]:
        """A handle of the cluster membership service of this node, to be awaited or entered."""
        return AsyncClm.open(callbacks=callbacks, timeout=timeout, sock=self._driver.connect())

    def evs(
        self,
        *,
        callbacks: EvsCallbacks = NO_EVS_CALLBACKS,
        options: EvsOptions = NO_OPTIONS,
        timeout: float = DEFAULT_TIMEOUT_S,
    ) -> Opening[AsyncEvs]:
        """A handle of the extended virtual synchrony service of this node, to be awaited or entered."""
        return AsyncEvs.open(callbacks=callbacks, options=options, timeout=timeout, sock=self._driver.connect())

    def describe(self) -> dict[str, Any]:
        """The state of the executive and its services, for people and tools."""
        return self._driver.executive.describe()


def settings_of(keys: dict[str, object]) -> Settings:
    """Settings from keyword arguments. Values may be text, as in a file, or numbers, paths, truth values and lists."""
    by_name = {key.flag.lstrip("-").replace("-", "_"): key for key in KEYS}
    unknown = sorted(set(keys) - set(by_name))
    if unknown:
        raise InvalidParam(f"Node: there is no key {unknown[0]!r}, expected some of {', '.join(sorted(by_name))}")
    environment = {name: text for name, text in os.environ.items() if not name.startswith(_OF_EXECUTIVES)}
    flags = {by_name[name].path: _as_text(value) for name, value in keys.items()}
    return load_settings(_NO_FILE, environment, flags)


def _as_text(value: object) -> str:
    """`value` as it would stand in a configuration file."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        return ", ".join(_as_text(each) for each in value)
    return str(value)
