"""The main job from settings to record, on phantoms of a few images and the tiny model."""

import json
import os
import shutil

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from medloc.data import load_dataset
from medloc.evaluation.samples import read_samples, write_samples
from medloc.models.base import BASES
from medloc.replay import main as replay
from medloc.runs import read_record
from medloc.score import main as score
from medloc.spec.compose import compose_job
from medloc.training.runner.runner import run_job
from tests.faults.process import KILLED, Command
from tests.small import overrides, run_here

WINDOW = "window.size=2"  # so that six steps can raise the threshold


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def outcome(results, cache):
    return run_job(compose_job(overrides(results, cache, WINDOW)))


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_run_leaves_a_complete_record_with_every_number(outcome):
    record = read_record(outcome.folder / "record.json")
    assert record == outcome.record
    assert (record.status, record.label) == ("complete", "phantom data, tiny_s model")
    assert record.identity["variant"] != ""  # smaller than the default run, and says so
    metrics = record.metrics
    assert [metrics[k]["n"] for k in ("zero_shot", "final", "last", "answer_grid")] == [12] * 4
    assert [(point["step"], point["n"]) for point in metrics["curve"]] == [(0, 6), (3, 6), (6, 6)]
    assert metrics["constant_box"]["best"]["n"] == 12
    assert record.timings["step_s_median"] > 0
    assert record.peak_memory_mb > 100


def test_the_trace_has_one_line_per_step_and_replays_to_the_tau_it_used(outcome, capsys):
    trace = lines(outcome.folder / "trace.jsonl")
    assert [line["step"] for line in trace] == [1, 2, 3, 4, 5, 6]
    assert all(len(line["ious"]) == 2 and len(line["ious"][0]) == 4 for line in trace)
    assert all(line["kl"] is not None and line["entropy"] > 0 for line in trace)
    assert replay([str(outcome.folder / "trace.jsonl"), "window.size=2"]) == 0
    replayed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    fields = ("step", "ious", "tau_used", "tau", "mean_reward", "reward_std", "iou_margin", "updated")
    assert [{f: line[f] for f in fields} for line in trace] == replayed


def test_training_and_scoring_agree_on_every_sample(outcome, capsys):
    assert score([str(outcome.folder / "samples.jsonl")]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == pytest.approx(outcome.record.metrics["final"])


def test_checkpoints_are_gone_and_the_model_loads_in_plain_transformers(outcome):
    from transformers import Qwen2_5_VLForConditionalGeneration

    assert not (outcome.folder / "checkpoints").exists()
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(outcome.folder / "model")
    assert model.config.get_text_config().use_cache is True


def test_the_same_command_again_does_nothing(outcome, results, cache):
    before = (outcome.folder / "record.json").stat().st_mtime_ns
    again = run_job(compose_job(overrides(results, cache, WINDOW)))
    assert (again.fresh, again.folder) == (False, outcome.folder)
    assert (outcome.folder / "record.json").stat().st_mtime_ns == before


def test_rerun_moves_the_old_run_aside(tmp_path, cache):
    first = run_job(compose_job(overrides(tmp_path, cache, "method=zero_shot")))
    again = run_job(compose_job(overrides(tmp_path, cache, "method=zero_shot", "rerun=true")))
    assert again.fresh
    assert len(list((tmp_path / "runs").glob(f"{first.record.key}.moved-*/record.json"))) == 1


def test_two_results_folders_hold_the_same_bytes(outcome, tmp_path, cache):
    other = run_job(compose_job(overrides(tmp_path, cache, WINDOW)))
    assert other.folder.name == outcome.folder.name
    for name in ("trace.jsonl", "samples.jsonl", "start.jsonl", "curve.jsonl"):
        assert (other.folder / name).read_bytes() == (outcome.folder / name).read_bytes()


def test_sharing_changes_nothing_but_the_time(outcome, tmp_path, cache):
    plain = run_job(compose_job(overrides(tmp_path, cache, WINDOW, "train.share_prompts=false", "train.max_steps=3")))
    shared = lines(outcome.folder / "trace.jsonl")[:3]
    for one, other in zip(lines(plain.folder / "trace.jsonl"), shared, strict=True):
        assert one["ious"] == other["ious"]
        assert one["tau"] == other["tau"]
        for name in ("loss", "kl", "entropy", "grad_norm"):
            assert one[name] == pytest.approx(other[name], rel=1e-3, abs=1e-5)


def test_the_table_s_value_can_be_taken_before_the_last_step(outcome, tmp_path, cache):
    """train=paper: the tables show step 1000, the last step is recorded too."""
    done = run_job(compose_job(overrides(tmp_path, cache, WINDOW, "train.table_step=2")))
    at_two = run_job(compose_job(overrides(tmp_path, cache, WINDOW, "train.max_steps=2")))
    assert (done.folder / "samples.jsonl").read_bytes() == (at_two.folder / "samples.jsonl").read_bytes()
    assert (done.folder / "last.jsonl").read_bytes() == (outcome.folder / "last.jsonl").read_bytes()
    assert done.record.metrics["final"] == at_two.record.metrics["final"]
    assert done.record.metrics["last"] == outcome.record.metrics["last"]
    ours, theirs = (load_file(one.folder / "model" / "model.safetensors") for one in (done, at_two))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)  # predict uses what the tables show
    assert [one.record.provenance["model_step"] for one in (done, at_two, outcome)] == [2, 2, 6]
    assert done.notes[-1].startswith("tables and model/ show step 2 of 6 (train.table_step); ")
    card = (done.folder / "model" / "README.md").read_text()
    assert "the weights after optimizer step 2 of 6" in card
    assert f"| this model | {100 * done.record.metrics['final']['a50']:.2f} |" in card


def test_a_run_shorter_than_the_table_s_step_says_so(tmp_path, cache):
    done = run_job(compose_job(overrides(tmp_path, cache, WINDOW, "train.table_step=9", "train.max_steps=2")))
    assert done.notes[-1] == "train.table_step=9 lies past the run's 2 steps: tables and model/ show the last step."
    assert done.record.provenance["model_step"] == 2


def test_a_killed_run_ends_as_if_it_had_not_been(outcome, tmp_path, cache):
    """Killed after at least four of six steps; checkpoints lie at 2 and 4."""
    command = Command(tmp_path, *overrides(tmp_path, cache, WINDOW))
    folder = tmp_path / "runs" / outcome.folder.name
    command.when(lambda: (folder / "trace.jsonl").read_text().count("\n") >= 4)
    command.process.kill()
    assert command.wait().status == KILLED
    assert read_record(folder / "record.json").status == "running"
    resumed = run_job(compose_job(overrides(tmp_path, cache, WINDOW)))
    assert resumed.record.status == "complete"
    for name in ("trace.jsonl", "samples.jsonl", "curve.jsonl"):
        assert (folder / name).read_bytes() == (outcome.folder / name).read_bytes()


def test_a_run_that_fails_after_training_does_not_train_again(outcome, tmp_path, cache, monkeypatch):
    from medloc.training.runner import measure as running

    def full_disk(path, samples):
        if path.name == "last.jsonl":
            raise OSError(f"{path}: no space left")
        return write_samples(path, samples)

    monkeypatch.setattr(running, "write_samples", full_disk)
    with pytest.raises(OSError, match="no space left"):
        run_job(compose_job(overrides(tmp_path, cache, WINDOW)))
    folder = tmp_path / "runs" / outcome.folder.name
    assert read_record(folder / "record.json").status == "failed"
    spent = json.loads((folder / "usage.json").read_text())
    timings = (folder / "timings.jsonl").read_bytes()
    monkeypatch.undo()
    done = run_job(compose_job(overrides(tmp_path, cache, WINDOW)))
    assert done.record.status == "complete"
    assert done.record.timings["train_s"] >= spent["train_s"] > 0  # of the attempt that trained
    assert done.record.timings["wall_s"] > spent["wall_s"] > spent["train_s"]
    assert not (folder / "usage.json").exists()
    assert (folder / "samples.jsonl").read_bytes() == (outcome.folder / "samples.jsonl").read_bytes()
    assert (folder / "trace.jsonl").read_bytes() == (outcome.folder / "trace.jsonl").read_bytes()
    assert (folder / "timings.jsonl").read_bytes() == timings  # wall times: no step was done twice


@pytest.mark.parametrize(("method", "tau"), [("vlm_r1", 0.5), ("raw_iou", None)])
def test_methods_without_a_schedule(method, tau, tmp_path, cache):
    done = run_job(compose_job(overrides(tmp_path, cache, f"method={method}", "train.max_steps=2")))
    for line in lines(done.folder / "trace.jsonl"):
        assert (line["tau_used"], line["tau"], line["updated"]) == (tau, tau, False)
        flat = [iou for group in line["ious"] for iou in group]
        paid = flat if tau is None else [float(iou >= tau) for iou in flat]
        assert line["reward"] == pytest.approx(sum(paid) / len(paid), abs=1e-6)
    assert "schedule" not in done.record.config


def test_a_broken_image_fails_the_run_by_name_and_a_mended_one_completes_it(tmp_path):
    job = compose_job(overrides(tmp_path / "results", tmp_path / "cache", "train.max_steps=2"))
    image = load_dataset(job.settings.dataset, tmp_path / "cache").test[3].image
    whole = image.read_bytes()
    image.write_bytes(whole[: len(whole) // 2] + b"\0" * (len(whole) - len(whole) // 2))  # same size, torn body
    with pytest.raises(ValueError, match=image.name):
        run_job(job)
    record = read_record(next((tmp_path / "results" / "runs").glob("*/record.json")))
    assert record.status == "failed"
    assert image.name in record.reason
    image.write_bytes(whole)
    assert run_job(job).record.status == "complete"


def test_real_phantom_and_another_base_never_share_a_key(outcome, tmp_path, cache):
    base = tmp_path / "base"
    shutil.copytree(BASES / "tiny_s", base)
    weights = bytearray((base / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (base / "model.safetensors").write_bytes(weights)
    other = run_job(compose_job(overrides(tmp_path, cache, f"model.path={base}", "method=zero_shot")))
    same = run_job(compose_job(overrides(tmp_path, cache, "method=zero_shot")))
    assert other.record.config == same.record.config | {"model": other.record.config["model"]}
    root = next(iter(outcome.images.values())).parents[1]  # the phantoms' own folder, read as if it were real
    real = run_job(compose_job(overrides(tmp_path, cache, f"dataset.root={root}", "method=zero_shot")))
    assert len({other.record.key, same.record.key, real.record.key}) == 3
    assert real.record.label.startswith("real: ")


BAD = [
    (["schedule=steep"], "schedule=steep is not known; choose one of cosine, fixed"),
    (["window.size=0"], "window.size=0 must be at least 1"),
    (["schedule.boundaries=[0.75,0.55]"], "schedule.boundaries=[0.75, 0.55] must ascend"),
    (["method=raw_iou", "schedule=cosine"], "schedule=cosine has no meaning with method=raw_iou"),
    (["dataset.root=nowhere"], "dataset.root=nowhere is not a folder"),
    (["train.per_device_batch=7"], "train.per_device_batch=7 must divide"),
    (["train.group_size=1"], "train.group_size=1 must be at least 2"),
    (["train.max_steps=many"], "train.max_steps"),
    (["windows.size=3"], "windows"),
    (["dataset.evaluate_on=calibration", "dataset.root=."], "dataset.evaluate_on=calibration needs phantoms"),
]


@pytest.mark.parametrize(("arguments", "says"), BAD)
def test_a_mistake_is_one_clear_line(arguments, says, tmp_path, capfd, monkeypatch):
    done = run_here(capfd, monkeypatch, *arguments, f"results={tmp_path}")
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_a_sweep_goes_on_after_a_mistake_and_says_what_failed(tmp_path, cache, capfd, monkeypatch):
    given = overrides(tmp_path, cache, "method=zero_shot")
    done = run_here(capfd, monkeypatch, "-m", *given, "seed=1,2", "dataset.evaluate_on=test,nowhere")
    assert done.returncode == 2
    assert done.stderr.count("dataset.evaluate_on=nowhere") == 2
    assert len(list((tmp_path / "runs").glob("*/record.json"))) == 2
    again = run_here(capfd, monkeypatch, "-m", *given, "seed=1,2")
    assert again.returncode == 0
    assert again.stdout.count("nothing to do") == 2


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("dataset", "folder", "more"),
    [("ham10000", "HAM10000", ()), ("tn3k", "TN3K_LAYOUT_FROM_DDTI", ("dataset.boxes=largest",))],
)
def test_real_files_become_a_record(dataset, folder, more, tmp_path, cache):
    data = os.environ.get("MEDLOC_DATA")
    if not data:
        pytest.skip("MEDLOC_DATA names no folder with the real data sets")
    given = overrides(
        tmp_path, cache, f"dataset={dataset}", f"dataset.root={data}/{folder}", "train.max_steps=2", *more
    )
    done = run_job(compose_job(given))
    assert done.record.status == "complete"
    assert done.record.label == f"real: {folder} data, tiny_s model"
    samples = list(read_samples(done.folder / "samples.jsonl"))
    assert all(Image.open(done.images[s.id]).size == (s.width, s.height) for s in samples)
