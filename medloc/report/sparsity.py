"""How many groups taught nothing along a run, and where the threshold went: what a reward's numbers come from."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from medloc.experiments.catalog import Row
from medloc.report.placement import UNTRAINED
from medloc.report.rows import DATASETS
from medloc.report.text_table import TextTable
from medloc.report.values import Values

EXPERIMENTS = ("table1", "median", "open", "why", "rewards")
"""Whose rows are listed, a run that stands in several under its first name."""

READING = (
    "share of groups with every answer below IoU 0.5 (all-miss), and with equal rewards (dead), in percent, over the "
    "first and the last quarter of the steps; means over seeds"
)
HEADER = ("Row", "Data set", "N", "All-miss", "Dead", "τ at the end", "τ moved at step")

Series = Mapping[str, Sequence[Any]]


def sparsity_table(values: Values) -> TextTable:
    """Return one line for every trained row and data set whose runs sampled groups."""
    return TextTable(f"Groups that teach nothing: {values.group.heading}; {READING}", HEADER, tuple(_lines(values)))


def _lines(values: Values) -> Iterator[tuple[str, ...]]:
    seen = set()
    for experiment in EXPERIMENTS:
        for row in values.rows(experiment):
            if row.set["method"] == UNTRAINED:  # it may borrow the starts of trained runs
                continue
            for dataset in row.datasets:
                records = values.records(experiment, row.name, dataset)
                keys = tuple(record.key for record in records.values())
                found = [values.series(experiment, row.name, dataset, seed) for seed in records]
                courses = [one for one in found if one and any(v is not None for v in one.get("dead", ()))]
                if courses and keys not in seen:
                    seen.add(keys)
                    yield _line(row, dataset, courses)


def _line(row: Row, dataset: str, courses: Sequence[Series]) -> tuple[str, ...]:
    return (
        row.name,
        DATASETS[dataset],
        str(len(courses)),
        _quarters([one.get("all_miss", ()) for one in courses]),
        _quarters([one["dead"] for one in courses]),
        _ends(courses),
        _moves(courses),
    )


def _quarters(columns: Sequence[Sequence[float | None]]) -> str:
    """Return the mean of the first and of the last quarter: "56.2 → 12.0"; "-" where nothing was written down."""
    ends = []
    for column in columns:
        known = np.array([value for value in column if value is not None], dtype=float)
        quarter = len(known) // 4 or len(known)
        if quarter:
            ends.append((known[:quarter].mean(), known[-quarter:].mean()))
    return " → ".join(f"{100 * mean:.1f}" for mean in np.mean(ends, axis=0)) if ends else "-"


def _ends(courses: Sequence[Series]) -> str:
    ends = [column[-1] for one in courses for column in [one.get("tau", ())] if len(column) and column[-1] is not None]
    if not ends:
        return "-"
    low, high = min(ends), max(ends)
    return f"{low:.2f}" if low == high else f"{low:.2f} to {high:.2f}"


def _moves(courses: Sequence[Series]) -> str:
    """Return the steps after which tau stood elsewhere, "30, 66; 59", or how many: "70 to 116 of 300 steps"."""
    listed, counts, steps = [], [], 0
    for series in courses:
        used, after = series.get("tau_used", ()), series.get("tau", ())
        pairs = enumerate(zip(used, after, strict=False), start=1)
        moved = [str(step) for step, (before, now) in pairs if before is not None and before != now]
        steps = max(steps, len(used))
        if len(moved) > len(used) // 10:
            counts.append(len(moved))
        elif moved:
            listed.append(", ".join(moved))
    if counts:
        few, many = min(counts), max(counts)
        listed.append(f"{few} of {steps} steps" if few == many else f"{few} to {many} of {steps} steps")
    return "; ".join(listed) or "-"
