from collections import Counter

import pytest

from medloc.report.claims import Verdict, claim_word, claims_table, comparisons_table, judge_claims
from medloc.report.claims.read import Comparison, RowName, paper_claims

from .evidence import MadeUp, claim_of

LABEL = "phantom data, tiny models, train=tiny, 250 steps"


def made(*words, p=None, fills=()):
    """Verdicts of one claim, with these words."""
    comparison = Comparison("greater", RowName("table1", "Ours"), RowName("table1", "Theirs"), "heel", "a50")
    claim = claim_of((comparison,) * len(words), "greater", "by any amount")
    values = p or [None] * len(words)
    return [Verdict(claim, comparison, word, p=value, fills=fills) for word, value in zip(words, values, strict=True)]


def of(verdicts, name):
    return [verdict for verdict in verdicts if verdict.claim.id == name]


def test_with_no_run_all_is_missing_or_not_testable():
    verdicts = judge_claims(MadeUp())
    assert {verdict.word for verdict in verdicts} == {"missing", "not testable here"}
    assert len(verdicts) == sum(max(1, len(claim.comparisons)) for claim in paper_claims().claims)
    assert {name for verdict in verdicts for name in verdict.fills} == {
        "table1", "table2", "table3", "table4", "table6", "table7", "table8",
        "figure1", "figure3", "figure6", "figure7",
    }  # fmt: skip
    assert all(verdict.fills for verdict in verdicts if verdict.word == "missing")


def test_runs_like_the_papers_agree_with_its_table():
    # Table 2 with a hair of noise: full above all, and the one dual below every single, as the audit says
    printed = {
        "Full (Ours)": 94.96, "w/o Reward Check": 82.33, "w/o IoU Margin Check": 90.86, "w/o Stability Check": 89.72,
        "Only Reward Check": 88.32, "Only IoU Margin Check": 84.92, "Only Stability Check": 86.87,
    }  # fmt: skip
    noise = [
        (0.1, -0.1, 0),
        (0, 0.1, -0.1),
        (-0.1, 0, 0.1),
        (0.1, 0, -0.1),
        (0, -0.1, 0.1),
        (0.05, 0, -0.05),
        (0, 0, 0),
    ]
    rows = {row: [mean + one for one in extra] for (row, mean), extra in zip(printed.items(), noise, strict=True)}
    verdicts = judge_claims(MadeUp(rows))
    assert claim_word(of(verdicts, "full-best")) == "holds"
    assert claim_word(of(verdicts, "removing-drops")) == "holds"
    assert Counter(verdict.word for verdict in of(verdicts, "single-below-dual")) == {"holds": 9, "fails": 3}
    assert claim_word(of(verdicts, "single-below-dual")) == "fails"
    assert claim_word(of(verdicts, "table2-order")) == "holds"
    assert claim_word(of(verdicts, "adaptive-best")) == "missing"


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (("holds", "holds"), "holds"),
        (("holds", "fails"), "fails"),
        (("missing", "fails"), "fails"),
        (("holds", "undecided"), "undecided"),
        (("holds", "missing"), "undecided"),
        (("missing", "missing"), "missing"),
        (("not testable here",), "not testable here"),
    ],
)
def test_a_claim_from_its_comparisons(words, word):
    assert claim_word(made(*words)) == word


def test_the_ledger_has_one_row_per_claim_under_its_label():
    verdicts = judge_claims(MadeUp())
    table = claims_table(verdicts, LABEL)
    assert LABEL in table.heading
    assert len(table.rows) == len(paper_claims().claims)
    assert {len(row) for row in table.rows} == {len(table.header)}
    row = next(row for row in table.rows if row[1].startswith("“Piecewise decay attains"))
    assert row[3:] == ("missing", "18: 18 missing; python -m medloc.reproduce table1")
    row = next(row for row in table.rows if "semantically rich" in row[1])
    assert row[3:] == ("not testable here", "reasoning quality; the tiny bases answer with a box only")


def test_what_fails_is_counted_before_and_after_holm():
    # p .001, .04 and .02 times 3, 1 and 2: .003, .04, .04, all below .05; with .03 for .02: .06
    (row,) = claims_table(made("fails", "fails", "holds", p=[0.001, 0.04, 0.02]), LABEL).rows
    assert row == ("Section 4.2", "“ours is better”", "by any amount", "fails", "3: 1 holds, 2 fails (2 after Holm)")
    (row,) = claims_table(made("fails", "fails", "holds", p=[0.001, 0.04, 0.03]), LABEL).rows
    assert row[4] == "3: 1 holds, 2 fails (1 after Holm)"
    (row,) = claims_table(made("fails", "fails"), LABEL).rows
    assert row[4] == "2: 2 fails"  # no p-value, no correction
    (row,) = claims_table(made("holds", "missing", fills=("table1",)), LABEL).rows
    assert row[3:] == ("undecided", "2: 1 holds, 1 missing; python -m medloc.reproduce table1")


def test_comparisons_print_ours_beside_the_papers():
    values = MadeUp({"MedLoc-R1-3B piecewise": [60, 61, 62], "Raw-IoU-3B": [50, 50, 50]})
    table = comparisons_table(judge_claims(values), LABEL)
    assert LABEL in table.heading
    assert {len(row) for row in table.rows} == {len(table.header)}
    found = [row for row in table.rows if row[0] == "over-raw-iou" and row[1].startswith("A@0.8")]
    # 10, 11, 12: 11 ± 2.48; p = 1 - 11√3 / √(2 + 363) = .00274, times nine equal ones = .0247
    assert found[1] == (
        "over-raw-iou", "A@0.8: MedLoc-R1-3B piecewise > Raw-IoU-3B", "HEEL", "+35.86",
        "+11.00", "+8.52 to +13.48", "3", "0.0247", "holds", "",
    )  # fmt: skip
    row = next(row for row in table.rows if row[0] == "piecewise-highest")
    assert row[4:] == ("-", "-", "-", "-", "missing", "python -m medloc.reproduce table1")


def test_other_relations_read_as_sentences():
    sentences = {row[0]: row[1] for row in comparisons_table(judge_claims(MadeUp()), LABEL).rows}
    assert sentences["stable-growth"] == "A@0.5: MedLoc-R1-3B piecewise more stable than VLM-R1-3B"
    assert sentences["larger-gains-at-a80"] == "gain at A@0.8 over that at A@0.5: MedLoc-R1-3B piecewise > Raw-IoU-3B"
    assert sentences["adaptive-margin-aggressive"] == "A@0.5: Adaptive (Ours) > Fixed-Aggressive by +20"
    assert sentences["boxmed-is-raw-iou"] == "A@0.5: BoxMed-RL ≈ Raw-IoU-3B"
    assert sentences["failures-are-imprecise"] == "failures that overlap: MedLoc-R1-3B piecewise > 50 %"


def test_a_ratio_is_printed_as_one():
    values = MadeUp({"MedLoc-R1-3B piecewise": [50, 51, 52], "VLM-R1-3B": [40, 50, 60]})
    rows = comparisons_table(judge_claims(values), LABEL).rows
    row = next(row for row in rows if row[0] == "stabilizing")
    # 10 / 6.245 and 10 * 6.245
    assert row[4:] == ("× 10.00", "× 1.60 to × 62.45", "3", "-", "holds", "ratio of sds")


def test_same_values_same_bytes():
    values = MadeUp({"MedLoc-R1-3B piecewise": [60, 61, 62], "Zero Shot-3B": [10]})
    assert comparisons_table(judge_claims(values), LABEL) == comparisons_table(judge_claims(values), LABEL)
