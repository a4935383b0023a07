import csv
import io
import re
from dataclasses import replace

import pytest

from medloc.report.tables.table import Number, Table
from medloc.report.tables.writers import Text, comparison_grids, csv_text, escape, latex, main_grids, markdown
from medloc.report.values import Missing

DIFFERENCE = Number(
    *("Δ Ours_1", "difference", "heel", "a50", 31.0, 1.0, 3),
    paper_mean=27.4,
    stars="***",
    paper_stars="***",
    t_low=28.5159,
    t_high=33.4841,
    p=0.000347,
    p_holm=0.0031,
    p_sign_flip=0.25,
    image_difference=30.5,
    image_low=28.25,
    image_high=33.0,
    images=500,
    image_groups=321,
)


@pytest.fixture
def table():
    """Two rows on two data sets, the second row on one of them, and one difference."""
    ours = Number("Ours_1", "trained", "heel", "a50", 93.0, 13**0.5, 3, "best", 94.19, 1.94, "second")
    return Table(
        name="table9",
        title="Table 9: δ",
        heading="phantom data",
        legend="Percent.",
        numbers=(
            ours,
            Number("Ours_1", "trained", "tn3k", "a50", 50.0, None, 1, "second"),
            Number("Theirs", "trained", "heel", "a50", paper_mean=66.79),
            DIFFERENCE,
            Number("Δ Ours_1", "difference", "tn3k", "a50"),
        ),
        facts={"σ ≤ S": {"Ours_1": "✓", "Theirs": "✗"}},
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
    assert [field.text for field in grid.rows[2]] == ["Δ Ours_1", "", "+31.00*** (3)", "+27.40***", "-", ""]


def test_several_metrics_give_one_grid_a_data_set(table):
    places = [("A", name, metric) for name in ("heel", "tn3k") for metric in ("a50", "a80")] + [("B", "heel", "a50")]
    numbers = tuple(Number(row, "trained", dataset, metric, 30.0, None, 1) for row, dataset, metric in places)
    wide = Table("table9", "t", "h", "l", numbers)
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
        ("Δ Ours_1", "difference", "tn3k"),
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
    number = Number("nv", "added", "heel", "train", 7, None, 1, paper_mean=5367)
    counted = Table("table5", "t", "h", "l", (number,))
    assert [field.text for field in main_grids(counted)[0].rows[0]] == ["nv", "7", "5367"]
    assert "nv,added,heel,train,7,,1,,5367" in csv_text([counted])


def test_a_sampled_sign_flip_test_is_said_to_be_sampled(table):
    drawn = markdown([replace(table, numbers=(DIFFERENCE._replace(n=17),))])
    assert "drawn at random" not in markdown([table])
    assert "Above 16 seeds the sign-flip test counts 99,999 patterns of signs that are drawn at random" in drawn
