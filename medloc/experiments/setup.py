"""Where a grid lies and under which conditions it is run; what may share a results folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from medloc.experiments.catalog import Experiment, experiment, experiment_names
from medloc.experiments.reduced import WHOLE, ReducedGrid, read_grid, write_grid
from medloc.experiments.rows import PlannedRun, planned_run
from medloc.spec.compose import CONDITIONS
from medloc.spec.fields import kind_of
from medloc.spec.run import RunSpec

ROWS_DECIDE = ("dataset", "model", "method", "schedule", "seed", "rerun")


def is_condition(key: str) -> bool:
    """Tell whether an override says how a run is made and not what it is; it then reduces no grid."""
    group = key.partition(".")[0]
    return group in (*CONDITIONS, "tracking") or kind_of(RunSpec, key) in ("speed", "place")


@dataclass(frozen=True)
class Setup:
    """A grid to do.

    Attributes:
        experiments: the tables and figures wanted.
        results: the folder of runs.
        grid: what makes the grid smaller.
        conditions: overrides that change no row (`is_condition`).
        roots: folder of the real images by data set; {} = phantoms.
    """

    experiments: tuple[Experiment, ...]
    results: Path
    grid: ReducedGrid = WHOLE
    conditions: tuple[str, ...] = ()
    roots: Mapping[str, str] = field(default_factory=dict)

    def overrides(self, run: PlannedRun) -> tuple[str, ...]:
        """Return every override of `medloc.run` for a run."""
        dataset = run.identity["dataset"]
        root = (f"dataset.root={self.roots[dataset]}",) if dataset in self.roots else ()
        return (*run.overrides, *root, *self.conditions, f"results={self.results}")


def wanted(names: tuple[str, ...], family: str, grid: ReducedGrid) -> tuple[Experiment, ...]:
    """Return the experiments of these names; "all" is every one.

    Raises:
        ValueError: a name is no experiment.
    """
    chosen = dict.fromkeys(each for name in names for each in (experiment_names() if name == "all" else (name,)))
    return tuple(experiment(name, family, grid) for name in chosen)


def check_words(words: tuple[str, ...]) -> None:
    """Refuse overrides that would make every row the same run.

    Raises:
        ValueError: naming the word.
    """
    for word in words:
        key = word.partition("=")[0]
        if key in ROWS_DECIDE:
            raise ValueError(f"{word} is for the rows of experiments/ to say; drop it (--seeds and --datasets narrow).")


def open_folder(results: Path, grid: ReducedGrid, *, default: bool, write: bool) -> None:
    """Keep whole and reduced grids apart: each results folder holds runs of one kind only, and says which.

    Args:
        results: the folder of runs.
        grid: what makes this grid smaller.
        default: whether `results` is the checkout's own, which only whole grids use.
        write: whether to leave the note by which the report labels its pages.

    Raises:
        ValueError: the folder holds another kind of runs.
    """
    there = read_grid(results)
    reduced = grid.smoke or bool(planned_run(("method=medloc", *grid.overrides)).identity["variant"])
    if not reduced:
        if there != WHOLE:
            raise ValueError(f"results={results} holds a reduced grid ({_said(there)}); give another folder.")
        return
    others = there == WHOLE and any((results / "runs").glob("*/record.json"))
    if default or others:
        raise ValueError(
            f"results={results} is for whole runs, and these are reduced ({_said(grid)}); give them a folder of "
            "their own, results=PATH."
        )
    if there != WHOLE and (there.overrides, there.smoke) != (grid.overrides, grid.smoke):
        raise ValueError(f"results={results} holds runs reduced otherwise ({_said(there)}); give another folder.")
    if write:
        write_grid(results, grid if there == WHOLE else _both(there, grid))


def _both(one: ReducedGrid, other: ReducedGrid) -> ReducedGrid:
    """Return a grid that keeps what either keeps; () keeps all."""

    def union(a: tuple, b: tuple) -> tuple:
        return tuple(sorted({*a, *b})) if a and b else ()

    return ReducedGrid(one.overrides, union(one.seeds, other.seeds), union(one.datasets, other.datasets), one.smoke)


def _said(grid: ReducedGrid) -> str:
    return " ".join([*(["SMOKE"] if grid.smoke else []), *grid.overrides])
