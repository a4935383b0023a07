"""`python -m medloc.dashboard`: make a W&B workspace for tracked runs."""

import sys
from pathlib import Path
from typing import Any

from medloc.cli import entry
from medloc.spec.compose import compose_job
from medloc.spec.run import TrackingSettings
from medloc.training.tracking.series import CURRICULUM, EVALUATION, GROUPS, RAISED, SECONDS, STEP, TRAIN

NAME = "medloc"
HELP = """\
python -m medloc.dashboard [--print] [--report] [OVERRIDE ...]

Makes a workspace in the W&B project of tracked runs (`medloc.run tracking=wandb`). Its panels show why tau was raised,
the paper's Figures 1, 3 and 5, a comparison of the schedules and seeds of a sweep, and the test images. Without a W&B
key, or with --print, it prints the workspace's specification as JSON and sends nothing. Overrides are medloc.run's.

  python -m medloc.dashboard tracking.project=medloc tracking.entity=my-team
  python -m medloc.dashboard --report        also sends results/report.html and the tables as an artifact
"""


@entry("dashboard")
def main(arguments: list[str]) -> int:
    """Run the command line; return 0, or 2 after one line on what is wrong."""
    if "--help" in arguments or "-h" in arguments:
        print(HELP, end="")
        return 0
    job = compose_job(["tracking=wandb", *(a for a in arguments if not a.startswith("--"))])
    unknown = [a for a in arguments if a.startswith("--") and a not in ("--print", "--report")]
    if unknown:
        raise ValueError(f"{unknown[0]} is not known; there are --print and --report.")
    tracking = job.settings.tracking
    if tracking.name != "wandb":
        raise ValueError(f"tracking={tracking.name} has no workspace; leave it out, or use tracking=wandb.")
    if "--report" in arguments:
        print(f"report: {send_report(tracking, Path(job.settings.results).expanduser())}")
    if "--print" in arguments or tracking.mode != "online" or not _has_key():
        print(workspace(tracking)._to_model().model_dump_json(by_alias=True, exclude_none=True, indent=2))
        print(
            "medloc.dashboard: printed, not sent; run `wandb login`, then this command again.",
            file=sys.stderr,
        )
    else:
        print(f"workspace: {workspace(tracking).save().url}")
    return 0


def workspace(tracking: TrackingSettings) -> Any:
    """Return the workspace, not yet saved.

    Raises:
        ValueError: the package wandb-workspaces is not installed.
    """
    try:
        import wandb_workspaces.reports.v2 as panels
        import wandb_workspaces.workspaces as workspaces
    except ImportError:
        raise ValueError(
            "the dashboard needs the package wandb-workspaces, which is not installed; "
            "`pip install 'medloc[tracking]'`."
        ) from None
    sections = [workspaces.Section(name=name, panels=drawn, is_open=True) for name, drawn in _sections(panels).items()]
    return workspaces.Workspace(
        name=NAME,
        entity=tracking.entity or "",
        project=tracking.project,
        sections=sections,
        settings=workspaces.WorkspaceSettings(x_axis=STEP),
    )


def _sections(panels: Any) -> dict[str, list[Any]]:
    """Return the panels of each section by its name."""

    def line(title: str, *series: str, by: str | None = None, smooth: float = 0.0) -> Any:
        grouped = {"groupby": by, "groupby_aggfunc": "mean", "groupby_rangefunc": "minmax"} if by else {}
        smoothed = {"smoothing_type": "exponential", "smoothing_factor": smooth} if smooth else {}
        return panels.LinePlot(title=title, x=STEP, y=list(series), title_x="optimizer step", **grouped, **smoothed)

    def bar(title: str, metric: str, by: str) -> Any:
        spread = {"groupby_aggfunc": "mean", "groupby_rangefunc": "stddev"}
        return panels.BarPlot(title=title, metrics=[metric], groupby=by, **spread)

    method, schedule = "config.method.name", "config.schedule.name"
    columns = [panels.Config("schedule.name"), panels.Config("seed"), *map(panels.SummaryMetric, FINAL)]
    return {
        "Why tau was raised or not": [
            line("The three statistics beside their bounds (Eq. 6-9)", *CURRICULUM),
            line("Raises", RAISED),
            line("Groups with zero advantages", *GROUPS),
        ],
        "Figure 1: reward while the threshold rises": [
            line("Mean reward and tau", "train/reward", "curriculum/tau", smooth=0.9),
            line("Mean reward by method", "train/reward", by=method, smooth=0.9),
        ],
        "Figure 3: accuracy along training": [
            line(f"eval/{name} by method", f"eval/{name}", by=method) for name in ("a50", "a80", "map")
        ],
        "Figure 5: threshold and reward under the schedules": [
            line("tau by schedule", "curriculum/tau", by=schedule),
            line("Mean reward by schedule", "train/reward", by=schedule, smooth=0.9),
        ],
        "Sweep: schedules and seeds": [
            *(bar(f"{metric} by schedule, mean and sd over seeds", metric, schedule) for metric in FINAL),
            panels.ParallelCoordinatesPlot(
                title="Schedule, seed, result", columns=[panels.ParallelCoordinatesPlotColumn(each) for each in columns]
            ),
            panels.RunComparer(diff_only=True),
        ],
        "Training": [
            *(line(name, f"train/{name}") for name in TRAIN if name != "reward"),
            line("seconds of a step", SECONDS),
        ],
        "Test images": [
            panels.WeavePanelSummaryTable(table_name="test images"),
            line("eval", *(f"eval/{name}" for name in EVALUATION)),
        ],
    }


FINAL = ("final/a50", "final/a80", "final/map")


def _has_key() -> bool:
    import wandb

    return bool(wandb.login(prompt=False))


def send_report(tracking: TrackingSettings, results: Path) -> str:
    """Send the files of `medloc.report` as an artifact, and return where it is.

    Raises:
        ValueError: W&B cannot be used; the message says why.
        FileNotFoundError: there is no report.
    """
    import wandb

    from medloc.training.tracking.services import wandb_session

    page, tables = results / "report.html", results / "tables"
    if not page.is_file():
        raise FileNotFoundError(f"{page} is not there; `python -m medloc.report` writes it.")
    run = wandb_session(tracking, "Run `wandb login` once.", name="report", job_type="report", dir=results)
    artifact = wandb.Artifact("report", type="report")
    artifact.add_file(str(page))
    if tables.is_dir():
        artifact.add_dir(str(tables), name="tables")
    run.log_artifact(artifact)
    run.finish()
    return str(Path(run.dir).parent) if run.offline else str(run.url)


if __name__ == "__main__":
    sys.exit(main())
