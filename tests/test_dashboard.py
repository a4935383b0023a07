"""The workspace's specification, and the report sent offline."""

import json
import os
import subprocess
import sys

import pytest

from medloc.dashboard import FINAL, main
from medloc.training.tracking.series import CURRICULUM, EVALUATION, GROUPS, RAISED, SECONDS, TRAIN
from tests.training.tracking.wandb_file import OfflineRun

TOLD = {*CURRICULUM, RAISED, SECONDS, *GROUPS, *(f"train/{x}" for x in TRAIN), *(f"eval/{x}" for x in EVALUATION)}


@pytest.fixture(scope="module")
def sections(tmp_path_factory):
    """What is printed where there is no key."""
    home = tmp_path_factory.mktemp("home")
    environment = {name: value for name, value in os.environ.items() if name != "WANDB_API_KEY"}
    environment |= {"HOME": str(home), "NETRC": str(home / "netrc")}
    done = subprocess.run(
        [sys.executable, "-m", "medloc.dashboard", "tracking.entity=us", "tracking.project=lesions"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "printed, not sent" in done.stderr
    view = json.loads(done.stdout)
    assert (view["entity"], view["project"]) == ("us", "lesions")
    return {part["name"]: part["panels"] for part in view["spec"]["section"]["panelBankConfig"]["sections"]}


def lines(panels):
    return [panel["config"] for panel in panels if panel["viewType"] == "Run History Line Plot"]


def test_every_panel_shows_series_that_runs_tell(sections):
    drawn = [config for panels in sections.values() for config in lines(panels)]
    assert all(config["xAxis"] == "step" for config in drawn)
    assert {name for config in drawn for name in config["metrics"]} == TOLD


def test_one_chart_says_why_tau_moved(sections):
    chart, *_ = lines(sections["Why tau was raised or not"])
    assert chart["metrics"] == list(CURRICULUM)


def test_the_paper_s_figures_are_panels(sections):
    by = {name.partition(":")[0]: lines(panels) for name, panels in sections.items()}
    assert by["Figure 1"][0]["metrics"] == ["train/reward", "curriculum/tau"]
    assert (by["Figure 3"][0]["metrics"], by["Figure 3"][0]["groupBy"]) == (["eval/a50"], "method.value.name")
    assert (by["Figure 5"][0]["metrics"], by["Figure 5"][0]["groupBy"]) == (["curriculum/tau"], "schedule.value.name")


def test_a_sweep_is_compared_over_schedules_and_seeds(sections):
    kinds = {panel["viewType"]: panel["config"] for panel in sections["Sweep: schedules and seeds"]}
    axes = [column["accessor"] for column in kinds["Parallel Coordinates Plot"]["columns"]]
    assert axes == ["config:schedule.value.name", "config:seed.value", *(f"summary:{name}" for name in FINAL)]
    assert kinds["Bar Chart"]["groupBy"] == "schedule.value.name"


def test_the_report_is_sent_as_an_artifact(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "data"))
    given = ["--report", "tracking.mode=offline", f"results={tmp_path}"]
    assert main(given) == 2
    assert "python -m medloc.report" in capsys.readouterr().err
    (tmp_path / "report.html").write_text("<p>all tables</p>")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "table1.csv").write_text("a,b")
    assert main(given) == 0
    (session,) = (tmp_path / "wandb").glob("offline-run-*")
    (artifact,) = OfflineRun(session).finished().artifacts.values()
    assert {entry.path for entry in artifact.manifest.contents} == {"report.html", "tables/table1.csv"}


@pytest.mark.parametrize(
    ("word", "says"),
    [("--send", "--send is not known"), ("tracking=none", "tracking=none has no workspace"), ("x=1", "x")],
)
def test_a_mistake_is_one_line(word, says, capsys):
    assert main([word]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


def test_a_grid_can_be_tracked_and_stays_the_same_grid(tmp_path, capsys):
    from medloc.reproduce import main as reproduce

    words = [f"results={tmp_path}", "--datasets", "heel", "--seeds", "42", "--dry-run"]
    assert reproduce(["figure1", *words]) == 0
    plain = capsys.readouterr().out
    assert reproduce(["figure1", "tracking=wandb", "tracking.mode=offline", *words]) == 0
    assert capsys.readouterr().out == plain
