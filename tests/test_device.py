"""Before training, too, a model is on its device and in its precision, whoever asks it, and its inputs go there.

The device of these tests is PyTorch's "meta": it is on every machine, and a model on it cannot compute. So the passes
through the networks are replaced by records of where model and inputs are; everything before them is the real thing.
"""

import ast
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import GroundingDinoForObjectDetection, Qwen2_5_VLForConditionalGeneration

from medloc import predict
from medloc.data.example import Example
from medloc.evaluation.probe import sample_start
from medloc.models import load
from medloc.models.decoding import Decoder
from medloc.models.load import load_run_model, resolve_device
from medloc.models.segmenter import Segmenter
from medloc.models.tiny.shapes import draw_item
from medloc.spec.compose import compose_job
from medloc.training.systems import load_system
from tests.small import CHECKOUT, overrides
from tests.test_supply import calls

PACKAGE = CHECKOUT / "medloc"
META = torch.device("meta")


@pytest.fixture
def passes(monkeypatch):
    """Lets every model be loaded onto "meta"; returns what took part in each pass: devices, and autocast or not."""
    found = []

    def note(model, inputs):
        tensors = [*model.parameters(), *(value for value in inputs.values() if isinstance(value, torch.Tensor))]
        found.append(({tensor.device for tensor in tensors}, torch.is_autocast_enabled("cpu")))

    def generate(model, **inputs):
        note(model, inputs)
        rows, length = inputs["input_ids"].shape
        return torch.zeros(rows, length + 1, dtype=torch.long)

    def decode(decoder, prompts, rows, how):
        note(decoder.model, prompts)
        return torch.full((len(rows), 1), how.pad)

    def detect(model, **inputs):
        note(model, inputs)
        rows = len(inputs["pixel_values"])
        return SimpleNamespace(logits=torch.zeros(rows, 3, 2), pred_boxes=torch.full((rows, 3, 4), 0.5))

    def segment(model, pixels):
        note(model, {"pixels": pixels})
        return {"logits": torch.zeros(len(pixels), *pixels.shape[2:])}

    monkeypatch.setattr(Qwen2_5_VLForConditionalGeneration, "generate", generate)
    monkeypatch.setattr(Decoder, "__call__", decode)
    monkeypatch.setattr(GroundingDinoForObjectDetection, "forward", detect)
    monkeypatch.setattr(Segmenter, "forward", segment)
    monkeypatch.setattr(load, "resolve_device", lambda device="auto", sharding=None: META)
    monkeypatch.setattr("medloc.evaluation.predict.resolve_device", lambda device="auto", sharding=None: META)
    return found


@pytest.fixture
def example(tmp_path):
    item = draw_item(np.random.default_rng(3), 0.2)
    item.image.save(tmp_path / "a.png")
    return Example("a", tmp_path / "a.png", *item.image.size, item.box, "a", "")


@pytest.mark.parametrize("method", ["medloc", "zero_shot", "sft", "grounding_dino", "specialist"])
def test_every_system_answers_on_its_device_before_training(method, passes, example):
    system = load_system(compose_job([f"method={method}"]).settings)
    assert len(system.answer([example, example])) == 2
    assert [devices for devices, _ in passes] == [{META}]


def test_the_probe_samples_on_the_device(passes, tmp_path):
    job = compose_job(overrides(tmp_path, tmp_path))
    sample_start(job.settings, 2)
    assert [devices for devices, _ in passes] == [{META}, {META}]


def test_predict_answers_on_the_device(passes, example, capsys):
    base = PACKAGE / "models" / "bases" / "tiny_s"
    given = [str(example.image), "--checkpoint", str(base), "--dataset", "tn3k", "--no-draw"]
    assert predict.main(given) == 0, capsys.readouterr().err
    assert [devices for devices, _ in passes] == [{META}]


@pytest.mark.parametrize("wanted", [True, False])
def test_a_run_answers_in_the_precision_it_trains_in(wanted, passes, example, monkeypatch):
    monkeypatch.setattr(load, "resolve_device", lambda device="auto", sharding=None: torch.device("cpu"))
    load_system(compose_job([f"train.bf16={wanted}"]).settings).answer([example])
    assert passes == [({torch.device("cpu")}, wanted)]


def test_nothing_in_the_package_loads_a_model_without_saying_where():
    """The tests above are one for each caller that this finds; a new caller needs its own."""
    callers = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        named = {
            ast.unparse(node.func): node
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
        }
        for name in ("load_run_model", "load_model"):
            if name in named:
                callers[str(path.relative_to(PACKAGE)), name] = [ast.unparse(each) for each in named[name].args]
    direct = {where: given for where, given in callers.items() if where[1] == "load_model"}
    assert {where[0] for where in direct} == {"models/load.py", "evaluation/predict.py"}
    assert all(len(given) >= 2 for given in direct.values()), "give the device"
    assert {where[0].rpartition("/")[2] for where in callers if where not in direct} == {
        *("vlm.py", "supervised.py", "probe.py"),
    }


def test_only_the_listed_places_ask_a_language_model():
    asking = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if any(name.endswith(".generate") for name, _ in calls(path))
    }
    assert asking == {"evaluation/answer.py"}


def fake_gpus(monkeypatch, *, cuda=False, mps=False, ours=None):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    monkeypatch.setattr(load.distributed, "is_initialized", lambda: ours is not None)
    monkeypatch.setattr(load, "PartialState", lambda: SimpleNamespace(device=ours))


@pytest.mark.parametrize(
    ("here", "given", "found"),
    [
        ({}, ("auto",), "cpu"),
        ({"cuda": True}, ("auto",), "cuda:0"),
        ({"cuda": True, "mps": True}, ("auto",), "cuda:0"),
        ({"mps": True}, ("auto",), "mps"),
        ({"cuda": True, "mps": True}, ("cpu",), "cpu"),
        ({"cuda": True}, ("auto", "ddp"), "cuda:0"),
        ({"cuda": True, "ours": torch.device("cuda:3")}, ("auto", "ddp"), "cuda:3"),  # each process has its own
        ({"cuda": True, "ours": torch.device("cuda:3")}, ("auto", "zero2"), "cuda:3"),
        ({"cuda": True, "ours": torch.device("cuda:3")}, ("cpu", "ddp"), "cpu"),
        ({"cuda": True, "ours": torch.device("cuda:3")}, ("auto", "fsdp2"), "cpu"),  # sharded by the trainer first
        ({"cuda": True, "ours": torch.device("cuda:3")}, ("auto", "zero3"), "cpu"),
    ],
)
def test_the_device_follows_from_the_setting_and_the_machine(here, given, found, monkeypatch):
    fake_gpus(monkeypatch, **here)
    assert resolve_device(*given) == torch.device(found)


def test_a_run_s_settings_choose_the_device(monkeypatch):
    asked = []
    monkeypatch.setattr(load, "resolve_device", lambda *given: asked.append(given) or META)
    for words in (["device=cpu"], ["launch=zero3", "train.per_device_batch=16"]):
        assert load_run_model(compose_job(words).settings).model.device == META
    assert asked == [("cpu", None), ("auto", "zero3")]
