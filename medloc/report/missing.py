"""What is missing from a table, and the command that would fill it."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from medloc.experiments.catalog import Row
from medloc.experiments.rows import PlannedRun
from medloc.report.values import Values
from medloc.spec.compose import has_option


@dataclass(frozen=True)
class Missing:
    """Runs of one row that have no complete record, and the command that makes them.

    Attributes:
        row: Name of the row, or what else is missing.
        datasets: The data sets that lack the same seeds.
        seeds: Those seeds; () where none is asked for.
        command: What to type.
    """

    row: str
    datasets: tuple[str, ...]
    seeds: tuple[int, ...]
    command: str

    def __str__(self) -> str:
        """Return the runs in words: "SFT-3B, heel, seeds 42, 43"."""
        seeds = f"seed{'s' if len(self.seeds) > 1 else ''} {', '.join(map(str, self.seeds))}" if self.seeds else ""
        return ", ".join(filter(None, (self.row, *self.datasets, seeds)))


def missing_runs(values: Values, experiment: str, rows: Iterable[Row]) -> list[Missing]:
    """List the runs that rows of an experiment still need, as few commands as will do.

    Rows whose method or model this checkout lacks are left to `unavailable`.
    """
    return [one for row in rows if _available(row) for one in _commands(row, values.missing_of(experiment, row))]


def unavailable(rows: Iterable[Row]) -> list[str]:
    """Name the rows whose method or model this checkout cannot run."""
    return [row.name for row in rows if not _available(row)]


def _available(row: Row) -> bool:
    return all(has_option(group, str(row.set[group])) for group in ("method", "model"))


def _commands(row: Row, runs: Iterable[PlannedRun]) -> Iterable[Missing]:
    """Put data sets that lack the same seeds into one command, except real ones: each has its own folder."""
    seeds: dict[tuple[tuple[str, ...], str], list[int]] = {}
    for run in runs:
        seeds.setdefault((_shared(run), run.identity["dataset"]), []).append(run.identity["seed"])
    datasets: dict[tuple[tuple[str, ...], tuple[int, ...]], list[str]] = {}
    for (words, dataset), found in seeds.items():
        datasets.setdefault((words, tuple(found)), []).append(dataset)
    for (words, wanted), together in datasets.items():
        yield Missing(row.name, tuple(together), wanted, _command(words, together, wanted))


def _shared(run: PlannedRun) -> tuple[str, ...]:
    """Return a run's overrides without its data set and seed."""
    return tuple(word for word in run.overrides if word.partition("=")[0] not in ("dataset", "seed"))


def _command(words: Iterable[str], datasets: Iterable[str], seeds: Iterable[int]) -> str:
    dataset, seed = ",".join(datasets), ",".join(map(str, seeds))
    many = ["-m"] if "," in dataset + seed else []
    return f"python -m medloc.run {shlex.join([*many, f'dataset={dataset}', *words, f'seed={seed}'])}"
