"""Several processes: what is refused, and on processor cores what they see, write, survive and do not hang on."""

import json
import pickle
import time
from pathlib import Path

import pytest
import torch

from medloc.runs import read_record
from medloc.runs.key import run_key
from medloc.spec.compose import compose_job, run_identity
from medloc.spec.launch import world_size
from medloc.spec.train import describe_batches
from medloc.training.distributed import launch as workers
from medloc.training.grpo.train import grpo_config
from medloc.training.runner.arguments import engine_arguments
from tests.small import medloc, overrides
from tests.training.launched import job_on, of_rank, same

EIGHT = "train.per_device_batch=8"


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 4])
def test_every_rank_sees_the_same_and_the_first_writes_and_what_is_interrupted_resumes_exactly(
    processes, do, tmp_path, cache
):
    """On four ranks each holds half a group."""
    outcome = do(job_on(processes, tmp_path / "whole", cache))
    traces = [of_rank(do.seen, rank) for rank in range(processes)]
    assert traces[0].count("\n") == 6
    assert len(set(traces)) == 1  # IoUs, rewards, threshold, and what the window said
    written = [json.loads(line) for line in (outcome.folder / "trace.jsonl").read_text().splitlines()]
    assert [line["ious"] for line in written] == [json.loads(line)["ious"] for line in traces[0].splitlines()]
    assert all(len(line["ious"]) == 2 and len(line["ious"][0]) == 4 for line in written)
    record = read_record(outcome.folder / "record.json")
    assert (record.status, record.config["launch"]["processes"]) == ("complete", processes)
    assert outcome.record == record  # it comes back from the first worker
    assert record.metrics["final"]["n"] == 12
    assert len((outcome.folder / "curve.jsonl").read_text().splitlines()) == 1
    with pytest.raises(ValueError, match="power cut"):
        do(job_on(processes, tmp_path / "parts", cache), kind="stop", rank=None, step=5)
    resumed = do(job_on(processes, tmp_path / "parts", cache))
    assert of_rank(do.seen, processes - 1).count("\n") == 2  # from the checkpoint at the fourth of six steps
    same(outcome.folder, resumed.folder)


@pytest.mark.slow
def test_one_process_and_two_give_the_same_answers_before_training_and_a_complete_run_is_left_alone(
    do, tmp_path, cache
):
    """Shares are answered in other batches; the order is the data set's all the same."""
    two = do(job_on(2, tmp_path / "two", cache, "method=zero_shot"))
    one = workers.do_job(job_on(1, tmp_path / "one", tmp_path / "other_cache", "method=zero_shot"))
    assert (two.folder / "samples.jsonl").read_text() == (one.folder / "samples.jsonl").read_text()
    assert two.folder.name != one.folder.name
    assert not workers.do_job(job_on(2, tmp_path / "two", cache, "method=zero_shot")).fresh


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("train.dynamic_sampling=2",)])
def test_a_rank_with_only_unparsable_answers_holds_nobody_up(more, do, tmp_path, cache):
    outcome = do(job_on(2, tmp_path, cache, *more), kind="no boxes", rank=1)
    trace = [json.loads(line) for line in (outcome.folder / "trace.jsonl").read_text().splitlines()]
    assert len(trace) == 6
    assert all(line["ious"][1] == [0.0] * 4 for line in trace)
    assert any(max(line["ious"][0]) > 0 for line in trace)
    assert of_rank(do.seen, 0) == of_rank(do.seen, 1)


@pytest.mark.slow
def test_an_error_on_one_rank_ends_all_with_its_message_within_a_minute(do, tmp_path, cache):
    with pytest.raises(ValueError, match="the reward broke on this image"):
        do(job_on(2, tmp_path / "results", cache), kind="reward error", rank=1, step=2)
    assert time.time() - float((do.seen / "raised").read_text()) < 60
    (path,) = (tmp_path / "results").glob("runs/*/record.json")
    assert (read_record(path).status, "reward broke" in read_record(path).reason) == ("failed", True)
    assert do(job_on(2, tmp_path / "results", cache)).record.status == "complete"


@pytest.mark.slow
def test_the_command_starts_the_workers_and_prints_their_result(tmp_path, cache):
    launch = ("device=cpu", "launch=ddp", "launch.processes=2", "train.per_device_batch=4", "method=sft")
    done = medloc("run", *overrides(tmp_path, cache, *launch))
    assert done.returncode == 0, done.stderr
    assert "trained (sft, 6 steps)" in done.stdout
    wrong = medloc("run", *overrides(tmp_path, cache, *launch, f"dataset.root={tmp_path}/nowhere"))
    assert wrong.returncode == 2
    assert wrong.stderr.count("\n") == 1
    assert "is not a folder" in wrong.stderr


@pytest.mark.parametrize(
    "given",
    [
        [],
        ["launch=ddp", EIGHT],
        ["launch=multi_node", "launch.address=first", EIGHT],
        ["model=qwen2_5_vl_7b", "schedule=cosine", "dataset=tn3k", "train=paper", "model.lora.rank=8"],
        ["method=specialist"],
        ["method=v_triune"],
    ],
)
def test_a_worker_gets_the_very_job_that_was_composed(given):
    """Torch elastic pickles it."""
    job = compose_job(given)
    assert pickle.loads(pickle.dumps(job)) == job


REFUSED = [
    (["launch=ddp"], r"train\.per_device_batch=64 must divide .* = 64 over 4 processes = 16; 16 itself always does"),
    (["launch=ddp", "launch.processes=5", EIGHT], r"8 x 8 = 64 must be divisible by the 5 processes of launch=ddp"),
    (["launch=ddp", "launch.processes=3", "method=sft"], r"prompts_per_step=8 must be divisible by the 3 .*; use 9"),
    (["launch=ddp", "method=specialist", EIGHT], r"launch=ddp cannot be used with method\.trainer=specialist"),
    (["launch=zero3", "device=cpu", EIGHT], r"launch\.engine=zero3 needs GPUs; drop device=cpu, or use launch=ddp"),
    (["launch=fsdp2", "device=cpu", EIGHT], r"launch\.engine=fsdp2 needs GPUs"),
    (["launch=ddp", "launch.offload=true", EIGHT], r"launch\.offload=true needs launch=zero2, zero3 or fsdp2"),
    (["launch=ddp", "launch.engine=magic", EIGHT], r"launch\.engine=magic is not known; use one of ddp, fsdp2, zero2"),
    (["launch=ddp", "launch.processes=0", EIGHT], r"launch\.processes=0 must be at least 1"),
    (["launch=multi_node", EIGHT], r"launch\.address=null: name the machine with launch\.machine=0"),
    (["launch=multi_node", "launch.machine=2", EIGHT], r"launch\.machine=2 must be 0 to launch\.machines - 1 = 1"),
    (["train.per_device_batch=0"], r"train\.per_device_batch=0 must be at least 1"),
    (["train.group_size=1"], r"train\.group_size=1 must be at least 2"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_a_wrong_combination_is_refused_when_it_is_composed(given, message):
    with pytest.raises(ValueError, match=message) as caught:
        compose_job(given)
    assert "\n" not in str(caught.value)


def test_more_processes_than_gpus_are_refused_before_anything_starts(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    job = compose_job(["launch=ddp", EIGHT])
    with pytest.raises(ValueError, match=r"launch\.processes=4 must not exceed the 2 GPUs of this machine"):
        workers.do_job(job)


def test_the_paper_s_step_on_four_gpus():
    """64 completions on 4 GPUs, 8 at once: "2-step gradient accumulation"."""
    settings = compose_job(["train=paper", "launch=ddp", "device=cpu", "train.bf16=false"]).settings
    assert world_size(settings.launch) == 4
    assert grpo_config(settings, 10, Path("unused")).gradient_accumulation_steps == 2
    said = describe_batches(settings.train, settings.launch, "grpo", 8012, 1000)
    assert said == (
        "a step: 8 prompts x 8 = 64 completions in 2 micro-batches of 8 on 4 processes; an epoch: 8012 images = 1001 "
        "steps, 64064 completions; the run: 1000 steps = 1.00 epochs"
    )


@pytest.mark.parametrize(("stage", "keeps"), [(2, False), (3, True)])
def test_deepspeed_is_told_the_stage_and_keeps_masters(stage, keeps):
    config = engine_arguments(compose_job([f"launch=zero{stage}", EIGHT, "train.bf16=true"]).settings)["deepspeed"]
    assert config["zero_optimization"]["stage"] == stage
    assert config["bf16"] == {"enabled": True}
    assert ("stage3_gather_16bit_weights_on_model_save" in config["zero_optimization"]) is keeps


def test_where_the_first_machine_is_moves_no_key():
    def key(*more):
        job = compose_job(["launch=multi_node", "launch.address=a", EIGHT, *more])
        return run_key(run_identity(job.config), data="d", model="m")

    assert key() == key("launch.address=b", "launch.port=1", "launch.machine=1", "launch.timeout_s=9")
    assert key() != key("launch.machines=4", "train.per_device_batch=4")
