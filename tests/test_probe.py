"""The probe on the tiny model: what it says of answers read in their own space, and in a wrong one."""

from dataclasses import replace

import numpy as np
import pytest

from medloc.boxes import AnswerGrid
from medloc.data.example import Example
from medloc.data.prompts import PROMPTS
from medloc.evaluation.answer import sample_answers
from medloc.models.load import load_model
from medloc.models.tiny.shapes import draw_item
from medloc.probe import report
from medloc.training.runner.sparsity import Start, spoken_by
from tests.models.test_load import settings


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """General shapes, which the base finds, at four times the size it resizes to."""
    folder, made = tmp_path_factory.mktemp("shapes"), []
    for index in range(20):
        item = draw_item(np.random.default_rng((12, index)), 0.3)
        width, height = (4 * side for side in item.image.size)
        item.image.resize((width, height)).save(folder / f"{index}.png")
        made.append(Example(str(index), folder / f"{index}.png", width, height, item.box.scaled(4, 4), f"g{index}", ""))
    return made


def probed(examples, grid=None):
    loaded = load_model(settings())
    loaded = replace(loaded, grid=grid) if grid else loaded
    more = {"group_size": 2, "temperature": 0.9, "max_new_tokens": 12, "seed": 1}
    answers = sample_answers(loaded, examples, PROMPTS["tn3k"], **more)
    space = loaded.grid(examples[0].width, examples[0].height).space
    return "\n".join(report(Start("shapes", answers, spoken_by(loaded, examples, answers), space), 0.3))


def test_a_model_read_in_its_own_space_gets_no_warning(examples):
    text = probed(examples)
    assert "no other reading is convincingly better" in text
    assert "WARNING" not in text
    assert "a box in 100.0 of 40 answers" in text


def test_a_model_that_counts_resized_pixels_read_as_thousandths_is_noticed(examples):
    """The same weights and answers; only the family's grid is wrong, as with the wrong generation of a model."""
    text = probed(examples, lambda width, height: AnswerGrid("thousand", 1000, 1000))
    assert "WARNING: the answers look as if they were written in resized, not in thousand" in text
    assert "N = 20 images" in text
