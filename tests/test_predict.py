"""Asking a checkpoint: boxes in pixels of the image, drawn where they are, and clear words where it cannot."""

import json

import numpy as np
import pytest
from PIL import Image

from medloc.data.prompts import prompt_for
from medloc.evaluation.predict import COLOR, load_checkpoint, predict
from medloc.models.base import BASES
from medloc.models.tiny.shapes import draw_item
from medloc.predict import main


@pytest.fixture
def image(tmp_path):
    item = draw_item(np.random.default_rng(5), 0.2)
    item.image.save(tmp_path / "shape.png")
    return tmp_path / "shape.png", item.box


def test_a_box_is_printed_in_pixels_and_drawn_there(image, tmp_path, capsys):
    path, truth = image
    given = [str(path), "--checkpoint", str(BASES / "tiny_s"), "--dataset", "tn3k", "--device", "cpu"]
    assert main([*given, "--out", str(tmp_path / "out"), "--max-new-tokens", "12"]) == 0
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    x0, y0, x1, y1 = line["box"]
    assert (line["width"], line["height"]) == Image.open(path).size
    assert line["failure"] is None
    assert x0 < (truth.x0 + truth.x1) / 2 < x1  # an easy shape: its middle lies in the box
    assert y0 < (truth.y0 + truth.y1) / 2 < y1
    drawn = np.asarray(Image.open(line["drawn"]))
    rows, columns = np.nonzero((drawn == COLOR).all(-1))
    assert abs(columns.min() - max(0, x0)) <= 1
    assert abs(rows.max() - min(line["height"], y1)) <= 2


def test_an_answer_without_a_box_says_why_and_draws_nothing(image):
    loaded = load_checkpoint(BASES / "tiny_s", "cpu")
    (line,) = predict(loaded, [image[0]], prompt_for("tn3k", None), 1, None)
    assert line["box"] is None
    assert line["failure"]
    assert line["drawn"] is None


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["IMAGE", "--checkpoint", "nowhere"], "--checkpoint=nowhere: there is no config.json"),
        (["missing.png", "--checkpoint", "BASE", "--dataset", "tn3k"], "missing.png is not a file"),
        (["IMAGE", "--checkpoint", "BASE"], "has no record that names a question; add --dataset or --prompt"),
        (["TEXT", "--checkpoint", "BASE", "--prompt", "Where?"], "this image does not open"),
    ],
)
def test_a_mistake_is_one_line(given, says, image, tmp_path, capsys):
    (tmp_path / "text.png").write_text("no image")
    places = {"IMAGE": str(image[0]), "BASE": str(BASES / "tiny_s"), "TEXT": str(tmp_path / "text.png")}
    assert main([*(places.get(word, word) for word in given), "--no-draw", "--device", "cpu"]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


def test_a_family_that_is_not_known_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "llava"}')
    with pytest.raises(ValueError, match=r"model_type=llava is not known; known: qwen2_5_vl"):
        load_checkpoint(tmp_path, "cpu")
