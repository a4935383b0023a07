"""Where a grid lies and under which conditions it is run; what may share a results folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from medloc.experiments.expand import Experiment, experiment, experiment_names
from medloc.experiments.planned import PlannedRun, planned_run
from medloc.experiments.reduced import WHOLE, Thinning, read_thinning, write_thinning

THE_ROWS_OWN = ("dataset", "model", "method", "schedule", "seed", "rerun")
CONDITIONS = ("cache", "threads", "device", "deterministic", "tracking", "launch")
"""Overrides that say how a run is made and not what it is; they are not part of a thinning."""


@dataclass(frozen=True)
class Setup:
    """A grid to do.

    Attributes:
        experiments: the tables and figures wanted, thinned.
        results: the folder of runs.
        thinning: what makes the grid smaller.
        conditions: overrides that change no row (`CONDITIONS`).
        roots: folder of the real images by data set; {} = phantoms.
    """

    experiments: tuple[Experiment, ...]
    results: Path
    thinning: Thinning = WHOLE
    conditions: tuple[str, ...] = ()
    roots: Mapping[str, str] = field(default_factory=dict)

    def overrides(self, run: PlannedRun) -> tuple[str, ...]:
        """Return everything `medloc.run` is told for a run."""
        dataset = run.identity["dataset"]
        root = (f"dataset.root={self.roots[dataset]}",) if dataset in self.roots else ()
        return (*run.overrides, *root, *self.conditions, f"results={self.results}")


def wanted(names: tuple[str, ...], family: str, thinning: Thinning) -> tuple[Experiment, ...]:
    """Return the experiments of these names; "all" is every one.

    Raises:
        ValueError: a name is no experiment.
    """
    chosen = dict.fromkeys(each for name in names for each in (experiment_names() if name == "all" else (name,)))
    return tuple(experiment(name, family, thinning) for name in chosen)


def check_words(words: tuple[str, ...]) -> None:
    """Refuse overrides that would make every row the same run.

    Raises:
        ValueError: naming the word.
    """
    for word in words:
        key = word.partition("=")[0]
        if key in THE_ROWS_OWN:
            raise ValueError(f"{word} is for the rows of experiments/ to say; drop it (--seeds and --datasets narrow).")


def open_folder(results: Path, thinning: Thinning, *, default: bool, write: bool) -> None:
    """Keep whole and thinned grids apart: each results folder holds runs of one kind only, and says which.

    Args:
        results: the folder of runs.
        thinning: what makes this grid smaller.
        default: whether `results` is the checkout's own, which only whole grids use.
        write: whether to leave the note by which the report labels its pages.

    Raises:
        ValueError: the folder holds another kind of runs.
    """
    there = read_thinning(results)
    thinned = thinning.smoke or bool(planned_run(("method=medloc", *thinning.overrides)).identity["variant"])
    if not thinned:
        if there != WHOLE:
            raise ValueError(f"results={results} holds a thinned grid ({_said(there)}); give another folder.")
        return
    others = there == WHOLE and any((results / "runs").glob("*/record.json"))
    if default or others:
        raise ValueError(
            f"results={results} is for whole runs, and these are thinned ({_said(thinning)}); give them a folder of "
            "their own, results=PATH."
        )
    if there != WHOLE and (there.overrides, there.smoke) != (thinning.overrides, thinning.smoke):
        raise ValueError(f"results={results} holds runs thinned otherwise ({_said(there)}); give another folder.")
    if write:
        write_thinning(results, thinning if there == WHOLE else _both(there, thinning))


def _both(one: Thinning, other: Thinning) -> Thinning:
    """Return a thinning that keeps what either keeps; () keeps all."""

    def union(a: tuple, b: tuple) -> tuple:
        return tuple(sorted({*a, *b})) if a and b else ()

    return Thinning(one.overrides, union(one.seeds, other.seeds), union(one.datasets, other.datasets), one.smoke)


def _said(thinning: Thinning) -> str:
    return " ".join([*(["SMOKE"] if thinning.smoke else []), *thinning.overrides])
