"""The probe on the tiny model: what it says of answers read in their own space, and in a wrong one."""

from dataclasses import replace

import numpy as np
import pytest

from medloc.boxes import AnswerGrid, Box, ParseFailure
from medloc.curriculum import SCHEDULES, curriculum_from
from medloc.data.example import Example
from medloc.data.prompts import PROMPTS
from medloc.evaluation.answer import sample_answers
from medloc.evaluation.probe import Begin, Start, begin_of, scale_of, spoken_by
from medloc.models.load import load_model
from medloc.models.tiny.shapes import draw_item
from medloc.probe import _advice, main, report
from medloc.rewards import Answer
from medloc.spec.compose import compose_job
from medloc.spec.machine import CONF
from tests.models.test_load import settings

BEGIN = Begin(0.3, "schedule.tau0")
METHODS = sorted(path.stem for path in (CONF / "method").glob("[!_]*.yaml"))


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
    return "\n".join(report(Start("shapes", answers, spoken_by(loaded, examples, answers), space), BEGIN))


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


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_says_where_tau_begins_and_by_which_key(schedule):
    job = compose_job([f"schedule={schedule}"])
    begin = begin_of(curriculum_from(job.config).params.schedule, job.settings.method)
    assert begin.tau == curriculum_from(job.config).tau
    if begin.key is None:
        assert begin.reason == f"schedule={schedule} chooses tau itself, from what the window holds"
    else:
        assert begin.tau == job.config["schedule"][begin.key.removeprefix("schedule.")]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_says_where_tau_begins_or_that_it_has_none(method):
    job = compose_job([f"method={method}"])
    begin = begin_of(curriculum_from(job.config).params.schedule, job.settings.method)
    if job.settings.method.uses_schedule:
        assert begin == Begin(0.3, "schedule.tau0")
    elif job.settings.method.tau is not None:
        assert begin == Begin(job.settings.method.tau, "method.tau")
    else:
        assert begin == Begin(None, None, f"method={method} has no threshold")


def answers_of(*boxes):
    truth = Box(0, 0, 10, 10)
    return [Answer("", box, truth, 0.0) for box in boxes]


def test_the_advice_names_the_key_or_says_why_there_is_none():
    groups = [[0.9, 0.1]] * 50
    assert _advice(groups, BEGIN, scale_of(None)).startswith("schedule.tau0=0.3: ")
    assert _advice(groups, Begin(0.5, "method.tau"), scale_of(None)).startswith("method.tau=0.5: ")
    assert _advice(groups, Begin(0.0, None, "why"), scale_of(None)) == "no tau0 to advise: why."
    assert _advice(groups, Begin(None, None, "why"), scale_of(None)) == "no tau0 to advise: why."


def test_groups_are_judged_on_the_scale_that_the_method_compares_with_tau():
    """Two boxes that miss: at IoU all-miss; on (1 + GIoU) / 2 the near one is above the far one. No box never hits."""
    answers = [answers_of(Box(10, 0, 20, 10), Box(90, 0, 100, 10), ParseFailure("none"))]
    start = Start("made up", answers, [], "pixels")
    assert start.groups(scale_of("threshold")) == [[0.0, 0.0, -1.0]]
    ((near, far, none),) = start.groups(scale_of("giou_threshold"))
    assert (near, far, none) == (0.5, pytest.approx(0.1), -1.0)


@pytest.mark.parametrize("given", ["images=0", "images=-3", "images=many", "images=", "images=1.5"])
def test_a_bad_number_of_images_is_refused_before_anything_is_loaded(given, monkeypatch, capsys):
    monkeypatch.setattr("medloc.probe.sample_start", lambda *_: pytest.fail("sampled"))
    assert main([given]) == 2
    assert (
        capsys.readouterr().err == f"medloc.probe: {given} must be a whole number of at least 1; the default is 256.\n"
    )


@pytest.mark.parametrize("overrides", [["schedule=median"], ["schedule=fixed"], ["method=raw_iou"]])
def test_what_the_probe_needs_is_known_before_sampling(overrides, monkeypatch, examples, capsys):
    loaded = load_model(settings())
    answers = [answers_of(example.box, ParseFailure("none")) for example in examples]
    start = Start("shapes", answers, spoken_by(loaded, examples, answers), loaded.grid(224, 224).space)
    monkeypatch.setattr("medloc.probe.sample_start", lambda *_: start)
    assert main(overrides) == 0
    assert "tau" in capsys.readouterr().out
