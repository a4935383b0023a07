import csv
import io
import re
from dataclasses import replace

import pytest

from medloc.report.paper import PaperCell, PaperDifference
from medloc.report.stats import Interval, SignFlip
from medloc.report.tables.table import Cell, Comparison, Count, Delta, Entry, Line, OverImages, Place, Table
from medloc.report.tables.writers import Text, comparison_grids, csv_text, escape, latex, main_grids, markdown
from medloc.report.values import Missing

HEEL, TN3K = Place("heel", "a50"), Place("tn3k", "a50")
DELTA = Delta(31.0, 1.0, 3, "***")


@pytest.fixture
def table():
    """Two rows on two data sets, the second row on one of them, and one difference."""
    lines = (
        Line(
            "Ours_1",
            "trained",
            {
                HEEL: Entry(Cell((0.90, 0.92, 0.97)), PaperCell(94.19, 1.94), "best", "second"),
                TN3K: Entry(Cell((0.5,)), None, "second"),
            },
            ("✓",),
        ),
        Line("Theirs", "trained", {HEEL: Entry(Cell(), PaperCell(66.79, None))}, ("✗",)),
        Line("Δ Ours_1", "difference", {HEEL: Entry(DELTA, PaperDifference(27.4, "***"))}),
    )
    images = OverImages(30.5, Interval(28.25, 33.0), 500, 321)
    interval = Interval(28.5159, 33.4841)
    compared = Comparison(
        "Δ Ours_1",
        "heel",
        "a50",
        DELTA,
        0.000347,
        interval,
        SignFlip(0.25, False),
        images,
        lines[2].entries[HEEL].paper,
        0.0031,
    )
    nothing = Comparison("Δ Ours_1", "tn3k", "a50", Delta(), None, None, None, None, None)
    return Table(
        name="table9",
        title="Table 9: δ",
        heading="phantom data",
        legend="Percent.",
        places=(HEEL, TN3K),
        facts=("σ ≤ S",),
        lines=lines,
        comparisons=(compared, nothing),
        notes=("A note.",),
        missing=(Missing("Theirs", ("heel",), (42, 43), "python -m medloc.run -m seed=42,43"),),
        lacking=("SFT-3B",),
        reproduce="python -m medloc.reproduce table9",
    )


def rows(text):
    return [
        [field.strip() for field in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")
    ]


def test_grids_hold_texts_and_marks(table):
    (grid,) = main_grids(table)
    assert grid.header == ("Method", "σ ≤ S", "HEEL A@0.5", "paper", "TN3K A@0.5", "paper")
    assert grid.rows[0] == (
        Text("Ours_1"),
        Text("✓"),
        Text("93.00 ± 3.61 (3)", "best"),
        Text("94.19 ± 1.94", "second"),
        Text("50.00 (1)", "second"),
        Text(""),
    )
    # missing is "-", not asked for is empty
    assert [field.text for field in grid.rows[1]] == ["Theirs", "✗", "-", "66.79", "", ""]
    assert [field.text for field in grid.rows[2]] == ["Δ Ours_1", "", "+31.00*** (3)", "+27.40***", "", ""]


def test_several_metrics_give_one_grid_a_data_set(table):
    entry = Entry(Cell((0.3,)))
    places = (HEEL, Place("heel", "a80"), TN3K, Place("tn3k", "a80"))
    lines = (Line("A", "trained", dict.fromkeys(places, entry)), Line("B", "trained", {HEEL: entry}))
    wide = Table("table9", "t", "h", "l", places, (), lines)
    assert [(grid.title, grid.header, len(grid.rows)) for grid in main_grids(wide)] == [
        ("HEEL", ("Method", "A@0.5", "A@0.8"), 2),
        ("TN3K", ("Method", "A@0.5", "A@0.8"), 1),  # B has nothing to do with TN3K
    ]


def test_comparisons_hand_computed(table):
    (grid,) = comparison_grids(table)
    assert grid.title == "HEEL"
    assert [field.text for field in grid.rows[0]] == [
        *("Δ Ours_1", "A@0.5", "+31.00*** (3)", "+27.40***", "[+28.52, +33.48]", "0.0003", "0.0031", "0.2500"),
        *("+30.50", "[+28.25, +33.00]", "500 (321)"),
    ]


def test_markdown(table):
    text = markdown([table, table])
    assert text.count("# Table 9: δ; phantom data\n") == 2
    found = rows(text)
    assert found[2] == ["Ours_1", "✓", "**93.00** ± 3.61 (3)", "<u>94.19</u> ± 1.94", "<u>50.00</u> (1)", ""]
    assert "all t-tests of this table together, 1 in number" in text
    assert "- Theirs, heel, seeds 42, 43:\n  `python -m medloc.run -m seed=42,43`" in text
    assert "`python -m medloc.reproduce table9`" in text
    assert "Not in this version: SFT-3B." in text
    assert text.endswith(".\n")


def test_latex(table):
    text = latex([table])
    assert text.isascii()
    assert r"Ours\_1" in text
    assert r"\textbf{93.00} $\pm$ 3.61 (3)" in text
    assert r"\underline{94.19} $\pm$ 1.94" in text
    assert r"\caption{Table 9: $\delta$; phantom data. Percent.}" in text
    for opened in re.findall(r"\\begin\{(.*?)\}", text):
        assert text.count(rf"\begin{{{opened}}}") == text.count(rf"\end{{{opened}}}")
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert {line.count("&") for line in body if "textbf{HEEL}" not in line} == {5, 10}


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("r̄ ≥ P", r"$\bar{r}$ $\geq$ P"),
        ("50 % of a_b & c#{}", r"50 \% of a\_b \& c\#\{\}"),
        ("\\ ~ ^ $ < >", r"\textbackslash{} \textasciitilde{} \textasciicircum{} \$ $<$ $>$"),
        ("é", "é"),
    ],
)
def test_latex_escapes(text, escaped):
    assert escape(text) == escaped


def test_csv_holds_every_number(table):
    found = list(csv.DictReader(io.StringIO(csv_text([table]))))
    assert [(row["row"], row["kind"], row["dataset"]) for row in found] == [
        ("Ours_1", "trained", "heel"),
        ("Ours_1", "trained", "tn3k"),
        ("Theirs", "trained", "heel"),
        ("Δ Ours_1", "difference", "heel"),
    ]
    first = {key: value for key, value in found[0].items() if value}
    assert first == {
        "table": "table9",
        "part": "Table 9: δ",
        "group": "1",
        "setting": "phantom data",
        "row": "Ours_1",
        "kind": "trained",
        "dataset": "heel",
        "metric": "a50",
        "mean": "93.0000",
        "sd": "3.6056",
        "n": "3",
        "mark": "best",
        "paper_mean": "94.1900",
        "paper_sd": "1.9400",
        "paper_mark": "second",
    }
    assert (found[2]["mean"], found[2]["sd"], found[2]["n"]) == ("", "", "0")
    compared = {key: value for key, value in found[3].items() if value}
    assert (
        compared
        | {
            "mean": "31.0000",
            "stars": "***",
            "paper_mean": "27.4000",
            "paper_stars": "***",
            "t_low": "28.5159",
            "t_high": "33.4841",
            "p": "0.000347",
            "p_holm": "0.0031",
            "p_sign_flip": "0.25",
            "image_difference": "30.5000",
            "image_low": "28.2500",
            "image_high": "33.0000",
            "images": "500",
            "image_groups": "321",
        }
        == compared
    )


def test_counts_are_whole_numbers():
    place = Place("heel", "train")
    counted = Table(
        "table5", "t", "h", "l", (place,), (), (Line("nv", "added", {place: Entry(Count(7), Count(5367))}),)
    )
    assert [field.text for field in main_grids(counted)[0].rows[0]] == ["nv", "7", "5367"]
    assert "nv,added,heel,train,7,,1,,5367" in csv_text([counted])


def test_a_sampled_sign_flip_test_is_said_to_be_sampled(table):
    counted = markdown([table])
    compared = replace(table.comparisons[0], flip=SignFlip(0.25, sampled=True))
    drawn = markdown([replace(table, comparisons=(compared,))])
    assert "drawn at random" not in counted
    assert "Above 16 seeds the sign-flip test counts 99,999 patterns of signs that are drawn at random" in drawn
