"""`train.optimizer` and `train.reference_dtype`: what trainers are told, and real updates by the optimizers named."""

import importlib.util
import json

import pytest
import torch
from transformers import Trainer, TrainingArguments

from medloc.models import load
from medloc.spec import train as spec_train
from medloc.spec.compose import compose_job, run_identity
from medloc.spec.train import OPTIMIZERS, completions_at_once
from medloc.training.callbacks.stop import Guard
from medloc.training.grpo.train import grpo_config
from medloc.training.runner.arguments import optimizer_arguments
from medloc.training.runner.runner import run_job
from medloc.training.systems.sft import sft_config
from tests.small import overrides

HALF = ["model.dtype=bfloat16", "train.optimizer=adamw_bf16"]


def needs_torchao(test):
    """A test for `make test-engines`, which installs torchao: with it every import of transformers takes longer."""
    missing = importlib.util.find_spec("torchao") is None
    return pytest.mark.engines(pytest.mark.skipif(missing, reason="torchao is not installed")(test))


@pytest.fixture(autouse=True)
def eager():
    """torchao compiles its step, one kernel for each shape; the same arithmetic runs eagerly here."""
    with torch.compiler.set_stance("force_eager"):
        yield


def optimizer_of(name, weights, lr):
    arguments = TrainingArguments(
        output_dir="unused", use_cpu=True, learning_rate=lr, **optimizer_arguments(named(name))
    )
    kind, values = Trainer.get_optimizer_cls_and_kwargs(arguments)
    return kind(weights, weight_decay=0.0, **values)


def named(name):
    train = compose_job([]).settings.train
    train.optimizer = name
    return train


def test_the_defaults_move_no_key():
    assert not {"train.optimizer", "train.reference_dtype", "train.passes"} & set(run_identity(compose_job([]).config))
    assert run_identity(compose_job([]).config) == run_identity(compose_job(["train.passes=4"]).config)  # speed alone


@pytest.mark.parametrize("make", [grpo_config, sft_config])
def test_both_trainers_are_told_the_optimizer(make, tmp_path):
    method = ["method=sft"] if make is sft_config else []
    for name, optim, given in (
        ("adamw", "adamw_torch_fused", None),
        ("adamw_8bit", "adamw_torch_8bit", None),
        ("adamw_bf16", "adamw_torch_8bit", "bf16_stochastic_round=True"),
    ):
        words = [*method, "device=cpu", f"train.optimizer={name}", *(HALF[:1] if name == "adamw_bf16" else [])]
        made = make(compose_job(words).settings, 4, tmp_path)
        assert (made.optim, made.optim_args) == (optim, given)


def test_the_reference_is_loaded_in_the_type_asked_for(tmp_path):
    words = ["train.bf16=true", "device=cpu"]
    assert grpo_config(compose_job(words).settings, 4, tmp_path).model_init_kwargs is None
    made = grpo_config(compose_job([*words, "train.reference_dtype=bfloat16"]).settings, 4, tmp_path)
    assert made.model_init_kwargs == {"dtype": "bfloat16"}


def test_passes_divide_the_micro_batch_and_leave_the_step_alone(tmp_path):
    """8 x 8 completions, 16 a micro-batch: 4 accumulated. In two passes each, 8 at once: 8 accumulated."""
    words = ["device=cpu", "train.per_device_batch=16", "train.passes=2"]
    made = grpo_config(compose_job(words).settings, 4, tmp_path)
    assert (made.per_device_train_batch_size, made.gradient_accumulation_steps) == (8, 8)
    assert completions_at_once(compose_job(words).settings.train) == 8
    taught = sft_config(compose_job(["method=sft", "device=cpu", "train.passes=16"]).settings, 4, tmp_path)
    assert (taught.per_device_train_batch_size, taught.gradient_accumulation_steps) == (4, 2)  # 64 / 16 = 4 of 8 images


REFUSED = [
    (["train.optimizer=sgd"], r"train\.optimizer=sgd is not known; use one of adamw, adamw_8bit, adamw_bf16"),
    (["train.optimizer=adamw_bf16"], r"adamw_bf16 rounds bfloat16 weights .* or use train\.optimizer=adamw_8bit"),
    ([*HALF, "model.lora.rank=4"], r"adamw_bf16 rounds bfloat16 weights that are trained whole"),
    (["model.dtype=bfloat16", "train.optimizer=adamw_8bit"], r"has no float32 masters .* train\.optimizer=adamw_bf16"),
    (
        ["train.optimizer=adamw_8bit", "launch=zero2", "train.per_device_batch=8"],
        r"adamw_8bit does not work under launch=zero2",
    ),
    (["train.reference_dtype=float16"], r"train\.reference_dtype=float16 is not known; use one of bfloat16"),
    (["train.reference_dtype=bfloat16"], r"reference_dtype=bfloat16 with train\.bf16=false .* use .*=null"),
    (["train.passes=3"], r"train\.passes=3 must divide train\.per_device_batch=64"),
    (["train.passes=0"], r"train\.passes=0 must be at least 1"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_a_precision_that_cannot_be_trained_is_refused(given, message):
    with pytest.raises(ValueError, match=message) as caught:
        compose_job(given)
    assert "\n" not in str(caught.value)


def test_a_missing_package_is_named_before_weights_load(monkeypatch):
    monkeypatch.setattr(spec_train, "find_spec", lambda name: None)
    monkeypatch.setattr(load, "load_model", lambda *_: pytest.fail("loaded"))
    with pytest.raises(ValueError, match=r"^train\.optimizer=adamw_8bit needs the package torchao; pip install"):
        load.load_run_model(compose_job(["train.optimizer=adamw_8bit"]).settings)


@needs_torchao
def test_moments_in_8_bits_follow_adamw():
    """Adam's step is at most lr. After 20 steps of 1e-3 the two are within a tenth of the way gone, on average."""
    torch.manual_seed(0)
    start, target = torch.randn(64, 128), torch.randn(64, 128)
    ways = {}
    for name in ("adamw", "adamw_8bit"):
        weight = torch.nn.Parameter(start.clone())
        optimizer = optimizer_of(name, [weight], 1e-3)
        for _ in range(20):
            ((weight - target) ** 2).sum().backward()
            optimizer.step()
            optimizer.zero_grad()
        ways[name] = weight.detach() - start
    assert (ways["adamw"] - ways["adamw_8bit"]).abs().mean() < 0.1 * ways["adamw"].abs().mean()
    assert ways["adamw"].abs().mean() == pytest.approx(0.02, rel=0.05)  # 20 x 1e-3
    state = optimizer.state[weight]["exp_avg"]
    assert type(state).__name__ == "OptimState8bit"
    assert state.codes.dtype == torch.uint8
    assert state.codes.shape == weight.shape


@needs_torchao
def test_bfloat16_weights_move_on_average_as_they_should():
    """A gradient of 1 moves every weight by lr = 1e-4 a step. Below 1.0 bfloat16 has steps of 2^-8 = 0.0039: plain
    rounding never leaves 1.0, stochastic rounding is at 1 - 50 x 1e-4 = 0.995 on average; each step's rounding has a
    variance of at most 1e-4 x 0.0039, so the mean of 4,096 weights a standard error of 7e-5."""
    torch.manual_seed(0)
    means = {}
    for name in ("adamw", "adamw_bf16"):
        weight = torch.nn.Parameter(torch.ones(64, 64, dtype=torch.bfloat16))
        optimizer = optimizer_of(name, [weight], 1e-4)
        for _ in range(50):
            weight.grad = torch.ones_like(weight)
            optimizer.step()
        assert weight.dtype == torch.bfloat16
        means[name] = weight.float().mean().item()
    assert means["adamw"] == 1.0
    assert means["adamw_bf16"] == pytest.approx(0.995, abs=4e-4)


@needs_torchao
def test_8_bit_moments_survive_a_checkpoint(tmp_path):
    """Five steps, saved, read back with weights_only, five more: the same weights as ten in one go."""
    torch.manual_seed(0)
    start, gradients = torch.randn(64, 64), torch.randn(10, 64, 64)

    def go(weight, optimizer, steps):
        for gradient in steps:
            weight.grad = gradient.clone()
            optimizer.step()

    whole, first = (torch.nn.Parameter(start.clone()) for _ in range(2))
    go(whole, optimizer_of("adamw_8bit", [whole], 1e-2), gradients)
    one = optimizer_of("adamw_8bit", [first], 1e-2)
    go(first, one, gradients[:5])
    torch.save(one.state_dict(), tmp_path / "optimizer.pt")
    second = torch.nn.Parameter(first.detach().clone())
    two = optimizer_of("adamw_8bit", [second], 1e-2)
    two.load_state_dict(torch.load(tmp_path / "optimizer.pt", weights_only=True))
    go(second, two, gradients[5:])
    assert torch.equal(whole, second)


def job_key(results):
    (folder,) = {path.parent for path in (results / "runs").glob("*/record.json")}
    return folder.name


@needs_torchao
@pytest.mark.parametrize("method", ["medloc", "sft"])
def test_a_run_trains_under_them_and_resumes(method, tmp_path, cache, monkeypatch):
    """GRPO on bfloat16 weights with a bfloat16 reference, SFT with 8-bit moments; each stops once after step 3."""
    more = {"medloc": [*HALF, "train.bf16=true", "train.reference_dtype=bfloat16", "train.learning_rate=1e-3"]}
    given = [f"method={method}", *more.get(method, ["train.optimizer=adamw_8bit"]), "device=cpu", "train.max_steps=4"]
    job = compose_job(overrides(tmp_path, cache, *given, "train.checkpoints=4"))
    seen = []

    def stop(*_, **__):
        seen.append(1)
        if len(seen) == 3:
            raise RuntimeError("stopped here")

    monkeypatch.setattr(Guard, "on_step_end", stop, raising=False)
    with pytest.raises(RuntimeError, match="stopped here"):
        run_job(job)
    done = run_job(compose_job(overrides(tmp_path, cache, *given, "train.checkpoints=4", "train.passes=2")))
    assert done.record.key == job_key(tmp_path)  # the same run, in smaller passes
    assert done.record.status == "complete"
    assert [json.loads(line)["step"] for line in (done.folder / "trace.jsonl").read_text().splitlines()] == [1, 2, 3, 4]
    assert OPTIMIZERS[2 if method == "medloc" else 1] == done.record.config["train"]["optimizer"]
