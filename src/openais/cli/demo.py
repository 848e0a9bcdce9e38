"""`openais demo`: a cluster of real executives on this machine, shown from its start to its end.

Exit status 0: everything that was claimed was checked and held. 1: something did not hold. 130: interrupted.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Final

import click

from openais.cli.demo_cluster import Cluster, cluster_of
from openais.cli.demo_ensemble import Ensemble
from openais.cli.demo_stage import ClaimFailed, PlainStage, Stage
from openais.cli.demo_tour import Tour
from openais.cli.exits import BoundedCommand, ExitCode
from openais.cli.options import color_option
from openais.cli.output import console, in_terminal
from openais.types import AisError

NODES_MIN: Final = 3
NODES_MAX: Final = 8


@click.command(cls=BoundedCommand)
@click.option(
    "--nodes", type=click.IntRange(NODES_MIN, NODES_MAX), default=NODES_MIN, show_default=True, help="How many nodes."
)
@click.option("--plain", is_flag=True, help="Plain lines, also in a terminal.")
@color_option
def demo(nodes: int, plain: bool) -> None:
    """Starts a cluster on this machine, and kills, revives, parts and merges it before your eyes.

    Needs no configuration and no privileges, and leaves nothing behind. Everything that it claims is checked.
    """
    stage = PlainStage(nodes) if plain or not in_terminal() else live_stage(nodes)
    sys.exit(asyncio.run(play(stage)))


def live_stage(nodes: int) -> Stage:
    """The stage for a terminal. What draws it is slow to import: only terminals need it."""
    from openais.cli.demo_live import LiveStage

    return LiveStage(nodes, console())


async def play(stage: Stage) -> int:
    """Plays the tour on a stage; the exit status. Nothing of the cluster is left when it returns."""
    loop = asyncio.get_running_loop()
    performance = loop.create_task(_perform(stage))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, _interrupt, performance)
    try:
        return await performance
    except asyncio.CancelledError:
        click.echo("interrupted; everything was cleared away", err=True)
        return ExitCode.INTERRUPTED


def _interrupt(performance: asyncio.Task[int]) -> None:
    """Ends the performance, once: a second signal does not end the clearing away."""
    if not performance.cancelling():
        performance.cancel()


async def _perform(stage: Stage) -> int:
    stage.open()
    try:
        held = await _perform_with_cluster(stage)
    finally:
        stage.close()
    if held:
        click.echo(f"\n{stage.claims_held} claims, all checked, in {stage.elapsed_s:.0f} s. Nothing was left behind.")
    return ExitCode.OK if held else ExitCode.FAILED


async def _perform_with_cluster(stage: Stage) -> bool:
    """Whether all that was claimed held."""
    cluster = None
    try:
        async with cluster_of(len(stage.nodes)) as cluster:
            await _play_scenes(cluster, stage)
        stage.claim("no process and no file is left", not cluster.remains(), f"there is still {cluster.remains()}")
    except (ClaimFailed, AisError) as failure:
        stage.show_failure(str(failure), cluster.last_words if cluster else [])
        return False
    return True


async def _play_scenes(cluster: Cluster, stage: Stage) -> None:
    ensemble = Ensemble(cluster, stage)
    try:
        await Tour(ensemble).run()
    finally:
        ensemble.close()
