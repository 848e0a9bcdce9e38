"""Real executives and real programs under faults by chance, and the check of what the programs wrote down.

make chaos                                five minutes of everything, as root
make chaos SECONDS=20 SEED=7              a short run, with another plan
python -m chaos --workload evt --keep folder --kinds kill-executive,partition
python -m chaos --workload evt --judge folder     judges a run again that was kept

Exit status 0 when all that was promised held, 1 when something did not, 2 when no run can be made here.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from chaos.amf import AmfWorkload
from chaos.ckpt import CkptWorkload
from chaos.evt import EvtWorkload
from chaos.run import Options, judge, obstacle, run_and_judge
from chaos.schedule import Kind
from chaos.workload import Verdict, Workload

WORKLOADS: Final[Mapping[str, type[Workload]]] = {each.name: each for each in (EvtWorkload, CkptWorkload, AmfWorkload)}
TOLD_MAX: Final = 40
"""Violations that are printed; the JSON file has all."""


def _kinds(text: str) -> tuple[Kind, ...]:
    return tuple(Kind(word) for word in text.split(","))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workload", choices=WORKLOADS, default=EvtWorkload.name)
    parser.add_argument("--seconds", type=float, default=300.0, help="how long there are faults (300)")
    parser.add_argument("--seed", type=int, default=1, help="plans the faults (1)")
    parser.add_argument("--nodes", type=int, default=5)
    parser.add_argument("--token", type=int, metavar="MS", help="totem.token of the executives (500, for amf 1000)")
    parser.add_argument("--kinds", type=_kinds, default=tuple(Kind), help=",".join(Kind))
    parser.add_argument("--small", action="store_true", help="fewer programs, for small machines")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write figures and violations to it")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave all that was written down in it")
    parser.add_argument("--judge", type=Path, metavar="FOLDER", help="run nothing: judge what a run has left")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    given = _parser().parse_args(arguments)
    workload = WORKLOADS[given.workload](small=given.small)
    if given.judge:
        return _tell(given, judge(workload, given.judge))
    if reason := obstacle():
        print(f"chaos needs root and network namespaces of its own, and cannot be run here: {reason}", file=sys.stderr)
        return 2
    options = Options(given.seed, given.seconds, given.nodes, given.kinds, given.token or workload.token_ms)
    folder = given.keep or Path(tempfile.mkdtemp(prefix="openais-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    keep = True
    try:
        verdict = run_and_judge(options, workload, folder)
        keep = bool(verdict.violations)
        return _tell(given, verdict)
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("interrupted; every process has ended", file=sys.stderr)
        keep = False
        return 130
    finally:
        if given.keep is None and not keep:
            shutil.rmtree(folder)
        else:
            print(f"what was written down is in {folder}", file=sys.stderr)


def _tell(given: argparse.Namespace, verdict: Verdict) -> int:
    """Prints the verdict; gives the exit status."""
    what = str(given.judge) if given.judge else f"seed {given.seed}, {given.seconds:.0f} s of faults"
    print(f"{given.workload}, {what}")
    width = max(map(len, verdict.figures), default=0)
    for name, value in verdict.figures.items():
        print(f"  {name:{width}}  {value:>12,}")
    for violation in verdict.violations[:TOLD_MAX]:
        print(f"VIOLATED: {violation}")
    if len(verdict.violations) > TOLD_MAX:
        print(f"… and {len(verdict.violations) - TOLD_MAX} more")
    print("what was promised did not hold" if verdict.violations else "all that was promised held")
    if given.json:
        told = {
            "workload": given.workload,
            "seed": given.seed,
            "seconds": given.seconds,
            "figures": verdict.figures,
            "violations": verdict.violations,
        }
        given.json.write_text(json.dumps(told, indent=1) + "\n")
    return int(bool(verdict.violations))


if __name__ == "__main__":
    sys.exit(main())
