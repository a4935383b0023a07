"""What the accuracies come from: how many groups taught nothing, and where the threshold stood.

The tables compare schedules by name; two schedules that stand at one height late differ only in the way there.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from medloc.experiments.catalog import FAMILIES
from medloc.report.frame import DATASETS, UNTRAINED
from medloc.report.stats import sample_sd
from medloc.report.tables.table import TextTable
from medloc.report.values import Values

EXPERIMENTS = ("table1", "median", "open", "why", "rewards")
"""Whose rows are listed, a run that stands in several under its first name."""

SPARSITY = (
    "share of groups with every answer below IoU 0.5 (all-miss), and with equal rewards (dead), in percent, over the "
    "first and the last quarter of the steps; means over seeds"
)
SPARSITY_HEADER = ("Row", "Data set", "N", "All-miss", "Dead", "τ at the end", "τ moved at step")

Series = Mapping[str, Sequence[Any]]


def sparsity_table(values: Values) -> TextTable:
    """Return one line for every trained row and data set whose runs sampled groups."""
    lines: dict[tuple[str, ...], tuple[str, ...]] = {}  # keys of the runs -> line, so that the first name stands
    places = (
        (experiment, row, dataset)
        for experiment in EXPERIMENTS
        for row in values.rows(experiment)
        for dataset in row.datasets
    )
    for experiment, row, dataset in places:
        records = values.records(experiment, row.name, dataset).values()
        keys = tuple(record.key for record in records)
        found = [values.series_of(record) for record in records]
        courses = [one for one in found if one and any(value is not None for value in one.get("dead", ()))]
        if courses and keys not in lines and row.set["method"] != UNTRAINED:  # it may borrow starts of trained runs
            quarters = (_quarters([one.get(name, ()) for one in courses]) for name in ("all_miss", "dead"))
            line = (row.name, DATASETS[dataset], str(len(courses)), *quarters, _ends(courses), _moves(courses))
            lines[keys] = line
    heading = f"Groups that teach nothing: {values.group.heading}; {SPARSITY}"
    return TextTable(heading, SPARSITY_HEADER, tuple(lines.values()))


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


METHODS = ("medloc", "vlm_r1")
"""What pays 1 for an IoU of at least tau, and nothing else."""
GROUPS = ("schedule", "criteria", "strategy", "window")
"""The config groups that move tau; runs with other overrides train in another way and are left out."""
WIDTH = 0.05
"""Of a line, in IoU."""
METRICS = ("a50", "a80")

HEIGHTS = (
    f"runs of {' and '.join(METHODS)} on the smallest model that differ in what moves τ alone, runs with equal steps "
    "once; by the mean τ over the second half of the steps. ± is the standard deviation over runs, ρ Spearman's rank "
    "correlation of that τ with the accuracy, over runs that share seeds and so without a test"
)
HEIGHTS_HEADER = ("Data set", "Mean τ, second half", "Runs", "A@0.5", "A@0.8", "A@0.8, lowest to highest")


def heights_table(values: Values) -> TextTable:
    """Return, for every data set, one line for each height of tau, the lowest first, and one for all of them."""
    found, lines = _late_taus(values), []
    for dataset, title in DATASETS.items():
        runs = found[found["dataset"] == dataset]
        for place, members in runs.groupby("bin"):
            number = int(str(place))
            height = f"{number * WIDTH:.2f} to {(number + 1) * WIDTH:.2f}"
            range_ = f"{members['a80'].min():.1f} to {members['a80'].max():.1f}"
            means = (_spread(list(members[metric])) for metric in METRICS)
            lines.append((title, height, str(len(members)), *means, range_))
        if len(runs):
            lines.append((title, "all", str(len(runs)), *(_correlation(runs, metric) for metric in METRICS), ""))
    heading = f"Where the threshold stood: {values.group.heading}; {HEIGHTS}"
    return TextTable(heading, HEIGHTS_HEADER, tuple(lines))


def _late_taus(values: Values) -> pd.DataFrame:
    """Return the runs that differ in what moves tau alone, those with the same seed and thresholds once.

    Training repeats itself to the bit, so these are the same run.
    """
    runs = values.runs
    if len(runs):
        smallest = FAMILIES.get(values.group.setting.family, {}).get("3B")
        changed = runs["variant"].map(
            lambda words: {word.partition("=")[0].partition(".")[0] for word in words.split()}
        )
        alone = changed.map(lambda groups: groups <= {*GROUPS})
        runs = runs[(runs["model"] == smallest) & runs["method"].isin(METHODS) & alone]
    found = []
    for record in runs["record"] if len(runs) else ():
        series, scores = values.series_of(record), record.metrics["final"]
        used = tuple(tau for tau in (series or {}).get("tau_used", ()) if tau is not None)
        if used and scores:
            height = float(np.mean(used[len(used) // 2 :]))
            run = (record.identity["dataset"], record.identity["seed"], used, height)
            found.append((*run, math.floor(round(height / WIDTH, 6)), *(100 * scores[metric] for metric in METRICS)))
    columns = ["dataset", "seed", "used", "height", "bin", *METRICS]
    return pd.DataFrame(found, columns=columns).drop_duplicates(["dataset", "seed", "used"], keep="last")


def _spread(values: Sequence[float]) -> str:
    sd = sample_sd(values)
    return f"{np.mean(values):.1f}" if sd is None else f"{np.mean(values):.1f} ± {sd:.1f}"


def _correlation(runs: pd.DataFrame, metric: str) -> str:
    """Return Spearman's ρ of the height with a metric, "-" where all runs are alike in one of the two."""
    varies = runs["height"].nunique() > 1 and runs[metric].nunique() > 1
    return f"ρ = {stats.spearmanr(runs['height'], runs[metric]).statistic:.2f}" if varies else "-"
