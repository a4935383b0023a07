"""The specialist: from a mask to an answer."""

from pathlib import Path

import numpy as np
import torch

from medloc.boxes import Box
from medloc.data.example import Example
from medloc.evaluation.judged import sample_of
from medloc.models.segmenter import component_boxes, grid_of, largest_box, load_segmenter, pixels_of
from medloc.spec.compose import compose_job
from medloc.training.systems.specialist import SpecialistSystem

SETTINGS = compose_job(["method=specialist"]).settings

MASK = np.array(
    [
        [1, 1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0],
        [0, 0, 1, 1, 0, 0],
        [0, 0, 0, 0, 1, 1],
        [0, 0, 0, 0, 0, 1],
    ],
    dtype=bool,
)  # four pixels above; five below, which hang together over a corner only


def test_the_box_is_that_of_the_largest_component_over_corners_too():
    assert largest_box(MASK) == Box(2, 3, 6, 6)


def test_an_empty_mask_has_no_box():
    assert largest_box(np.zeros((4, 4), dtype=bool)) is None


def test_the_answer_is_whole_cells_of_the_network_s_grid():
    # the cells (2, 3) to (6, 6) of 6 x 6, in an image of 60 x 120: 10 px wide and 20 px high each
    example = Example("a", Path("a.png"), 60, 120, Box(20, 60, 60, 100), "g", "nv")
    sample = sample_of(example, grid_of(6).text(largest_box(MASK), 6, 6), grid_of(6))
    assert (sample.text, sample.space, sample.answer_width) == ("[2, 3, 6, 6]", "resized", 6)
    assert sample.box == Box(20, 60, 60, 120)
    assert sample.iou == round(40 * 40 / (40 * 60), 6)


class Painted(torch.nn.Module):
    """Answers with the masks it was given, in the place of a network."""

    def __init__(self, masks):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1))
        self.masks = torch.from_numpy(np.stack(masks)).float()

    def forward(self, pixels):
        return {"logits": (self.masks - 0.5) * self.scale}


def test_what_is_more_likely_than_not_is_segmented():
    boxes = component_boxes(Painted([MASK, np.zeros_like(MASK)]), torch.zeros(2, 3, 6, 6))
    assert boxes == [Box(2, 3, 6, 6), None]


def test_weights_are_the_seed_s_and_leave_the_random_state_alone():
    before = torch.get_rng_state()
    one, same, other = (load_segmenter(SETTINGS.model, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    weights = [next(model.parameters()) for model in (one, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_pixels_are_squashed_to_the_square_between_minus_one_and_one():
    from PIL import Image

    white = pixels_of(Image.new("RGB", (40, 20), "white"), 8)
    assert white.shape == (3, 8, 8)
    assert torch.all(white == 1.0)
    assert torch.all(pixels_of(Image.new("RGB", (40, 20)), 8) == -1.0)


def test_it_says_where_it_learns_from_filled_boxes():
    system = SpecialistSystem(compose_job(["method=specialist", "dataset=heel"]).settings)
    box = Example("a", Path("a.png"), 60, 120, Box(20, 60, 60, 100), "g", "")
    assert system.notes([box]) == ("heel has boxes and no masks: the specialist is trained on the filled boxes.",)
    masked = Example("a", Path("a.png"), 60, 120, Box(20, 60, 60, 100), "g", "", Path("m.png"))
    assert system.notes([masked]) == ()
