import numpy as np
import pytest
from PIL import Image

from medloc.report.figures.panels import Line, Panel, draw_rankings
from medloc.report.figures.style import LOOKS, save

NAMES = {0.0: "upper (3)", 1.0: "lower (0)"}
SEEDS = {42: {0: 2.0}, 43: {0: 4.0}, 44: {0: 6.0}}


def panel(seeds=SEEDS, **changes):
    lines = (Line("upper", LOOKS[0], seeds, "bars"),) if seeds else ()
    return Panel("HEEL", "", "A@0.5 (%)", lines, within=(0.0, 100.0), names=NAMES, **changes)


def test_the_first_row_stands_above_and_a_row_without_a_run_is_named():
    axes = draw_rankings([[panel()]], "title", (3, 2)).axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["upper (3)", "lower (0)"]
    assert axes.get_xlabel() == "A@0.5 (%)"
    bottom, top = axes.get_ylim()
    assert top < 0 < 1 < bottom


def test_mean_and_interval_lie_along_the_values():
    # mean 4, sd 2; t at 0.975 with 2 degrees of freedom is 4.30265, so ± 4.30265 * 2 / sqrt(3) = 4.96828
    axes = draw_rankings([[panel()]], "title", (3, 2)).axes[0]
    ((start, end),) = axes.collections[0].get_segments()
    assert start == pytest.approx([4 - 4.96828, 0], abs=1e-4)
    assert end == pytest.approx([4 + 4.96828, 0], abs=1e-4)
    low, high = axes.get_xlim()
    assert -1 < low < 0  # what is impossible is hardly shown
    assert high > end[0]


def test_one_seed_has_no_interval_and_no_run_no_mark():
    assert not draw_rankings([[panel({42: {0: 2.0}})]], "", (3, 2)).axes[0].collections
    assert not draw_rankings([[panel({})]], "", (3, 2)).axes[0].lines


def test_every_seed_is_drawn_and_the_same_bytes_twice(tmp_path):
    for folder in ("one", "two"):
        save(draw_rankings([[panel(), panel({})]], "title", (3, 2)), tmp_path / folder / "figure", "0123")
    for name in ("figure.png", "figure.svg"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    image = np.asarray(Image.open(tmp_path / "one" / "figure.png").convert("RGB"))
    assert image.shape[1] == 900  # two panels of 3 inches at 150 dots
    axes = draw_rankings([[panel()]], "", (3, 2)).axes[0]
    assert sorted(axes.lines[0].get_xdata()) == [2, 4, 6]
