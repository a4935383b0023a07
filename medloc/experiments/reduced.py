"""A grid made smaller for a trial: what was added to every run, and the folders that keep it apart from whole grids."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from medloc.experiments.rows import planned_run
from medloc.runs import bounded_text, parsed, write_json

NAME = "reduced.json"


@dataclass(frozen=True)
class ReducedGrid:
    """What makes a grid smaller than the experiments say.

    Attributes:
        overrides: of `medloc.run`, added to every run, after the row's own.
        seeds: the seeds kept; () = all.
        datasets: the data sets kept; () = all.
        smoke: only to see that everything runs; its numbers mean nothing.
    """

    overrides: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    datasets: tuple[str, ...] = ()
    smoke: bool = False

    @property
    def whole(self) -> bool:
        """Whether its runs are those of the experiments, if not all of them."""
        return not self.smoke and not planned_run(("method=medloc", *self.overrides)).identity["variant"]

    def __str__(self) -> str:
        """Return what was added, in words."""
        return " ".join([*["SMOKE"] * self.smoke, *self.overrides])


WHOLE = ReducedGrid()
"""Not reduced: the experiments as they are written."""

SMOKE = ReducedGrid(
    (
        *("dataset.phantom.train=16", "dataset.phantom.test=8", "dataset.phantom.calibration=4"),
        *("train.max_steps=4", "train.prompts_per_step=2", "train.per_device_batch=4"),
        *("evaluation.points=2", "evaluation.images=4"),
    ),
    seeds=(42,),
    smoke=True,
)
"""A few steps on a few phantoms. Every group size of the experiments fits: 2 prompts x G is divisible by 4."""


def read_grid(results: Path) -> ReducedGrid:
    """Return what the runs under `results` were reduced by; `WHOLE` where nothing says so.

    Raises:
        ValueError: `results/reduced.json` is torn or no such file; the message names it.
    """
    path = results / NAME
    if not path.exists():
        return WHOLE
    try:
        content = parsed(bounded_text(path))
        overrides, datasets = (tuple(map(str, content[key])) for key in ("overrides", "datasets"))
        return ReducedGrid(overrides, tuple(map(int, content["seeds"])), datasets, bool(content["smoke"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not what medloc.reproduce writes ({error}); remove the folder {results}.") from None


def write_grid(results: Path, grid: ReducedGrid) -> None:
    """Write `results/reduced.json`, by which the report labels every page."""
    write_json(results / NAME, asdict(grid))


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
    if grid.whole:
        if there != WHOLE:
            raise ValueError(f"results={results} holds a reduced grid ({there}); give another folder.")
        return
    if default or (there == WHOLE and any((results / "runs").glob("*/record.json"))):
        raise ValueError(
            f"results={results} is for whole runs, and these are reduced ({grid}); give them a folder of their own, "
            "results=PATH."
        )
    if there != WHOLE:
        if str(there) != str(grid):
            raise ValueError(f"results={results} holds runs reduced otherwise ({there}); give another folder.")
        grid = replace(grid, seeds=_union(there.seeds, grid.seeds), datasets=_union(there.datasets, grid.datasets))
    if write:
        write_grid(results, grid)


def _union(one: tuple, other: tuple) -> tuple:
    """Return what either keeps; () keeps all."""
    return tuple(sorted({*one, *other})) if one and other else ()
