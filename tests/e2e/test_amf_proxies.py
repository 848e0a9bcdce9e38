"""Proxies as real programs, and a device that they are the proxies of."""

from __future__ import annotations

import os
import signal

import pytest

from openais.amf import AdminOperation, Recovery
from tests.support.amf import Components, Condition, Site, has, is_idle

pytestmark = pytest.mark.e2e


def proxied_by(name: str) -> Condition:
    return lambda found: found["modem"]["proxy"] == name


async def modem(site: Site) -> tuple[str, str]:
    """A device, with a proxy on each of two nodes; the one that is active, and the other."""
    proxy = site.aware("proxy", "recovery: failover", f"environment: DEVICE {site.folder}/device").replace(
        "amf_program", "amf_proxy"
    )
    await site.apply("")
    await site.until(lambda found: not found)
    site.log.unlink(missing_ok=True)
    (site.folder / "device").unlink(missing_ok=True)
    await site.apply(
        f"""
        group {{
            name: proxy
            nodes: node-1, node-2
            {proxy}
        }}
        group {{
            name: modem
            unit {{
                name: modem-unit
                component {{
                    name: modem
                    csi_types: line
                    proxy_csi: proxy/proxy
                }}
            }}
        }}
        """
    )
    active, standby = await site.pair("proxy@node-1", "proxy@node-2")
    await site.until(has("modem", "active"), proxied_by(active))
    return active, standby


def told(site: Site) -> list[str]:
    """What was said of the device: `proxy what`."""
    return [line.replace(" modem", "") for line in site.said() if " modem" in line]


async def kill(site: Site, name: str) -> None:
    found: Components = await site.components()
    os.kill(found[name]["process_id"], signal.SIGKILL)


def test_a_device_is_instantiated_assigned_and_terminated_through_its_proxy(amf_site: Site) -> None:
    async def scenario() -> None:
        active, _ = await modem(amf_site)
        assert told(amf_site) == [f"{active} instantiated", f"{active} active"]
        await amf_site.administrate(AdminOperation.LOCK, "modem-unit")
        await amf_site.until(is_idle("modem"))
        await amf_site.administrate(AdminOperation.LOCK_INSTANTIATION, "modem-unit")
        await amf_site.until(lambda found: found["modem"]["presence"] == "uninstantiated")
        assert told(amf_site)[2:] == [f"{active} quiesced", f"{active}/line removed", f"{active} terminated"]
        assert not (amf_site.folder / "device").exists()

    amf_site.run(scenario())


def test_a_device_goes_on_when_its_proxy_is_killed_and_the_next_one_takes_it_up(amf_site: Site) -> None:
    async def scenario() -> None:
        active, standby = await modem(amf_site)
        await amf_site.administrate(AdminOperation.SI_SWAP, "proxy")
        await amf_site.until(
            has(standby, "active"), has(active, "standby"), proxied_by(standby), has("modem", "active")
        )
        await kill(amf_site, standby)
        await amf_site.until(has(active, "active"), has("modem", "active"), proxied_by(active))
        assert told(amf_site) == [f"{active} instantiated", f"{active} active"]

    amf_site.run(scenario())


def test_a_device_with_an_error_is_cleaned_up_and_instantiated_by_its_proxy(amf_site: Site) -> None:
    async def scenario() -> None:
        active, _ = await modem(amf_site)
        await amf_site.amf.component_error_report("modem", Recovery.COMPONENT_RESTART, retry=True)
        await amf_site.until(lambda found: found["modem"]["generation"] == 2, has("modem", "active"))
        assert told(amf_site)[2:] == [f"{active} cleaned-up", f"{active} instantiated", f"{active} active"]

    amf_site.run(scenario())
