"""Tables of medians, with how far the rounds were apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import median

from benchmarks.measure import Load, Row

Key = tuple[str, Load]


def throughput_table(rows: Iterable[Row]) -> str:
    """Messages a second delivered at the slowest node; empty when none was measured."""
    lines = [
        (
            *_names(key),
            _spread(runs, lambda row: row.messages_s, "{:,.0f}"),
            f"{_median(runs, lambda row: row.messages_s) * key[1].size / 1e6:,.1f}",
            f"{_median(runs, lambda row: row.cpu_us):,.2f}",
            f"{_median(runs, lambda row: row.executives_cpu_us):,.2f}",
            f"{max(row.memory_mib for row in runs):,.0f}",
            _verdict(runs),
        )
        for key, runs in _grouped(rows, "tput")
    ]
    heads = ("tree", "nodes", "size", "senders", "messages/s at each node", "MB/s", "CPU us/delivery", "of executives",
             "MiB", "checked")  # fmt: skip
    return table(heads, lines)


def latency_table(rows: Iterable[Row]) -> str:
    """One message at a time, from before the call to its delivery at the sender; empty when none was measured."""
    lines = [
        (
            *_names(key)[:-1],
            _spread(runs, lambda row: row.latency_us["p50"], "{:,.0f}"),
            f"{_median(runs, lambda row: row.latency_us['p99']):,.0f}",
            f"{_median(runs, lambda row: row.latency_us['p999']):,.0f}",
            f"{_median(runs, lambda row: row.latency_us['others']):,.0f}" if key[1].nodes > 1 else "",
            _verdict(runs),
        )
        for key, runs in _grouped(rows, "lat")
    ]
    return table(("tree", "nodes", "size", "p50 us", "p99", "p99.9", "p50 at the others", "checked"), lines)


def ratio_table(rows: Iterable[Row]) -> str:
    """This checkout to the other, round by round: the median of the ratios; empty when there is no other."""
    rows = list(rows)
    others = {key[1]: runs for mode in ("tput", "lat") for key, runs in _grouped(rows, mode) if key[0] == "other"}
    lines = []
    for mode in ("tput", "lat"):
        for (tree, load), runs in _grouped(rows, mode):
            if tree == "this" and load in others:
                pairs = list(zip(runs, others[load], strict=False))
                lines.append(
                    (mode, *_names((tree, load))[1:], _ratio(pairs, _figure), _ratio(pairs, lambda r: r.cpu_us))
                )
    return table(("this : other", "nodes", "size", "senders", "messages/s or p50", "CPU"), lines)


def comparison_table(rows: Iterable[Row], ours: str) -> str:
    """`ours` to the fastest of the others at each load, and to each of them in latency; empty when there is no other.

    Ratios are those of the rounds in turn, and their median is told first.
    """
    rows = [row for row in rows if row.label == ours or not row.label.startswith(ours)]
    lines = []
    for mode in ("tput", "lat"):
        groups = dict(_grouped(rows, mode))
        for (label, load), runs in groups.items():
            others = {key[0]: each for key, each in groups.items() if key[1] == load and key[0] != label}
            if label == ours and mode == "tput" and others:
                best = max(others, key=lambda other: _median(others[other], _figure))
                others = {best: others[best]}
            if label == ours:
                lines += [
                    (*_names((label, load))[1:], other, *_compared(runs, theirs)) for other, theirs in others.items()
                ]
    heads = ("nodes", "size", "senders", "beside", f"{ours}, /s or p50 us", "it", "ratio", "CPU ratio", "p99 ratio")
    return table(heads, lines)


def _compared(ours: Sequence[Row], theirs: Sequence[Row]) -> tuple[str, ...]:
    """Both figures, and the ratios of figure, processor time and p99."""
    pairs = list(zip(ours, theirs, strict=False))
    return (
        f"{_median(ours, _figure):,.0f}",
        f"{_median(theirs, _figure):,.0f}",
        _ratio(pairs, _figure),
        _ratio(pairs, lambda row: row.cpu_us),
        _ratio(pairs, lambda row: row.latency_us["p99"]) if ours[0].latency_us else "",
    )


def _figure(row: Row) -> float:
    return row.latency_us["p50"] if row.latency_us else row.messages_s


def _ratio(pairs: Sequence[tuple[Row, Row]], value: Callable[[Row], float]) -> str:
    ratios = sorted(value(this) / value(other) for this, other in pairs if value(other))
    return f"{median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})" if ratios else ""


def _grouped(rows: Iterable[Row], mode: str) -> list[tuple[Key, list[Row]]]:
    groups: dict[Key, list[Row]] = {}
    for row in rows:
        if row.load.mode == mode:
            groups.setdefault((row.label, row.load), []).append(row)
    return list(groups.items())


def _names(key: Key) -> tuple[str, str, str, str]:
    tree, load = key
    return tree, str(load.nodes), size_text(load.size), load.senders


def _median(runs: Sequence[Row], value: Callable[[Row], float]) -> float:
    return median(value(row) for row in runs)


def _spread(runs: Sequence[Row], value: Callable[[Row], float], form: str) -> str:
    values = sorted(map(value, runs))
    return f"{form.format(median(values))} ({form.format(values[0])}-{form.format(values[-1])})"


def _verdict(runs: Sequence[Row]) -> str:
    return "ok" if all(row.correct for row in runs) else "WRONG"


def size_text(size: int) -> str:
    """64, 1K, 64K, 1M."""
    for unit, suffix in ((1024 * 1024, "M"), (1024, "K")):
        if size % unit == 0:
            return f"{size // unit}{suffix}"
    return str(size)


def table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, aligned."""
    if not lines:
        return ""
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    ruled = [heads, ["-" * width for width in widths], *lines]
    return "\n".join(f"| {' | '.join(cell.ljust(w) for cell, w in zip(line, widths, strict=True))} |" for line in ruled)
