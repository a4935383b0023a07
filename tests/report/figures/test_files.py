import csv
import shutil
from dataclasses import replace

import pytest

from medloc.experiments.catalog import experiments
from medloc.report.figures.charts import CHARTS
from medloc.report.figures.files import FIGURES, write_figures
from medloc.report.figures.gallery import RULES, gallery
from medloc.report.frame import empty_group
from medloc.report.runs import NotHereError, run_data
from medloc.report.tables.build import all_values
from medloc.report.values import Values
from medloc.runs import find_records
from tests.report.grid import STEPS


@pytest.fixture(scope="module")
def held(grid):
    """What `grid` holds."""
    return values_of(grid)


def values_of(results):
    return all_values(results, find_records(results).records)[0]


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def number(text):
    return float(text) if text else None


@pytest.fixture(scope="module")
def figures(written):
    """The folder of the figures of `grid`, and each by its name."""
    report, folder = written
    return folder / "figures", {figure.name: figure for figure in report.figures}


def test_every_figure_is_drawn_and_lacks_nothing(figures):
    folder, drawn = figures
    paper = ["figure1", "figure3", "figure4", "figure5", "figure6", "figure7", "figure8"]
    assert list(drawn) == [*paper, "thesis", "median", "open", "why", "rewards"]
    assert {name for name, figure in drawn.items() if not figure.missing} == set(paper)
    for name, figure in drawn.items():
        assert figure.svg == folder / f"{name}.svg"
        assert figure.lacking == ()
        assert all((folder / f"{name}.{kind}").stat().st_size > 1000 for kind in ("svg", "png", "csv"))
    assert len(list(folder.iterdir())) == 3 * len(drawn)


def test_the_numbers_of_a_curve_are_the_records(figures, held):
    rows = rows_of(figures[0] / "figure3.csv")
    values = held
    wanted = [point["a50"] for point in values.curve("figure3", "VLM-R1-3B", "heel", 43)]
    found = [row for row in rows if (row["panel"], row["row"], row["seed"]) == ("HEEL", "VLM-R1-3B", "43")]
    assert [float(row["x"]) for row in found] == [STEPS * tenth // 10 for tenth in range(11)]
    assert [float(row["value"]) for row in found] == pytest.approx([100 * a50 for a50 in wanted], rel=1e-5)
    assert {row["n"] for row in rows if row["seed"] == "mean"} == {"3"}
    assert {(row["axis"], row["measure"]) for row in rows} == {("optimizer step", "A@0.5 (%)")}


def test_the_course_of_the_window_is_the_trace(figures, held):
    rows = rows_of(figures[0] / "figure5.csv")
    series = held.series("figure5", "MedLoc-R1-3B cosine", "tn3k", 44)
    place = {"panel": "TN3K", "row": "MedLoc-R1-3B cosine", "seed": "44"}
    for key, measure in {"tau_used": "threshold τ (IoU)", "iou_margin": "IoU margin (Eq. 8)"}.items():
        found = [row for row in rows if row["measure"] == measure and place.items() <= row.items()]
        values = [number(row["value"]) for row in found]
        assert [value is None for value in values] == [value is None for value in series[key]]
        pairs = [pair for pair in zip(values, series[key], strict=True) if None not in pair]
        assert all(drawn == pytest.approx(traced, rel=1e-5) for drawn, traced in pairs)
    assert None in series["iou_margin"]  # missing stays missing


def test_figure_1_shows_the_threshold_of_the_curriculum_alone(figures):
    names = {row["row"] for row in rows_of(figures[0] / "figure1.csv") if row["measure"].startswith("mean reward")}
    ours, theirs = "MedLoc-R1-3B piecewise", "VLM-R1-3B"
    assert names == {ours, theirs, f"τ of {ours}, every seed"}


def test_grids_stand_at_their_values(figures):
    first = rows_of(figures[0] / "figure6.csv")
    assert {row["row"] for row in first} == {"Linear", "Cosine", "Identical"}
    assert {float(row["x"]) for row in first} == {0.05, 0.1, 0.15, 0.2, 0.25, 0.3}
    second = rows_of(figures[0] / "figure7.csv")
    assert {float(row["x"]) for row in second if row["row"] == "window size"} == {5, 10, 20, 30, 50, 80}
    assert {float(row["x"]) for row in second if row["row"] == "refresh"} == {0, 1, 2, 3}


def test_a_ranking_has_the_last_scores_of_every_row(figures, held):
    rows = rows_of(figures[0] / "thesis.csv")
    assert {row["measure"] for row in rows} == {"A@0.5 (%)", "A@0.8 (%)"}
    place = {"panel": "TN3K", "measure": "A@0.8 (%)", "row": "VLM-R1", "x": "1"}  # the second row of experiments/thesis
    found = {row["seed"]: row["value"] for row in rows if place.items() <= row.items()}
    wanted = held.seeds("thesis", "VLM-R1", "tn3k", "a80")
    assert list(wanted) == [42, 43, 44]
    mean = sum(wanted.values()) / 3
    assert {seed: float(value) for seed, value in found.items()} == pytest.approx(
        {**{str(seed): 100 * a80 for seed, a80 in wanted.items()}, "mean": 100 * mean}, rel=1e-5
    )


def test_images_are_those_that_the_rule_chooses(figures, held):
    rows = rows_of(figures[0] / "figure4.csv")
    assert {row["dataset"] for row in rows} == {"heel", "tn3k"}
    names = ("MedLoc-R1-3B piecewise", "VLM-R1-3B")
    ours, theirs = (held.images("figure4", name, "heel", 42) for name in names)
    gains = dict(zip(ours.ids, (ours.ious - theirs.ious).tolist(), strict=True))
    shown = {row["why"]: row["id"] for row in rows if row["dataset"] == "heel"}
    assert gains[shown["largest gain"]] == max(gains.values())
    assert gains[shown["largest loss"]] == min(gains.values())
    assert gains[shown["median difference"]] == sorted(gains.values())[(len(gains) - 1) // 2]
    failed = [row for row in rows_of(figures[0] / "figure8.csv") if row["row"] == names[0]]
    assert len(failed) == 9
    assert all(float(row["iou"]) < 0.5 for row in failed)


@pytest.mark.parametrize("name", RULES)
def test_boxes_are_drawn_on_the_images_they_belong_to(grid, held, name):
    values = held
    for strip in gallery(values.experiments[name], values).strips:
        examples = {example.image: example for example in run_data(strip.records[0], grid).test}
        for shown, picture in zip(strip.shown, strip.pictures(grid), strict=True):
            example = examples[picture.image]
            assert (example.id, example.box) == (shown.sample.id, shown.sample.truth)


def test_the_same_records_give_the_same_bytes(figures, held, tmp_path):
    folder, _ = figures
    write_figures(held, tmp_path, names=("figure3", "figure8"))
    written = list(tmp_path.iterdir())
    assert len(written) == 6
    for path in written:
        assert path.read_bytes() == (folder / path.name).read_bytes(), path.name


def test_what_is_current_is_not_drawn_again(figures, held, tmp_path):
    folder = tmp_path / "figures"
    shutil.copytree(figures[0], folder)
    (folder / "figure3.png").write_bytes(b"kept")
    write_figures(held, folder, names=("figure3",))
    assert (folder / "figure3.png").read_bytes() == b"kept"
    svg = (folder / "figure3.svg").read_bytes()
    (folder / "figure3.svg").write_text("of other numbers")
    write_figures(held, folder, names=("figure3",))
    assert (folder / "figure3.svg").read_bytes() == svg
    assert (folder / "figure3.png").read_bytes() == (figures[0] / "figure3.png").read_bytes()


def test_a_missing_run_is_named_and_the_rest_is_drawn(thinned, tmp_path):
    results = thinned(lambda run: run["method"] == "vlm_r1" and run["dataset"] == "heel")
    drawn = {
        figure.name: figure
        for figure in write_figures(values_of(results), tmp_path / "figures", names=("figure3", "figure4"))
    }
    (missing,) = drawn["figure3"].missing
    assert missing.command == (
        f"python -m medloc.run -m dataset=heel model=tiny_s method=vlm_r1 train.max_steps={STEPS} seed=42,43,44"
    )
    assert drawn["figure3"].svg
    assert drawn["figure4"].lacking == ("HEEL: no seed that both rows have run.",)
    assert {row["dataset"] for row in rows_of(tmp_path / "figures" / "figure4.csv")} == {"tn3k"}


def test_a_figure_whose_runs_are_gone_is_removed(figures, thinned, tmp_path):
    shutil.copytree(figures[0], tmp_path / "figures")
    results = thinned(lambda run: run["schedule"] in ("linear", "cosine", "identical"))
    drawn = {
        figure.name: figure for figure in write_figures(values_of(results), tmp_path / "figures", names=("figure6",))
    }
    assert drawn["figure6"].svg is None
    assert not list((tmp_path / "figures").glob("figure6*"))
    assert sum(len(one.seeds) for one in drawn["figure6"].missing) == 3 * 6 * 3


def test_answers_that_are_not_here_are_named(thinned, tmp_path):
    results = thinned()
    for path in (results / "runs").glob("*vlm_r1*/samples.jsonl"):
        path.unlink()
    drawn = {figure.name: figure for figure in write_figures(values_of(results), tmp_path / "figures", names=RULES)}
    assert drawn["figure4"].svg is None
    assert "the overlaps on its images are not here" in drawn["figure4"].lacking[0]
    assert drawn["figure8"].svg


def test_images_that_are_not_here_are_named(held, tmp_path, phantom_cache):
    moved = tmp_path / "away"
    phantom_cache.rename(moved)
    try:
        (drawn,) = write_figures(held, tmp_path / "figures", names=("figure8",))
    finally:
        moved.rename(phantom_cache)
    assert drawn.svg is None
    assert len(drawn.lacking) == 3
    assert "not drawn on this machine" in drawn.lacking[0]


def test_other_images_than_the_run_saw_are_refused(grid):
    record = find_records(grid).records[0]
    record.fingerprints["data"] = "f" * 16
    with pytest.raises(NotHereError, match="no longer those"):
        run_data(record, grid)


def test_no_run_at_all_is_no_figure_and_no_error(tmp_path):
    drawn = write_figures(Values(empty_group(), tmp_path), tmp_path / "figures")
    assert [figure.svg for figure in drawn] == [None] * len(FIGURES)
    assert all(figure.missing for figure in drawn)
    assert not (tmp_path / "figures").exists()


def test_a_single_seed_has_no_interval(thinned, tmp_path):
    results = thinned(lambda run: run["seed"] != 42)
    write_figures(values_of(results), tmp_path / "figures", names=("figure6",))
    means = [row for row in rows_of(tmp_path / "figures" / "figure6.csv") if row["seed"] == "mean"]
    assert means
    assert {(row["low"], row["high"], row["n"]) for row in means} == {("", "", "1")}


def test_a_seed_that_the_experiment_does_not_plan_counts_in_the_figure_as_in_the_table(values, three_seeds, fabricate):
    held = values(*three_seeds("vlm_r1"), fabricate("vlm_r1", seed=45))
    chart = CHARTS["why"](held.experiments["why"], held)
    (line,) = (line for line in chart.rows[0][1].lines if line.name == "Fixed 0.5 (VLM-R1)")
    assert list(line.seeds) == [42, 43, 44, 45]
    assert "Fixed 0.5 (VLM-R1) (0-4)" in chart.rows[0][1].names.values()


def test_a_picture_with_another_name_on_its_axis_is_drawn_again(values, three_seeds, tmp_path):
    held = values(*three_seeds("vlm_r1"))
    picture, numbers = tmp_path / "why.svg", tmp_path / "why.csv"
    write_figures(held, tmp_path, names=("why",))
    before = picture.read_bytes(), numbers.read_bytes()
    why = held.experiments["why"]
    rows = (row if row.set["method"] == "vlm_r1" else replace(row, name=row.name.upper()) for row in why.rows)
    held.experiments["why"] = replace(why, rows=tuple(rows))
    write_figures(held, tmp_path, names=("why",))
    assert numbers.read_bytes() == before[1]
    assert picture.read_bytes() != before[0]


def test_dead_groups_of_every_method_are_the_stored_ones(values, fabricate):
    """Under medloc_giou tau stands on another scale, so that nothing may be computed from raw IoU and tau again."""
    series = {"tau_used": [0.6, 0.6], "reward": [0.5, 0.5], "dead": [0.25, 0.75], "all_miss": [1.0, 1.0]}
    rows = ((one, row) for one in experiments() for row in one.rows if row.set["method"] == "medloc_giou")
    experiment, row = next(rows)
    identity = {word: value for word, value in row.run("heel", 42).identity.items() if word != "train"}
    held = values(fabricate(**{**identity, "steps": 250}, series=series))
    chart = CHARTS["figure1"](replace(experiment, rows=(row,)), held)
    place = [panel.title for panel in chart.rows[0]].index("HEEL")
    (line,) = chart.rows[1][place].lines
    assert line.seeds == {42: {1: 0.25, 2: 0.5}}  # the running mean of what the trace says
