"""The example script with TRL's real trainer on the tiny model."""

import importlib.util
import json

import numpy as np
import pytest
import torch
from trl import GRPOTrainer

from medloc.data.example import Example
from medloc.data.prompts import PROMPTS
from medloc.models.load import load_model
from medloc.models.tiny.shapes import draw_item
from medloc.spec.compose import compose_curriculum
from medloc.training.grpo.train import training_rows
from tests.models.test_load import settings
from tests.small import CHECKOUT

SCRIPT = CHECKOUT / "examples" / "trl_script.py"
MORE = {
    "num_generations": 4,
    "per_device_train_batch_size": 8,
    "temperature": 0.9,
    "max_completion_length": 12,
    "learning_rate": 1e-5,
    "use_cpu": True,
    "disable_tqdm": True,
    "save_steps": 1,
    "logging_steps": 1,
    "seed": 3,
}
EASY = ("window.size=2", "criteria=only_reward", "strategy.P=[0.1,0.1,0.1]")  # so that two steps raise tau


def script():
    spec = importlib.util.spec_from_file_location("trl_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def trained(folder, rows, steps, monkeypatch, resume=False):
    """Runs the script for some steps and returns the curriculum and the IoUs it was shown."""
    from medloc.dropin import trl as dropin

    torch.set_flush_denormal(True)  # as a run does; the tiny model is slow without
    shown, loaded = [], load_model(settings())

    def to_original(box, row):
        return loaded.grid(row["width"], row["height"]).to_original(box, row["width"], row["height"])

    class Watched(dropin.CurriculumReward):
        def __init__(self, *_):
            super().__init__(*EASY, to_original=to_original)
            observe = self.curriculum.observe

            def seen(groups):
                shown.append(groups)
                return observe(groups)

            self.curriculum.observe = seen

    monkeypatch.setattr(dropin, "CurriculumReward", Watched)
    curriculum = script().train(loaded.model, loaded.processor, rows, str(folder), resume, max_steps=steps, **MORE)
    monkeypatch.undo()
    return curriculum, shown


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """General shapes, which the base finds, with the question it knows."""
    folder, examples = tmp_path_factory.mktemp("shapes"), []
    for i in range(4):
        item = draw_item(np.random.default_rng((13, i)), 0.2)
        item.image.save(folder / f"{i}.png")
        examples.append(Example(str(i), folder / f"{i}.png", *item.image.size, item.box, str(i), ""))
    return training_rows(examples, PROMPTS["tn3k"])


def test_what_medloc_adds_is_at_most_ten_lines():
    text = SCRIPT.read_text()
    added = text[text.index("# >>> medloc") : text.index("# <<< medloc")].splitlines()[1:]
    assert 0 < len([line for line in added if line.strip()]) <= 10


def test_the_script_trains_raises_and_resumes(rows, tmp_path, monkeypatch):
    begun, first = trained(tmp_path, rows, 1, monkeypatch)
    assert [len(step) for step in first] == [2]  # two groups a step
    assert all(len(group) == 4 for step in first for group in step)
    state = json.loads((tmp_path / "checkpoint-1" / "curriculum.json").read_text())
    assert state == begun.curriculum.state_dict()
    went_on, second = trained(tmp_path, rows, 2, monkeypatch, resume=True)
    assert len(second) == 1
    bare = compose_curriculum(EASY)
    for step in (*first, *second):
        bare.observe(step)
    assert went_on.tau == bare.tau > 0.3
    assert went_on.curriculum.state_dict() == bare.state_dict()


def test_evaluation_is_paid_and_not_observed(rows, tmp_path):
    from trl import GRPOConfig

    from medloc.dropin.trl import CurriculumReward

    torch.set_flush_denormal(True)
    loaded, curriculum = load_model(settings()), CurriculumReward()
    trainer = GRPOTrainer(
        model=loaded.model,
        processing_class=loaded.processor,
        args=GRPOConfig(output_dir=str(tmp_path), report_to="none", per_device_eval_batch_size=4, **MORE),
        train_dataset=rows,
        eval_dataset=rows.select(range(1)),
        reward_funcs=curriculum,
        callbacks=[curriculum],
    )
    assert "eval_reward" in trainer.evaluate()
    assert curriculum.decision is None
    assert len(curriculum.curriculum._window) == 0


def test_a_missing_column_is_named():
    from medloc.dropin.trl import CurriculumReward

    with pytest.raises(ValueError, match="no column 'box'"):
        CurriculumReward(truth="box")(completions=["[1, 2, 3, 4]"], truth=[[1, 2, 3, 4]])


@pytest.mark.parametrize("truth", [[3, 4, 1, 2], [1, 2, float("nan"), 4], [1, 2, 1, 4], [1, 2, 3]])
def test_a_truth_that_no_answer_can_meet_is_refused_by_name(truth):
    from medloc.dropin.trl import CurriculumReward

    with pytest.raises(ValueError, match=r"^truth=\[.* must be .*x0, y0, x1, y1"):
        CurriculumReward()(completions=["[1, 2, 3, 4]"], truth=[truth])
