"""Every system that is not GRPO, from settings to record, on phantoms of a few images."""

import json

import pytest

from medloc.evaluation.samples import read_samples
from medloc.models.tiny.grounding_dino import tiny_detector, tiny_detector_processor
from medloc.report.__main__ import main as report
from medloc.report.closing import close_run
from medloc.runs import read_record
from medloc.score import main as score
from medloc.spec.compose import compose_job
from medloc.training.runner.runner import run_job
from tests.faults.process import KILLED, Command
from tests.small import overrides, run_here

METHODS = ("sft", "grounding_dino", "specialist")
SPEECHLESS = "specialist"  # the one that cannot answer before training


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    """A GroundingDINO with random weights, in the ordinary layout: nothing here asks how good it is."""
    folder = tmp_path_factory.mktemp("detector")
    tiny_detector().save_pretrained(folder)
    tiny_detector_processor().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def given(cache, detector):
    """The overrides of one small run of a method."""

    def build(method, results, *more):
        path = (f"model.path={detector}",) if "grounding_dino" in method else ()
        return overrides(results, cache, f"method={method}", *path, *more)

    return build


@pytest.fixture(scope="module")
def outcomes(results, given):
    return {method: run_job(compose_job(given(method, results))) for method in METHODS}


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("method", METHODS)
def test_a_run_leaves_the_same_kind_of_record(method, outcomes):
    outcome = outcomes[method]
    record = read_record(outcome.folder / "record.json")
    assert record == outcome.record
    assert (record.status, record.identity["method"], record.identity["schedule"]) == ("complete", method, None)
    assert record.identity["steps"] == 6
    metrics = record.metrics
    assert [metrics[k]["n"] for k in ("final", "last", "answer_grid")] == [12] * 3
    assert metrics["constant_box"]["best"]["n"] == 12
    assert metrics["answer_grid"]["mean_iou"] > 0.95
    assert (outcome.folder / "start.jsonl").exists() == (method != SPEECHLESS)
    assert (metrics["zero_shot"] is None) == (method == SPEECHLESS)
    steps = [3, 6] if method == SPEECHLESS else [0, 3, 6]
    assert [(point["step"], point["n"]) for point in metrics["curve"]] == [(step, 6) for step in steps]
    assert record.timings["step_s_median"] > 0
    assert not (outcome.folder / "checkpoints").exists()
    assert (outcome.folder / "model" / "model.safetensors").exists()


@pytest.mark.parametrize("method", METHODS)
def test_the_trace_has_the_loss_and_null_for_what_only_completions_have(method, outcomes):
    trace = lines(outcomes[method].folder / "trace.jsonl")
    assert [line["step"] for line in trace] == [1, 2, 3, 4, 5, 6]
    for line in trace:
        assert line["loss"] > 0
        assert line["grad_norm"] > 0
        assert {line[name] for name in ("ious", "tau_used", "tau", "reward", "dead", "kl", "parse_rate")} == {None}
        assert line["updated"] is False


@pytest.mark.parametrize("method", METHODS)
def test_training_and_scoring_agree_on_every_sample(method, outcomes, capsys):
    assert score([str(outcomes[method].folder / "samples.jsonl")]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == pytest.approx(outcomes[method].record.metrics["final"])


def test_each_writes_on_its_own_grid(outcomes):
    spaces = {}
    for method, outcome in outcomes.items():
        spaces[method] = {sample.space for sample in read_samples(outcome.folder / "samples.jsonl")}
    assert spaces == {"sft": {"resized"}, "grounding_dino": {"pixels"}, "specialist": {"resized"}}


@pytest.mark.parametrize("method", METHODS)
def test_the_same_command_again_does_nothing(method, outcomes, results, given):
    before = (outcomes[method].folder / "record.json").stat().st_mtime_ns
    again = run_job(compose_job(given(method, results)))
    assert (again.fresh, again.folder) == (False, outcomes[method].folder)
    assert (again.folder / "record.json").stat().st_mtime_ns == before


def test_the_report_reads_all_of_them(outcomes, results, capsys):
    assert report([f"results={results}"]) == 0
    said = capsys.readouterr().out
    assert "3 complete" in said
    assert "not read" not in said
    assert "failed" not in said


@pytest.mark.parametrize("method", METHODS)
def test_closing_draws_the_loss_and_prints_the_table(method, outcomes):
    outcome = outcomes[method]
    said = close_run(outcome.folder, outcome.record, outcome.images)
    assert f"trained ({method}, 6 steps)" in said
    assert "\nloss: " in said
    assert all((outcome.folder / name).stat().st_size > 1000 for name in ("training.png", "boxes.png"))


def test_the_detector_answers_without_training_too(outcomes, tmp_path, given, detector):
    done = run_job(compose_job(given("zero_shot", tmp_path, "model=grounding_dino_tiny", f"model.path={detector}")))
    start = (outcomes["grounding_dino"].folder / "start.jsonl").read_bytes()
    assert (done.folder / "samples.jsonl").read_bytes() == start


@pytest.mark.parametrize("method", METHODS)
def test_a_run_that_broke_ends_as_if_it_had_not(method, outcomes, tmp_path, given, monkeypatch):
    """Broken at the evaluation after step 3; the checkpoint lies at 2, the next at 4."""
    from medloc.training.callbacks.evaluate import EvaluateMidway

    whole = EvaluateMidway.on_step_end

    def breaks(self, args, state, control, **more):
        if state.global_step == 3:
            raise OSError("no space left")
        return whole(self, args, state, control, **more)

    monkeypatch.setattr(EvaluateMidway, "on_step_end", breaks)
    with pytest.raises(OSError, match="no space left"):
        run_job(compose_job(given(method, tmp_path)))
    monkeypatch.undo()
    folder = tmp_path / "runs" / outcomes[method].folder.name
    assert read_record(folder / "record.json").status == "failed"
    assert (folder / "checkpoints" / "checkpoint-2").exists()
    assert run_job(compose_job(given(method, tmp_path))).record.status == "complete"
    for name in ("trace.jsonl", "samples.jsonl", "curve.jsonl"):
        assert (folder / name).read_bytes() == (outcomes[method].folder / name).read_bytes()


@pytest.mark.slow
def test_a_killed_sft_ends_as_if_it_had_not_been(outcomes, tmp_path, given):
    """Killed after at least four of six steps; checkpoints lie at 2 and 4."""
    command = Command(tmp_path, *given("sft", tmp_path))
    folder = tmp_path / "runs" / outcomes["sft"].folder.name
    command.when(lambda: (folder / "trace.jsonl").read_text().count("\n") >= 4)
    command.process.kill()
    assert command.wait().status == KILLED
    assert read_record(folder / "record.json").status == "running"
    assert run_job(compose_job(given("sft", tmp_path))).record.status == "complete"
    for name in ("trace.jsonl", "samples.jsonl", "curve.jsonl"):
        assert (folder / name).read_bytes() == (outcomes["sft"].folder / name).read_bytes()


def test_the_specialist_learns_from_filled_boxes_where_there_are_no_masks(tmp_path, given):
    done = run_job(compose_job(given("specialist", tmp_path, "dataset=heel", "train.max_steps=2")))
    assert done.notes[-1] == "heel has boxes and no masks: the specialist is trained on the filled boxes."
    assert done.record.status == "complete"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["method=grounding_dino", "model=tiny_s"],
            "model=tiny_s (model.family=qwen2_5_vl) cannot be used",
        ),
        (["method=medloc", "model=specialist_tiny"], "takes qwen2_5_vl"),
        (["method=sft", "schedule=cosine"], "schedule=cosine has no meaning with method=sft"),
        (["method=grounding_dino", "model.path=/nowhere"], "model.path=/nowhere is not a folder"),
    ],
)
def test_a_mistake_is_one_clear_line(arguments, says, tmp_path, cache, capfd, monkeypatch):
    done = run_here(capfd, monkeypatch, *overrides(tmp_path, cache, *arguments))
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
