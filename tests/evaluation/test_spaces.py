"""Answers deliberately written in another coordinate space than the one they are read in."""

import random
from dataclasses import replace

import pytest

from medloc.boxes import Box
from medloc.evaluation.spaces import LEAST, MARGIN, Spoken, readings

SPACES = ("pixels", "resized", "thousand", "unit")


def frames(width, height):
    return {"pixels": (width, height), "resized": (448, 336), "thousand": (1000, 1000), "unit": (1, 1)}


def spoken(space, images=40, noise=0.03, seed=0, answers=4, lost=0.0):
    """Images of changing size whose boxes are written in `space`, a little off; a share of answers holds no box."""
    rng, told = random.Random(seed), []
    for _ in range(images):
        width, height = rng.randint(500, 900), rng.randint(400, 700)
        x, y = rng.uniform(0.1, 0.5), rng.uniform(0.1, 0.5)
        shares = (x, y, x + rng.uniform(0.2, 0.4), y + rng.uniform(0.2, 0.4))
        truth = Box(shares[0] * width, shares[1] * height, shares[2] * width, shares[3] * height)
        frame = frames(width, height)[space]
        texts = []
        for _ in range(answers):
            off = [share + rng.gauss(0, noise) for share in shares]
            written = [share * frame[i % 2] for i, share in enumerate(off)]
            texts.append("no idea" if rng.random() < lost else str([round(abs(value), 4) for value in written]))
        told.append(Spoken(texts, truth, width, height, frames(width, height)))
    return told


@pytest.mark.parametrize("written", SPACES)
@pytest.mark.parametrize("declared", SPACES)
def test_the_space_in_which_answers_are_written_is_found(written, declared):
    best, *others = readings(spoken(written), declared)
    assert best.space == written
    assert best.mean_iou > 0.6
    assert best.convincing is (written != declared)
    assert written != declared or not any(reading.convincing for reading in others)
    assert {reading.images for reading in [best, *others]} == {40}


def test_the_gain_is_the_difference_to_the_declared_reading():
    found = {reading.space: reading for reading in readings(spoken("thousand"), "resized")}
    assert found["resized"].gain == 0
    assert found["thousand"].gain == pytest.approx(found["thousand"].mean_iou - found["resized"].mean_iou)
    assert found["thousand"].gain > MARGIN


def test_too_few_images_say_nothing():
    assert not any(reading.convincing for reading in readings(spoken("thousand", images=LEAST - 1), "resized"))
    assert any(reading.convincing for reading in readings(spoken("thousand", images=LEAST), "resized"))


def test_answers_without_a_box_are_no_evidence():
    nothing = readings(spoken("thousand", lost=1.0), "resized")
    assert [(reading.images, reading.mean_iou, reading.gain, reading.convincing) for reading in nothing] == [
        (0, None, None, False)
    ] * 4
    best = readings(spoken("thousand", lost=0.7), "resized")[0]
    assert best.space == "thousand"
    assert best.images < 40


def test_boxes_at_random_convince_nobody():
    for seed in range(20):
        rng, told = random.Random(seed), spoken("resized", seed=seed)
        wild = [
            replace(each, texts=[str([rng.randint(0, 400) for _ in range(4)]) for _ in each.texts]) for each in told
        ]
        assert not any(reading.convincing for reading in readings(wild, "resized"))


def test_spaces_that_measure_the_same_are_not_compared():
    told = [replace(each, frames={**each.frames, "pixels": each.frames["resized"]}) for each in spoken("thousand")]
    assert {reading.space for reading in readings(told, "resized")} == {"resized", "thousand", "unit"}
