"""`python -m medloc.reproduce`: the runs behind the paper's tables and figures. `--help` teaches."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from medloc.cli import entry
from medloc.experiments.catalog import DATASETS, FAMILIES, experiment_names
from medloc.experiments.execute import Tally, execute
from medloc.experiments.launchers import Launch, joblib_launch, serially, submitit_launch
from medloc.experiments.plan import Plan, Setup, make_plan, plan_text, wanted
from medloc.experiments.reduced import SMOKE, WHOLE, ReducedGrid, open_folder
from medloc.spec.compose import CONDITIONS
from medloc.spec.fields import kind_of
from medloc.spec.machine import CHECKOUT
from medloc.spec.overrides import read_overrides
from medloc.spec.run import RunSpec
from medloc.training.runner.machine import end_when_asked

FAILED = 1
ROWS_DECIDE = ("dataset", "model", "method", "schedule", "seed", "rerun")

EPILOG = """\
examples:
  python -m medloc.reproduce table2 figure7 --dry-run           what is missing, and how long it will take
  python -m medloc.reproduce table2 figure7                     make it
  python -m medloc.reproduce all --launch joblib --jobs 2       two runs at once, one thread each
  python -m medloc.reproduce all --smoke                        does everything run? seconds a run, into results/smoke
  python -m medloc.reproduce table1 --root ham10000=/data/HAM10000 --family Qwen2.5-VL --launch submitit \\
      --cluster slurm_partition=gpu --cluster gpus_per_node=4 --cluster timeout_min=2880

Complete runs are skipped, interrupted ones go on from their last checkpoint, failed ones are tried again; a run that
several tables share is made once. Then `python -m medloc.report` writes the tables and figures.

exit status: 0 all complete (or not runnable here, with the reason), 1 a run failed, 2 a mistake in the command.
"""


@entry("reproduce", "the same command skips what is complete and goes on where it was.")
def main(arguments: list[str]) -> int:
    """Run the command line and return its exit status."""
    end_when_asked()
    given = _parser().parse_intermixed_args(arguments)
    setup = _setup(given)
    plan = make_plan(setup)
    print(plan_text(plan, given.jobs))
    if given.dry_run or not plan.to_do:
        return 0
    launch = _launch(given, setup)
    open_folder(setup.results, setup.grid, default=_is_default(setup.results), write=True)
    tally = execute(plan, launch, given.retries, given.jobs, lambda line: print(line, flush=True))
    return _summed(plan, tally)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m medloc.reproduce",
        description="Make the runs behind the paper's tables and figures, as far as they are missing.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = ", ".join(experiment_names())
    parser.add_argument("words", nargs="+", metavar="NAME | KEY=VALUE", help=f"all, or any of {names}; and overrides "
                        "of medloc.run for every run; results=PATH says where the runs are")  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument("--smoke", action="store_true", help="four steps on a few phantoms, one seed, in results/smoke")
    parser.add_argument("--seeds", type=_listed(int), default=(), metavar="42,43", help="only these seeds")
    parser.add_argument(
        "--datasets",
        type=_listed(_dataset),
        default=(),
        metavar="heel,tn3k",
        help="only these data sets",
    )
    parser.add_argument("--root", action="append", type=_root, default=[], metavar="DATASET=PATH",
                        help="real images of a data set (repeat); sets without a root are then left out")  # fmt: skip
    parser.add_argument("--family", choices=tuple(FAMILIES), default="tiny", help="which models stand where the paper "
                        "has 3B, 7B and 32B (default: tiny); all but tiny train by train=paper")  # fmt: skip
    parser.add_argument("--launch", choices=("serial", "joblib", "submitit"), default="serial")
    parser.add_argument("--jobs", type=_count, default=1, metavar="N", help="processes of --launch joblib")
    parser.add_argument("--cluster", action="append", type=_pair, default=[], metavar="KEY=VALUE",
                        help="a parameter of submitit's executor (repeat)")  # fmt: skip
    parser.add_argument("--retries", type=int, choices=range(10), default=1, metavar="N",
                        help="how often a failed run is tried again (default: 1)")  # fmt: skip
    return parser


def _setup(given: argparse.Namespace) -> Setup:
    """Turn the arguments into a grid.

    Raises:
        ValueError: they contradict each other, or name something that is not there.
    """
    if given.jobs > 1 and given.launch != "joblib":
        raise ValueError(f"--jobs {given.jobs} is for --launch joblib.")
    if given.cluster and given.launch != "submitit":
        raise ValueError("--cluster is for --launch submitit.")
    names = tuple(word for word in given.words if "=" not in word)
    words = tuple(word for word in given.words if "=" in word)
    if not names:
        raise ValueError(f"which table or figure? all, or any of {', '.join(experiment_names())}.")
    for word in words:
        if _key(word) in ROWS_DECIDE:
            raise ValueError(f"{word} is for the rows of experiments/ to say; drop it (--seeds and --datasets narrow).")
    named = [word.partition("=")[2] for word in words if _key(word) == "results"]
    others = [word for word in words if _key(word) != "results"]
    conditions = tuple(word for word in others if _is_condition(_key(word)))
    added = tuple(word for word in others if word not in conditions)
    if given.launch == "joblib" and "threads" not in map(_key, words):
        conditions = (*conditions, "threads=1")
    roots = {dataset: str(Path(path).expanduser().resolve()) for dataset, path in given.root}
    grid = ReducedGrid(
        overrides=(*SMOKE.overrides, *added) if given.smoke else added,
        seeds=given.seeds or (SMOKE.seeds if given.smoke else ()),
        datasets=given.datasets or tuple(roots),
        smoke=given.smoke,
    )
    standard = CHECKOUT / "results"
    folder = Path(named[-1]).expanduser().resolve() if named else standard / "smoke" if given.smoke else standard
    open_folder(folder, grid, default=_is_default(folder), write=False)
    chosen = wanted(names, given.family, grid)
    if any(each.rows for each in wanted(names, given.family, WHOLE)) and not any(each.rows for each in chosen):
        raise ValueError("these --seeds, --datasets and --root leave no run of what is named.")
    return Setup(chosen, folder, grid, conditions, roots)


def _key(word: str) -> str:
    return word.partition("=")[0]


def _is_condition(key: str) -> bool:
    """Tell whether an override says how a run is made and not what it is; it then reduces no grid."""
    return key.partition(".")[0] in (*CONDITIONS, "tracking") or kind_of(RunSpec, key) in ("speed", "place")


def _is_default(results: Path) -> bool:
    return results == CHECKOUT / "results"


def _launch(given: argparse.Namespace, setup: Setup) -> Launch:
    if given.launch == "joblib":
        return joblib_launch(given.jobs)
    if given.launch == "submitit":
        parameters = read_overrides(f"{key}={text}" for key, text in given.cluster)
        return submitit_launch(setup.results / ".submitit", parameters)
    return serially


def _summed(plan: Plan, tally: Tally) -> int:
    """Print how the grid went; return the exit status."""
    print(f"\n{len(tally.complete)} of {len(plan.to_do)} runs made; {len(tally.failed)} failed.")
    for run, reason in tally.failed.items():
        print(f"  failed: {plan.items[run]}: {reason}")
    for obstacle in plan.obstacles:
        print(f"  not runnable here: {obstacle}")
    where = "" if _is_default(plan.setup.results) else f" results={plan.setup.results}"
    print(f"Tables and figures: python -m medloc.report{where}")
    return FAILED if tally.failed else 0


def _listed(kind: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    def values(text: str) -> tuple[Any, ...]:
        return tuple(map(kind, text.split(",")))

    return values


def _dataset(text: str) -> str:
    if text not in DATASETS:
        raise argparse.ArgumentTypeError(f"{text} is no data set; use {', '.join(DATASETS)}")
    return text


def _root(text: str) -> tuple[str, str]:
    key, value = _pair(text)
    return _dataset(key), value


def _count(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} must be at least 1")
    return int(text)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals or not value:
        raise argparse.ArgumentTypeError(f"{text} is not KEY=VALUE")
    return key, value


if __name__ == "__main__":
    sys.exit(main())
