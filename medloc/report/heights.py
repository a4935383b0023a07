"""How high the threshold stood late in training, and what came of it, whatever took it there.

The tables compare schedules by name; two schedules that stand at one height late differ only in the way there.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from medloc.experiments.catalog import FAMILIES
from medloc.report.rows import DATASETS
from medloc.report.stats import sample_sd
from medloc.report.text_table import TextTable
from medloc.report.values import Values
from medloc.runs import Record

METHODS = ("medloc", "vlm_r1")
"""What pays 1 for an IoU of at least tau, and nothing else."""
GROUPS = ("schedule", "criteria", "strategy", "window")
"""The config groups that move tau; runs with other overrides train in another way and are left out."""
WIDTH = 0.05
"""Of a line, in IoU."""
METRICS = ("a50", "a80")

READING = (
    f"runs of {' and '.join(METHODS)} on the smallest model that differ in what moves τ alone, runs with equal steps "
    "once; by the mean τ over the second half of the steps. ± is the standard deviation over runs, ρ Spearman's rank "
    "correlation of that τ with the accuracy, over runs that share seeds and so without a test"
)
HEADER = ("Data set", "Mean τ, second half", "Runs", "A@0.5", "A@0.8", "A@0.8, lowest to highest")


class _Run(NamedTuple):
    height: float
    scores: tuple[float, ...]


def heights_table(values: Values) -> TextTable:
    """Return, for every data set, one line for each height of tau, the lowest first, and one for all of them."""
    return TextTable(f"Where the threshold stood: {values.group.heading}; {READING}", HEADER, tuple(_lines(values)))


def _lines(values: Values) -> Iterator[tuple[str, ...]]:
    found = _runs(values)
    for dataset in (name for name in DATASETS if name in found):
        runs = found[dataset]
        bins: dict[int, list[_Run]] = defaultdict(list)
        for run in runs:
            bins[math.floor(round(run.height / WIDTH, 6))].append(run)
        for number in sorted(bins):
            yield _line(dataset, f"{number * WIDTH:.2f} to {(number + 1) * WIDTH:.2f}", bins[number])
        yield (DATASETS[dataset], "all", str(len(runs)), *_correlations(runs), "")


def _runs(values: Values) -> dict[str, list[_Run]]:
    """Return the runs of every data set, those with the same seed and thresholds once: they are the same run."""
    found: dict[str, dict[tuple[object, ...], _Run]] = defaultdict(dict)
    for record in filter(lambda record: _belongs(record, values.group.setting.family), values.group.records):
        series, scores = values.series_of(record), record.metrics["final"]
        used = [tau for tau in (series or {}).get("tau_used", ()) if tau is not None]
        if used and scores:
            pair = tuple(100 * scores[metric] for metric in METRICS)  # type: ignore[literal-required]
            run = _Run(float(np.mean(used[len(used) // 2 :])), pair)
            found[record.identity["dataset"]][record.identity["seed"], *used] = run
    return {dataset: [*runs.values()] for dataset, runs in found.items()}


def _belongs(record: Record, family: str) -> bool:
    identity = record.identity
    overridden = {word.partition("=")[0].partition(".")[0] for word in identity["variant"].split()}
    smallest = FAMILIES.get(family, {}).get("3B")
    return identity["model"] == smallest and identity["method"] in METHODS and overridden <= {*GROUPS}


def _line(dataset: str, height: str, runs: Sequence[_Run]) -> tuple[str, ...]:
    columns = [[run.scores[place] for run in runs] for place in range(len(METRICS))]
    ends = f"{min(columns[-1]):.1f} to {max(columns[-1]):.1f}"
    return (DATASETS[dataset], height, str(len(runs)), *map(_spread, columns), ends)


def _spread(values: Sequence[float]) -> str:
    sd = sample_sd(values)
    return f"{np.mean(values):.1f}" if sd is None else f"{np.mean(values):.1f} ± {sd:.1f}"


def _correlations(runs: Sequence[_Run]) -> Iterator[str]:
    """Yield ρ for every metric, "-" where all runs are alike in one of the two."""
    heights = [run.height for run in runs]
    for place in range(len(METRICS)):
        scores = [run.scores[place] for run in runs]
        varies = len(set(heights)) > 1 and len(set(scores)) > 1
        yield f"ρ = {stats.spearmanr(heights, scores).statistic:.2f}" if varies else "-"
