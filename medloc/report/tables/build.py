"""From records to tables: the accuracies of every experiment and their differences, runs of none, Table 5's images."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medloc.experiments.catalog import FAMILIES, Row
from medloc.experiments.reduced import read_grid
from medloc.report.frame import DATASETS, UNTRAINED, empty_group, group_records, is_fold, run_name
from medloc.report.paper import METRICS, PaperTable, class_counts
from medloc.report.runs import image_counts
from medloc.report.stats import (
    cluster_bootstrap,
    holm,
    paired_t_test,
    sample_sd,
    seed_differences,
    sign_flip_test,
    t_interval,
)
from medloc.report.tables.listing import DESCRIPTIONS, OURS, PATHS, Description, Pair, facts_of
from medloc.report.tables.table import PARTS, Kind, Number, Table, marks, once_if_equal, over_seeds
from medloc.report.values import Missing, Values, missing_runs, unavailable
from medloc.runs import Record

LEGEND = "Percent; ours as mean ± standard deviation over seeds (N); one value has no ±, and - is a run not yet made."
BESIDE_PAPER = "The paper's value stands beside ours."
RANKS = "Best in bold and second best underlined, among trained rows."
STARS = (
    "Δ in percentage points over the seeds that both rows have, with the stars of a paired two-tailed t-test: "
    "* p < 0.05, ** p < 0.01, *** p < 0.001."
)
OTHER = "Percent; mean ± standard deviation over seeds (N); one value has no ±, and - is a number not measured."
COUNTED = "Images, counted from the files; the paper's count stands beside ours, and - is a data set not at hand."
TOTAL = "Total"
SPELLINGS = {"sever": "severe"}
"""Class as the files have it -> as the paper spells it, both in small letters without blanks."""


def all_values(results: Path, records: Iterable[Record]) -> list[Values]:
    """Return the values of every group of a results folder, the largest group first; never none.

    Raises:
        ValueError: `results/reduced.json` is torn; the message names it.
    """
    grid = read_grid(results)
    groups = group_records(records, grid.smoke) or [empty_group()]
    return [Values(group, results, grid) for group in groups]


def all_tables(found: Sequence[Values]) -> list[Table]:
    """Return every table: the first group's all, of the others those that hold a number of theirs.

    Groups that train differently count the same images: of equal tables the first stands.
    """
    tables: list[Table] = []
    for values in found:
        built = [*(build_table(described, values) for described in DESCRIPTIONS), counts_table(values)]
        for table in filter(None, (*built, other_table(values))):
            shown = values is found[0] or any(
                number.mean is not None and (number.kind in ("trained", "untrained") or number.metric in PARTS)
                for number in table.numbers
            )
            alike = ((each.name, each.title, each.heading, each.numbers) for each in tables)
            if shown and (table.name, table.title, table.heading, table.numbers) not in alike:
                tables.append(table)
    order = ("table", *OURS, "other")
    return sorted(tables, key=lambda table: (order.index(table.name.rstrip("0123456789")), table.name))


def build_table(described: Description, values: Values) -> Table | None:
    """Build one table of one group; None where the group has no rows for it."""
    rows = [row for row in values.rows(described.name) if described.holds(row.name)]
    if not rows:
        return None
    differences = compare(values, described.name, _pairs(described, rows), described.metrics, described.paper)
    missing = missing_runs(values, described.name, rows)
    title = values.experiments[described.name].title
    says = [LEGEND, BESIDE_PAPER if described.paper else "", RANKS, STARS if differences else ""]
    return Table(
        name=described.name,
        title=f"{title} ({described.part})" if described.part else title,
        heading=values.group.heading,
        legend=" ".join(filter(None, says)),
        numbers=(*_ranked(_numbers(described, rows, values)), *differences, *added(values, rows, described.metrics)),
        facts=facts_of(described, rows),
        notes=(*_stand_ins(values), *[PATHS] * described.path, *described.notes, *values.group.notes),
        missing=tuple(missing),
        lacking=tuple(unavailable(rows)),
        reproduce=values.reproduce(described.name) if missing else "",
    )


def _numbers(described: Description, rows: Iterable[Row], values: Values) -> Iterator[Number]:
    """Yield the number of every row on its data sets."""
    for row in rows:
        untrained = row.set["method"] == UNTRAINED
        for dataset in row.datasets:
            for metric in described.metrics:
                found = tuple(values.seeds(described.name, row.name, dataset, metric).values())
                numbers = over_seeds(once_if_equal(found) if untrained else found)
                place: tuple[str, Kind, str, str] = (row.name, "untrained" if untrained else "trained", dataset, metric)
                printed = described.paper.cell(row.name, dataset, metric) if described.paper else None
                mean, sd = printed or (None, None)
                yield Number(*place, *numbers, paper_mean=mean, paper_sd=sd)


def _ranked(numbers: Iterable[Number]) -> Iterator[Number]:
    """Mark the best and the second best of the trained lines at every place, ours and the paper's apart."""
    listed = list(numbers)
    ranks = {}
    for place in {(number.dataset, number.metric) for number in listed}:
        trained = [n for n in listed if n.kind == "trained" and (n.dataset, n.metric) == place]
        means, printed = ({n.row: n.mean for n in trained}, {n.row: n.paper_mean for n in trained})
        ranks[place] = (marks(means), marks(printed))
    for number in listed:
        ours, papers = ranks[number.dataset, number.metric]
        yield number._replace(mark=ours.get(number.row, ""), paper_mark=papers.get(number.row, ""))


def _pairs(described: Description, rows: Sequence[Row]) -> tuple[Pair, ...]:
    if described.pairs:
        return described.pairs
    trained = [row.name for row in rows if row.set["method"] != UNTRAINED]
    minuends = described.minuends or tuple(trained[:1])
    others = [name for name in trained if name not in minuends]
    return tuple(Pair(first, second) for first in minuends for second in others)


def compare(
    values: Values, experiment: str, pairs: Iterable[Pair], metrics: Sequence[str], paper: PaperTable | None
) -> list[Number]:
    """Return one row minus another, for every pair on every data set of both rows and every metric.

    Beside the paper's t-test over equal seeds stands what so few seeds can say. Holm corrects all t-tests together.
    """
    datasets = {row.name: row.datasets for row in values.rows(experiment)}
    found = [
        _difference(values, experiment, pair, dataset, metric, paper)
        for pair in pairs
        for dataset in datasets.get(pair.minuend, ())
        if dataset in datasets.get(pair.subtrahend, ())
        for metric in metrics
    ]
    adjusted = holm([number.p for number in found])
    return [number._replace(p_holm=p) for number, p in zip(found, adjusted, strict=True)]


def _difference(
    values: Values, experiment: str, pair: Pair, dataset: str, metric: str, paper: PaperTable | None
) -> Number:
    rows = (pair.minuend, pair.subtrahend)
    by_seed = (values.seeds(experiment, row, dataset, metric) for row in rows)
    first, second = ({seed: 100 * value for seed, value in found.items()} for found in by_seed)
    differences = seed_differences(first, second)
    points, test = list(differences.values()), paired_t_test(first, second)
    low, high = t_interval(points) or (None, None)
    printed = paper.differences.get(pair.printed, {}).get(dataset, {}).get(metric) if paper else None
    number = Number(
        row=pair.name or f"Δ {pair.minuend} minus {pair.subtrahend}",
        kind="difference",
        dataset=dataset,
        metric=metric,
        paper_mean=printed and printed.points,
        paper_stars=printed.stars if printed else "",
        t_low=low,
        t_high=high,
        p_sign_flip=sign_flip_test(points),
    )
    if test is None:
        return number
    number = number._replace(mean=test.difference, sd=sample_sd(points), n=test.n, stars=test.stars, p=test.p)
    return _with_images(number, values, experiment, pair, differences)


def _with_images(number: Number, values: Values, experiment: str, pair: Pair, seeds: Iterable[int]) -> Number:
    """Pair the images of the seeds of which both runs have them; without such a seed nothing is added."""
    points, groups = [], None
    for seed in seeds:
        rows = (pair.minuend, pair.subtrahend)
        first, second = (values.images(experiment, row, number.dataset, seed) for row in rows)
        if first is not None and second is not None and first.ids == second.ids:
            points.append(100 * (first.scores(number.metric) - second.scores(number.metric)))
            groups = first.groups
    if groups is None:
        return number
    low, high = cluster_bootstrap(points, groups) or (None, None)
    return number._replace(
        image_difference=float(np.mean(points)),
        image_low=low,
        image_high=high,
        images=len(groups),
        image_groups=len(set(groups)),
    )


def added(values: Values, rows: Sequence[Row], metrics: Sequence[str]) -> Iterator[Number]:
    """Yield best and median constant box, and the best that the answers of each model in the table can say."""
    columns = ["key", "seed", "model", "stage", "dataset", "metric", "value"]
    long = values.long.reindex(columns=columns)
    plain = long[long["key"].isin([record.key for record in values.plain])].sort_values(["seed", "key"])
    wanted = {str(row.set["model"]) for row in rows} & set(plain["model"])
    lines = {f"{name} constant box": plain[plain["stage"] == f"{name.lower()}_box"] for name in ("Best", "Median")}
    for model in FAMILIES[values.group.setting.family].values():
        if model in wanted:
            ceiling = plain[(plain["stage"] == "answer_grid") & (plain["model"] == model)]
            lines[f"Answer-grid ceiling ({model})"] = ceiling
    datasets = [name for name in values.group.datasets if any(name in row.datasets for row in rows)]
    for line, found in lines.items():
        cells = {place: once_if_equal(numbers) for place, numbers in found.groupby(["dataset", "metric"])["value"]}
        for dataset, metric in product(datasets, metrics):
            yield Number(line, "added", dataset, metric, *over_seeds(cells.get((dataset, metric), ())))


def _stand_ins(values: Values) -> Iterator[str]:
    """Say which of our models stands in for which of the paper's."""
    if values.group.setting.family == "tiny":
        papers = {size: model for size, model in FAMILIES["tiny"].items() if size != "specialist"}
        pairs = ", ".join(f"{model} for {size}" for size, model in papers.items())
        yield f"Tiny models stand in for the paper's: {pairs}. The paper's numbers are a pattern, not a goal."


def other_table(values: Values) -> Table | None:
    """List the runs that no row of any experiment asks for, without parts of a cross-validation; None where none is."""
    group = values.group
    asked = {
        record.key
        for experiment in values.experiments
        for row in values.rows(experiment)
        for dataset in row.datasets
        for record in values.records(experiment, row.name, dataset).values()
        if record.identity["method"] == row.set["method"]  # not a trained run that lends its start
    }
    found = [
        (run_name(record), record.identity["dataset"], metric, values.table_score(record, metric))
        for record in sorted(group.records, key=lambda record: (record.identity["seed"], record.key))
        if record.key not in asked and not is_fold(record)
        for metric in METRICS
    ]
    if not found:
        return None
    scores = pd.DataFrame(found, columns=["name", "dataset", "metric", "value"])
    scores["dataset"] = pd.Categorical(scores["dataset"], [*DATASETS])
    scores["metric"] = pd.Categorical(scores["metric"], [*METRICS])
    cells: Any = scores.groupby(["name", "dataset", "metric"], observed=True)["value"]
    numbers = [
        Number(name, "trained", dataset, metric, *over_seeds(tuple(values.dropna())))
        for (name, dataset, metric), values in cells
    ]
    return Table("other", "Runs that stand in no table", group.heading, OTHER, tuple(numbers), notes=group.notes)


def counts_table(values: Values) -> Table:
    """Build Table 5 for the data of one group."""
    lines: dict[str, list[Number]] = {}
    missing = []
    for dataset in values.group.datasets:
        members = (record for record in values.group.records if record.identity["dataset"] == dataset)
        counts = image_counts(values.results, members)
        printed = class_counts().get(dataset, {})
        parts = [_by_class(dataset, part) for part in (counts.train, counts.test)] if counts else [{}, {}]
        if counts is None:  # a run reads the images; the report counts them afterwards
            command = values.reading_run(dataset).command
            missing.append(Missing(f"The images of {DATASETS[dataset]}", (), (), command))
        # the paper's classes in its order, then those that it does not have
        for name in dict.fromkeys([*printed, *sorted({*parts[0], *parts[1]} - {*printed}), TOTAL]):
            for part, images, paper in zip(PARTS, parts, printed.get(name, (None, None)), strict=True):
                number = Number(name, "added", dataset, part, paper_mean=paper)
                number = number._replace(mean=images.get(name, 0), n=1) if counts else number
                lines.setdefault(name, []).append(number)
    lines[TOTAL] = lines.pop(TOTAL, [])
    return Table(
        name="table5",
        title=values.experiments["table5"].title if values.experiments else "Table 5",
        heading=values.group.data_heading,
        what="Class",
        legend=COUNTED,
        numbers=tuple(number for line in lines.values() for number in line),
        missing=tuple(missing),
    )


def _by_class(dataset: str, by_label: dict[str, int]) -> dict[str, int]:
    """Return class as the paper prints it -> images, and the total; as the files have it where the paper does not."""
    known = {name.replace(" ", "").lower(): name for name in class_counts().get(dataset, {})}
    found: dict[str, int] = {}
    for label, images in by_label.items():
        plain = label.replace(" ", "").lower()
        name = known.get(SPELLINGS.get(plain, plain), label or "(no class)")
        found[name] = found.get(name, 0) + images
    return found | {TOTAL: sum(by_label.values())}
