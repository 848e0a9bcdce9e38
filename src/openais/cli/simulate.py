"""`openais simulate`: clusters with faults, from a seed, with every promise checked."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import click

from openais.cli.exits import BoundedCommand, ExitCode, Failure
from openais.cli.options import color_option, json_option
from openais.cli.output import console, duration, in_terminal, print_json, print_line, print_table
from openais.simulation.drawing import draw
from openais.simulation.faults import FAULTS
from openais.simulation.runner import DURATION_S, Result, Statistics, Task, run_seed, run_seeds
from openais.simulation.scenario import Scenario, ScenarioError
from openais.types import NodeId

REPORTS_MAX: Final = 3
"""Seeds whose violations are printed in full; of the others only the number."""
NODES_MAX: Final = 32
FAULTS_HELP: Final = "\b\n" + "\n".join(f"{fault.name:<12} {fault.help}" for fault in FAULTS.values())


def _faults(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    """`all`, `none`, or names with commas between."""
    if value in ("all", "none"):
        return tuple(FAULTS) if value == "all" else ()
    names = tuple(name.strip() for name in value.split(","))
    unknown = [name for name in names if name not in FAULTS]
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)}; expected all, none, or some of {', '.join(FAULTS)}")
    return names


@click.command(cls=BoundedCommand, epilog=f"Faults:\n\n{FAULTS_HELP}")
@click.option("--nodes", type=click.IntRange(2, NODES_MAX), help="Nodes of the cluster.  [default: 3 to 7, by seed]")
@click.option("--seed", type=int, default=1, show_default=True, help="The seed, or the first of several.")
@click.option("--seeds", type=click.IntRange(1), default=1, show_default=True, help="How many seeds to run.")
@click.option("--faults", default="all", callback=_faults, show_default=True, metavar="A,B", help="Kinds of faults.")
@click.option(
    "--duration", type=click.FloatRange(0.6, 3600), default=DURATION_S, show_default=True, metavar="SECONDS",
    help="Virtual time in which faults fall.",
)  # fmt: skip
@click.option("--ring", is_flag=True, help="The ring alone, without executives and programs.")
@click.option("--jobs", type=click.IntRange(1), help="Processes to use.  [default: one for each processor]")
@click.option("--trace", is_flag=True, help="Print every event of the run (one seed).")
@click.option("--svg", type=click.Path(dir_okay=False, path_type=Path), help="Draw the space-time diagram (one seed).")
@click.option(
    "--between", nargs=2, type=float, default=(0.0, 3600.0), metavar="FROM TO",
    help="The part of the run to print or draw, in seconds.",
)  # fmt: skip
@click.option(
    "--scenario", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Run a scenario file instead of a seed, and compare it with what it has recorded.",
)  # fmt: skip
@click.option("--update", is_flag=True, help="Record what came of the scenario in its file.")
@json_option
@color_option
def simulate(
    nodes: int | None, seed: int, seeds: int, faults: tuple[str, ...], duration: float, ring: bool, jobs: int | None,
    trace: bool, svg: Path | None, between: tuple[float, float], scenario: Path | None, update: bool, as_json: bool,
) -> None:  # fmt: skip
    """Run whole clusters in virtual time, do harm to them, and check every promise of the group messaging.

    A seed decides the cluster, its settings, its load and its faults; the same seed gives the same run, to the byte.
    Exits with 0 when every promise was kept and with 1 when not; then it is told which, by what evidence, and how to
    see that run again.
    """
    if scenario is not None:
        _run_scenario(scenario, update)
        return
    if seeds > 1 and (trace or svg is not None):
        raise click.UsageError("--trace and --svg show one run: give --seed without --seeds")
    task = Task(seed, nodes, faults, duration, ring, traced=trace or svg is not None)
    if seeds == 1:
        results = [run_seed(task)]
        _show(results[0], trace, svg, between)
    else:
        tasks = [dataclasses.replace(task, seed=each) for each in range(seed, seed + seeds)]
        results = list(_with_progress(tasks, jobs or os.cpu_count() or 1, quiet=as_json))
    failed = [result for result in results if result.violations]
    total = Statistics()
    for result in results:
        total.add(result.statistics)
    if as_json:
        print_json(_as_json(failed, total))
    else:
        _print_verdict(failed, total, quiet=trace)
    raise click.exceptions.Exit(ExitCode.FAILED if failed else ExitCode.OK)


def replay_command(task: Task) -> str:
    """The command that shows this run again."""
    words = ["openais", "simulate", "--seed", str(task.seed)]
    if task.nodes is not None:
        words += ["--nodes", str(task.nodes)]
    if task.faults != tuple(FAULTS):
        words += ["--faults", ",".join(task.faults) or "none"]
    if task.duration_s != DURATION_S:
        words += ["--duration", f"{task.duration_s:g}"]
    if task.ring_only:
        words.append("--ring")
    return " ".join([*words, "--trace"])


def _run_scenario(path: Path, update: bool) -> None:
    recorded = path.read_text()
    try:
        scenario = Scenario()
        text = scenario.run(recorded)
    except ScenarioError as error:
        raise Failure(f"{path}: {error}", ExitCode.USAGE) from None
    if update:
        path.write_text(text)
    elif text != recorded:
        click.echo(text, nl=False)
        raise Failure(f"{path}: came out otherwise than recorded; if that is right, record it with --update")
    if scenario.violations:
        raise Failure(f"{path}: {scenario.violations[0]}")
    print_line(f"{path}: {'recorded' if update else 'as recorded'}, every promise kept", fg="green")


def _show(result: Result, trace: bool, svg: Path | None, between: tuple[float, float]) -> None:
    """Prints the trace, or draws it."""
    if result.trace is None:
        return
    events = result.trace.between(*between)
    if trace:
        for event in events:
            click.echo(str(event))
    if svg is not None:
        title = f"{result.nodes} nodes, seed {result.task.seed}"
        nodes = [NodeId(number) for number in range(1, result.nodes + 1)]
        svg.write_text(draw(result.trace.events, nodes, title=title, start_s=between[0], end_s=between[1]))


def _with_progress(tasks: list[Task], jobs: int, quiet: bool) -> Iterator[Result]:
    """The results, with a bar in a terminal."""
    results: Iterable[Result] = run_seeds(tasks, min(jobs, len(tasks)))
    if quiet or not in_terminal():
        yield from results
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("seeds"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console(), transient=True) as progress:
        bar = progress.add_task("simulating", total=len(tasks))
        violated = 0
        for result in results:
            violated += bool(result.violations)
            words = f"[red]{violated} violated" if violated else "all kept"
            progress.update(bar, advance=1, description=words)
            yield result


def _print_verdict(failed: list[Result], total: Statistics, quiet: bool) -> None:
    for result in failed[:REPORTS_MAX]:
        print_line(result.report())
        print_line(f"  see it with: {replay_command(result.task)}", fg="yellow")
    if not quiet:
        print_table(("simulated", ""), _rows(total))
    if failed:
        seeds = ", ".join(str(result.task.seed) for result in failed[:20])
        print_line(f"VIOLATED in {len(failed)} of {total.seeds} seeds: {seeds}", fg="red", bold=True)
    elif not quiet:
        print_line("Every promise was kept.", fg="green", bold=True)


def _rows(total: Statistics) -> list[tuple[str, str]]:
    faults = ", ".join(f"{count} {name}" for name, count in total.faults.most_common())
    return [
        ("seeds", f"{total.seeds:,}"),
        ("virtual time", duration(total.simulated_s)),
        ("rings formed", f"{total.rings:,}"),
        ("messages sent", f"{total.messages_sent:,}"),
        ("messages delivered", f"{total.messages_delivered:,}"),
        ("to programs", f"{total.programs_delivered:,}"),
        ("lost-event notices", f"{total.lost_notices:,}"),
        ("datagrams carried", f"{total.datagrams:,}"),
        ("datagrams lost", f"{total.datagrams_lost:,}"),
        (f"faults: {sum(total.faults.values()):,}", faults or "none"),
    ]


def _as_json(failed: list[Result], total: Statistics) -> dict[str, Any]:
    return {
        "violated": [
            {
                "seed": result.task.seed,
                "nodes": result.nodes,
                "replay": replay_command(result.task),
                "violations": [
                    {"invariant": each.invariant, "at_s": each.time_us / 1e6, "evidence": each.evidence}
                    for each in result.violations
                ],
            }
            for result in failed
        ],
        "seeds": total.seeds,
        "simulated_s": round(total.simulated_s, 3),
        "rings": total.rings,
        "messages_sent": total.messages_sent,
        "messages_delivered": total.messages_delivered,
        "messages_delivered_to_programs": total.programs_delivered,
        "lost_event_notices": total.lost_notices,
        "datagrams": total.datagrams,
        "datagrams_lost": total.datagrams_lost,
        "faults": dict(sorted(total.faults.items())),
        "counters": dict(sorted(total.counters.items())),
    }
