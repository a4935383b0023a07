import numpy as np
import pytest
from PIL import Image

from medloc.report.figures.panels import Line, Panel, draw_panels, over_seeds
from medloc.report.figures.style import LOOKS, look, save

THREE = {42: {0: 2.0, 10: 1.0}, 43: {0: 4.0, 10: None}, 44: {0: 6.0, 10: 3.0}}


def line(seeds, kind="band", name="a row", place=0):
    return Line(name, LOOKS[place], seeds, kind)


def test_mean_and_interval_by_hand():
    # mean 4, sd 2; t at 0.975 with 2 degrees of freedom is 4.30265, so ± 4.30265 * 2 / sqrt(3) = 4.96828
    point = over_seeds(line(THREE))[0]
    assert (point.x, point.mean, point.n) == (0, 4, 3)
    assert (point.low, point.high) == pytest.approx((4 - 4.96828, 4 + 4.96828), abs=1e-5)


def test_a_band_has_no_mean_where_a_seed_has_no_value():
    assert [point.x for point in over_seeds(line(THREE))] == [0]
    assert [(p.x, p.mean, p.n) for p in over_seeds(line(THREE, "bars"))] == [(0, 4, 3), (10, 2, 2)]


def test_one_seed_has_no_interval():
    assert over_seeds(line({42: {0: 2.0}})) == [(0, 2.0, None, None, 1)]


def test_looks_keep_their_meaning_and_differ():
    assert look("MedLoc-R1-3B piecewise", 2) == look("piecewise", 0) == LOOKS[0]
    assert look("VLM-R1-3B", 3) == LOOKS[1]
    assert look("another", 4) == LOOKS[4]
    for part in zip(*LOOKS, strict=True):
        assert len(set(map(str, part))) >= len(LOOKS) - 1  # one dash serves twice, under other colours and markers


def test_every_kind_draws_the_same_bytes_twice(tmp_path):
    empty = Panel("nothing", "x", "", ())
    rows = [
        [Panel(kind, "x", "y", (line(seeds, kind), line(seeds, kind, "b", 1))) for kind in ("band", "bars", "seeds")]
        for seeds in (THREE, {42: {0: 2.0, 10: 1.0}}, {42: {0: 2.0}})
    ]
    for folder in ("one", "two"):
        save(draw_panels([[*row, empty] for row in rows], "title", (3, 2)), tmp_path / folder / "figure", "0123")
    for name in ("figure.png", "figure.svg"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert Image.open(tmp_path / "one" / "figure.png").width == 1800  # four panels of 3 inches at 150 dots


def test_the_svg_has_the_digest_and_no_date(tmp_path):
    save(draw_panels([[Panel("", "x", "y", (line(THREE),))]], "title", (3, 2)), tmp_path / "figure", "0123456789abcdef")
    text = (tmp_path / "figure.svg").read_text()
    assert "0123456789abcdef" in text
    assert "dc:date" not in text


def test_what_is_drawn_is_seen(tmp_path):
    def pixels(panel):
        save(draw_panels([[panel]], "", (3, 2)), tmp_path / "figure", "")
        image = np.asarray(Image.open(tmp_path / "figure.png").convert("RGB")).astype(int)
        wanted = [int(LOOKS[0].color[i : i + 2], 16) for i in (1, 3, 5)]
        return int((abs(image - wanted).sum(axis=-1) < 30).sum())

    drawn = Panel("", "x", "y", (line({42: {0: 0.0, 10: 1.0}}),))
    assert pixels(drawn) > 500
    assert pixels(Panel("", "x", "y", ())) == 0


def test_limits_hold_and_names_stand_on_the_axis():
    wide = Panel("", "x", "y", (line({42: {0: 0.0}, 43: {0: 90.0}}, "bars"),), None, (0, 100), {0: "half", 1: "full"})
    axes = draw_panels([[wide]], "", (3, 2)).axes[0]
    assert axes.get_ylim() == (0, 100)  # the interval of two seeds reaches far beyond
    assert [text.get_text() for text in axes.get_xticklabels()] == ["half", "full"]


def test_the_legend_names_each_row_once_with_its_seeds():
    rows = [[Panel("", "x", "y", (line(THREE),)), Panel("", "x", "", (line({42: {0: 1.0}}),))]]
    legend = draw_panels(rows, "", (3, 2)).legends[0]
    assert [text.get_text() for text in legend.get_texts()] == ["a row (N = 1 to 3)"]


def test_a_panel_without_a_line_says_so():
    axes = draw_panels([[Panel("HEEL", "x", "y", ())]], "", (3, 2)).axes[0]
    assert [text.get_text() for text in axes.texts] == ["no run yet"]


def test_long_lines_have_no_markers():
    long = {42: dict.fromkeys(range(31), 1.0)}
    assert [line(seeds).marker for seeds in ({42: {0: 1.0}}, long)] == ["o", ""]
    assert line({42: {0: 1.0}}, "seeds").marker == ""
