"""An offline W&B run, read back from its own file: every series that is promised is there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from medloc.evaluation.samples import read_samples
from medloc.spec.compose import compose_job
from medloc.training.runner import measure as running
from medloc.training.runner.runner import run_job
from medloc.training.tracking.follow import Follower
from medloc.training.tracking.series import CURRICULUM, EVALUATION, GROUPS, RAISED, SECONDS, TRAIN, summary_values
from tests.small import overrides
from tests.training.tracking.wandb_file import sessions

OFFLINE = ("window.size=2", "tracking=wandb", "tracking.mode=offline", "tracking.images=5", "tracking.tags=[mine]")
SECRET = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module", autouse=True)
def _own_folders(tmp_path_factory):
    """W&B keeps what it is about to send outside the run; a key is at hand, and must be written nowhere."""
    patch = pytest.MonkeyPatch()
    for name in ("WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR"):
        patch.setenv(name, str(tmp_path_factory.mktemp(name)))
    patch.setenv("WANDB_API_KEY", SECRET)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def tracked(tmp_path_factory, cache):
    """A run that failed at its first evaluation on the way, after a checkpoint, and then was made to the end."""
    given = compose_job(overrides(tmp_path_factory.mktemp("results"), cache, *OFFLINE))
    patch = pytest.MonkeyPatch()
    point = running._point

    def full_disk(step, samples):
        if step == 3:
            raise OSError("no space left")
        return point(step, samples)

    patch.setattr(running, "_point", full_disk)
    with pytest.raises(OSError, match="no space left"):
        run_job(given)
    patch.undo()
    return run_job(given, close=lambda folder, record, images: (folder / "boxes.png").write_text("drawn") and "closing")


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_both_attempts_are_sessions_of_one_run_whose_id_is_the_key(tracked):
    first, second = sessions(tracked.folder)
    assert first.run.run_id == second.run.run_id == tracked.record.key == tracked.folder.name
    assert (first.exit, second.exit) == (1, 0)
    assert second.run.project == "medloc"
    assert second.run.run_group.startswith("ham10000 medloc piecewise tiny_s")
    assert "seed" not in second.run.run_group  # runs of other seeds stand in the same group
    assert set(second.run.tags) == {"ham10000", "medloc", "seed 42", "mine"}


def test_every_series_has_every_step_once_whatever_was_interrupted(tracked):
    first, second = sessions(tracked.folder)
    assert list(first.series("train/reward")) == [1, 2, 3][: len(first.series("train/reward"))]
    trace = lines(tracked.folder / "trace.jsonl")
    everywhere = (*(f"train/{name}" for name in TRAIN), SECONDS, "curriculum/tau", RAISED, *GROUPS)
    for name in (*everywhere, "curriculum/P", "curriculum/S", "curriculum/margin"):
        assert list(second.series(name)) == [1, 2, 3, 4, 5, 6], name
    for name in CURRICULUM:  # the statistics begin when the window is full
        line = name.removeprefix("curriculum/")
        if line in trace[0]:
            expected = {row["step"]: row[line] for row in trace if row[line] is not None}
            assert second.series(name) == pytest.approx(expected), name
    assert any(second.series(RAISED).values())


def test_the_bounds_are_those_of_the_threshold_at_which_the_step_was_judged(tracked):
    _, second = sessions(tracked.folder)
    for row in lines(tracked.folder / "trace.jsonl"):
        # the paper's Table 3, adaptive: P and S change at 0.60 and 0.75
        P, S = (0.8, 0.2) if row["tau_used"] < 0.6 else (0.75, 0.35) if row["tau_used"] < 0.75 else (0.55, 0.4)
        told = [second.series(f"curriculum/{name}")[row["step"]] for name in ("P", "S", "margin")]
        assert told == [P, S, 0.1]


def test_dead_groups_are_split_at_the_threshold_in_force(tracked):
    _, second = sessions(tracked.folder)
    for row in lines(tracked.folder / "trace.jsonl"):
        miss = sum(max(group) < row["tau_used"] for group in row["ious"]) / len(row["ious"])
        full = sum(min(group) >= row["tau_used"] for group in row["ious"]) / len(row["ious"])
        assert second.series("groups/all_miss")[row["step"]] == miss
        assert second.series("groups/all_hit")[row["step"]] == full
        assert second.series("groups/dead")[row["step"]] == pytest.approx(miss + full)


def test_evaluations_and_summary_are_the_record_s(tracked):
    _, second = sessions(tracked.folder)
    for name in EVALUATION:
        expected = {point["step"]: point[name] for point in tracked.record.metrics["curve"]}
        assert second.series(f"eval/{name}") == pytest.approx(expected)
    told = summary_values(tracked.record.metrics)
    assert told["final/a50"] == tracked.record.metrics["final"]["a50"]
    assert {name: second.summary[name] for name in told} == pytest.approx(told)


def test_test_images_carry_both_boxes_in_pixels(tracked):
    samples = {sample.id: sample for sample in read_samples(tracked.folder / "samples.jsonl")}
    _, second = sessions(tracked.folder)
    artifact = next(each for each in second.artifacts.values() if each.type == "run_table")
    (file,) = (entry.local_path for entry in artifact.manifest.contents if entry.path.endswith(".table.json"))
    table = json.loads(Path(file).read_text())
    assert table["columns"] == ["id", "class", "image", "iou", "answer", "failure"]
    assert len(table["data"]) == 5
    for row in table["data"]:
        sample, drawn = samples[row[0]], row[2]["boxes"]
        for name, box in (("truth", sample.truth), ("prediction", sample.box)):
            (overlay,) = drawn[name]
            place = overlay["position"]
            assert [place["minX"], place["minY"], place["maxX"], place["maxY"]] == box.as_list()
            assert overlay["domain"] == "pixel"
        assert [drawn[name][0]["box_caption"] for name in ("truth", "prediction")] == ["true box", "predicted box"]
        assert (row[3], row[4]) == (sample.iou, sample.text)


def test_the_report_goes_along_and_the_weights_only_if_asked(tracked):
    _, second = sessions(tracked.folder)
    kinds = {artifact.type: artifact for artifact in second.artifacts.values()}
    files = {entry.path for entry in kinds["report"].manifest.contents}
    assert {"record.json", "trace.jsonl", "samples.jsonl", "boxes.png"} <= files
    assert "model" not in kinds


def test_neither_key_nor_path_is_told(tracked):
    for path in tracked.folder.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path
    _, second = sessions(tracked.folder)
    assert not {"results", "cache", "tracking", "device"} & set(second.config)
    assert "root" not in second.config["dataset"]
    assert second.config["schedule"]["name"] == "piecewise"


def test_tracking_moves_neither_key_nor_trace(tracked, tmp_path, cache):
    plain = run_job(compose_job(overrides(tmp_path, cache, "window.size=2")))
    assert plain.record.key == tracked.record.key
    assert plain.record.identity == tracked.record.identity
    assert (plain.folder / "trace.jsonl").read_bytes() == (tracked.folder / "trace.jsonl").read_bytes()
    assert not (plain.folder / "wandb").exists()


def test_what_the_service_has_is_not_told_again(tracked, tmp_path, cache):
    """W&B's own summary says how far it is; online a resumed run goes on from there."""
    job = compose_job(overrides(tmp_path, cache, *OFFLINE, "tracking.checkpoints=true", "tracking.images=0"))
    with Follower(job.settings, tracked.folder, tracked.record) as follower:
        follower.tracker.step, follower.tracker.evaluation = 4, 0
        follower.catch_up()
        follower.complete(tracked.record, tracked.images)
    third = sessions(tracked.folder)[-1]
    assert list(third.series("train/reward")) == [5, 6]
    assert list(third.series("eval/a50")) == [3]
    model = next(artifact for artifact in third.artifacts.values() if artifact.type == "model")
    assert "model.safetensors" in {entry.path for entry in model.manifest.contents}


def test_a_service_that_fails_ends_no_run(tracked, tmp_path, cache, capsys):
    job = compose_job(overrides(tmp_path, cache, *OFFLINE))
    with Follower(job.settings, tracked.folder, tracked.record) as follower:
        follower.tracker.run.finish()
        follower.evaluated({"step": 9, **tracked.record.metrics["final"]})
        follower.evaluated({"step": 10, **tracked.record.metrics["final"]})
    assert capsys.readouterr().err.count("tracking ended early") == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["tracking=wandb", "tracking.mode=sometimes"],
            "tracking.mode=sometimes is not known; use one of online, offline",
        ),
        (["tracking=tensorboard", "tracking.images=-1"], "tracking.images=-1 must be at least 0"),
    ],
)
def test_a_mistake_names_its_key(words, says):
    with pytest.raises(ValueError, match=says):
        compose_job(words)


@pytest.mark.slow
def test_online_without_a_key_is_said_before_anything_is_done(tmp_path, cache):
    environment = {name: value for name, value in os.environ.items() if name != "WANDB_API_KEY"}
    environment |= {"HOME": str(tmp_path), "NETRC": str(tmp_path / "netrc"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "medloc.run", *overrides(tmp_path, cache, "tracking=wandb")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 2
    assert "tracking.mode=online: " in done.stderr
    assert "`wandb login`" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("runs/*/record.json"))
