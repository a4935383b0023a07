"""`experiments/`: which runs each table and figure of the paper needs. Plain YAML, read without Hydra or torch."""

from functools import cache

from medloc.experiments.families import TRAIN, in_family
from medloc.experiments.planned import PartialIdentity, PlannedRun
from medloc.experiments.read import DATASETS, read_experiment
from medloc.experiments.reduced import WHOLE, Thinning
from medloc.experiments.rows import Experiment, Row
from medloc.spec import CHECKOUT
from medloc.spec.conf_files import chosen_options

__all__ = ["DATASETS", "EXPERIMENTS", "Experiment", "PartialIdentity", "PlannedRun", "Row", "experiment", "experiments"]

EXPERIMENTS = CHECKOUT / "experiments"


def experiments(family: str = "tiny", thinning: Thinning = WHOLE) -> tuple[Experiment, ...]:
    """Return every experiment: tables, figures, then our own."""
    return tuple(experiment(name, family, thinning) for name in experiment_names())


def experiment(name: str, family: str = "tiny", thinning: Thinning = WHOLE) -> Experiment:
    """Read one experiment.

    Args:
        name: "table1" ... "rewards".
        family: the model family whose sizes stand where the paper has 3B, 7B and 32B.
        thinning: what makes the grid smaller; rows that it leaves no run of are left out.

    Raises:
        ValueError: no such experiment or family, or a defect in its file; one line, naming the file.
    """
    if name not in experiment_names():
        raise ValueError(f"{name} is no experiment; known: {', '.join(experiment_names())}.")
    read = read_experiment(EXPERIMENTS / f"{name}.yaml")
    rows = (_adapted(row, family, thinning) for row in read.rows)
    return Experiment(name, read.title, read.shows, tuple(row for row in rows if row.datasets and row.seeds))


@cache
def experiment_names() -> tuple[str, ...]:
    """Return the names of the files, tables first, then figures."""
    names = (path.stem for path in EXPERIMENTS.glob("*.yaml"))
    return tuple(sorted(names, key=lambda name: (not name.startswith("table"), not name.startswith("figure"), name)))


def _adapted(row: Row, family: str, thinning: Thinning) -> Row:
    options = chosen_options(row.set)
    settings = {**row.set, "model": in_family(options["model"], family)}
    if TRAIN[family] != options["train"]:
        settings["train"] = TRAIN[family]
    return Row(
        row.name,
        settings,
        tuple(d for d in row.datasets if d in (thinning.datasets or DATASETS)),
        tuple(s for s in row.seeds if s in (thinning.seeds or row.seeds)),
        thinning.overrides,
    )
