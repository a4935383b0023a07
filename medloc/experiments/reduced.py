"""A grid made smaller for a trial: what was added to every run, so that its pages can be told from real ones."""

from dataclasses import asdict, dataclass
from pathlib import Path

from medloc.runs.atomic import write_json
from medloc.runs.bounds import bounded_text, parsed

NAME = "reduced.json"

SMOKE_OVERRIDES = (
    *("dataset.phantom.train=16", "dataset.phantom.test=8", "dataset.phantom.calibration=4"),
    *("train.max_steps=4", "train.prompts_per_step=2", "train.per_device_batch=4"),
    *("evaluation.points=2", "evaluation.images=4"),
)
"""A few steps on a few phantoms. Every group size of the experiments fits: 2 prompts x G is divisible by 4."""


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


WHOLE = ReducedGrid()
"""Not reduced: the experiments as they are written."""

SMOKE = ReducedGrid(SMOKE_OVERRIDES, seeds=(42,), smoke=True)


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
