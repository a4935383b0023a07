import math

import pytest
import yaml

from medloc.report import paper
from medloc.report.audit import KINDS, audit, audit_table, reachable, t_bounds, t_needed
from medloc.report.claims import read

CACHES = (paper.paper_table, paper.class_counts, paper._numbers, read.paper_claims)


def clear():
    for cache in CACHES:
        cache.cache_clear()


@pytest.fixture
def reprint(tmp_path, monkeypatch):
    """Audit the paper with other numbers: `reprint(change)` lets `change` edit them first."""

    def again(change):
        numbers = yaml.safe_load(paper.NUMBERS.read_text(encoding="utf-8"))
        change(numbers)
        path = tmp_path / "paper_numbers.yaml"
        path.write_text(yaml.safe_dump(numbers, sort_keys=False, allow_unicode=True), encoding="utf-8")
        monkeypatch.setattr(paper, "NUMBERS", path)
        clear()
        return audit()

    yield again
    clear()


def of_kind(kind, findings=None):
    return [finding for finding in (audit() if findings is None else findings) if finding.kind == kind]


def follows(kind, place, findings=None):
    """The one finding of a kind at a place."""
    (found,) = [finding for finding in of_kind(kind, findings) if finding.place.startswith(place)]
    return found.follows


def test_every_finding_has_a_known_kind_and_says_something():
    findings = audit()
    assert {finding.kind for finding in findings} == set(KINDS)
    assert all(all(finding) for finding in findings)
    assert [list(KINDS).index(finding.kind) for finding in findings] == sorted(
        list(KINDS).index(finding.kind) for finding in findings
    )


def test_one_difference_is_printed_wrong():
    assert of_kind("difference") == [
        ("difference", "Table 1, Δ (MedLoc-RawIoU), TN3K A@0.8", "+6.72**", "29.60 − 21.88 = 7.72")
    ]


def test_differences_in_sentences_are_recomputed(reprint):
    def change(numbers):
        numbers["table2"]["rows"]["w/o Reward Check"]["ham10000"] = [[82.34]]

    found = of_kind("difference", reprint(change))
    assert ("Section 4.3", "94.96 − 82.34 = 12.62") in [(finding.place, finding.follows) for finding in found]


def test_stars_no_three_pairs_can_earn():
    # |t| <= (Δ + .01)·√3 / (|s1 − s2| − .01); V-Triune HEEL: 26.57 * 1.732051 / (1.51 - .01) = 30.68 < 31.60
    assert [(finding.place.removeprefix("Table 1, Δ "), finding.printed) for finding in of_kind("stars")] == [
        ("(MedLoc-VLM), HAM10000 A@0.5", "+29.81*"),
        ("(MedLoc-VTriune), HEEL A@0.5", "+26.56***"),
        ("(MedLoc-RawIoU), HAM10000 A@0.5", "+1.60**"),
        ("(MedLoc-RawIoU), HAM10000 A@0.8", "+6.77**"),
        ("(MedLoc-RawIoU), HAM10000 mAP", "+7.20**"),
        ("(MedLoc-RawIoU), TN3K mAP", "+8.68***"),
    ]
    assert follows("stars", "Table 1, Δ (MedLoc-VTriune)") == (
        "3 pairs with sds 1.94 and 3.45 reach |t| ≤ 30.68; *** needs 31.60"
    )
    # one star too few: 29.80 * 1.732051 / (.89 + 2.93 + .01) = 13.48 >= 9.92
    assert follows("stars", "Table 1, Δ (MedLoc-VLM)") == (
        "3 pairs with sds 0.89 and 2.93 have |t| ≥ 13.48, beyond 9.92: ** is due"
    )


def test_t_bounds_by_hand():
    # difference 6, sds 1 and 4: 5.99 * √3 / 5.01 and 6.01 * √3 / 2.99
    least, greatest = t_bounds(6, 1, 4)
    assert least == pytest.approx(5.99 * math.sqrt(3) / 5.01)
    assert greatest == pytest.approx(6.01 * math.sqrt(3) / 2.99)
    assert t_bounds(-6, 4, 1) == (least, greatest)
    assert t_bounds(1, 2, 2)[1] == math.inf
    assert t_bounds(0, 1, 2)[0] == 0


def test_t_bounds_hold_for_triples():
    # 1 2 3 (sd 1) against 0 0 6 (sd 3.4641): differences 1 2 -3, mean 0; against 6 0 0: -5 2 3, mean 0; take 9 added
    first, sd = (1.0, 2.0, 3.0), math.sqrt(12)
    for second in ((0.0, 0.0, 6.0), (6.0, 0.0, 0.0), (0.0, 6.0, 0.0)):
        differences = [a - b + 9 for a, b in zip(first, second, strict=True)]
        mean = sum(differences) / 3
        t = mean * math.sqrt(3) / math.sqrt(sum((d - mean) ** 2 for d in differences) / 2)
        least, greatest = t_bounds(mean, 1.0, sd)
        assert least <= t <= greatest


def test_t_needed_with_two_degrees_of_freedom():
    # t = (1 - a) / sqrt(a (2 - a) / 2) for a two-tailed level a
    for stars, level in (("*", 0.05), ("**", 0.01), ("***", 0.001)):
        assert t_needed(stars) == pytest.approx((1 - level) / math.sqrt(level * (2 - level) / 2), rel=1e-6)


def test_one_system_has_three_values():
    (found,) = of_kind("value")
    assert found.place == "MedLoc-R1-3B with the piecewise schedule of Section 4.1, HAM10000 A@0.5"
    assert [part.split(" ")[0] for part in found.printed.split("; ")] == ["94.46", "94.96", "94.26"]
    assert "Table 7 Group size 8" in found.printed.split("; ")[0]
    assert found.follows.endswith("0.70 apart")


def test_table_8_repeats_the_cosine_row():
    (found,) = of_kind("row")
    assert found.printed == "93.96, 72.79, 70.71, 93.31, 47.67, 57.42"
    assert "Table 1's MedLoc-R1-3B cosine, not its MedLoc-R1-3B piecewise (94.46, 76.02," in found.follows


def test_a_row_of_the_default_schedule_is_no_finding(reprint):
    def change(numbers):
        rows = numbers["table1"]["rows"]["MedLoc-R1-3B piecewise"]
        for dataset in ("ham10000", "heel"):
            numbers["table8"]["rows"]["MedLoc-3B (Qwen)"][dataset] = [[cell[0]] for cell in rows[dataset]]

    assert of_kind("row", reprint(change)) == []


def test_550_against_544():
    assert follows("count", "Table 5, TN3K, test").startswith("the classes add up to 219 + 331 = 550")
    # the printed accuracies speak for 544
    assert "18 with 544 images and 7 with 550 images" in follows("count", "Table 5, TN3K, test")


def test_tn3k_is_not_split_8_to_2():
    # 2655 / 3199 = 0.82995
    assert follows("count", "Section 4.1") == "TN3K: 2655:544 is 8.3:1.7, an official split"


def test_sums_that_agree_are_no_finding(reprint):
    def change(numbers):
        numbers["table5"]["rows"]["tn3k"]["benign"] = [1723, 325]

    assert not any(finding.place.startswith("Table 5") for finding in reprint(change))


@pytest.mark.parametrize(
    ("change", "place", "text"),
    [
        (("images", 10016), "Appendix A, HAM10000", "its splits are [[8012, 2003]]"),
        (("parts", {"used": [8011, 2004]}), "Appendix A, HAM10000", "Table 5 has [8012, 2003]"),
        (("classes", {"nv": 6706}), "Appendix A, HAM10000", "Table 5 has [5367, 1338]"),
    ],
)
def test_other_counts_are_compared(reprint, change, place, text):
    def edit(numbers):
        numbers["text"]["counts"]["ham10000"] |= {change[0]: change[1]}

    assert follows("count", place, reprint(edit)) == text


@pytest.mark.parametrize(
    ("percent", "images", "possible"),
    [
        (33.33, 1, True),  # 1/3
        (45.18, 792, False),  # 2376 answers: 1073 are 45.160, 1074 are 45.202
        (9.74, 544, True),  # 159/1632 = 9.743
        (9.74, 550, False),  # 1650 answers: 160 are 9.697, 161 are 9.758
        (0.0, 792, True),
        (100.0, 792, True),
    ],
)
def test_which_means_three_runs_can_have(percent, images, possible):
    assert reachable(percent, images, runs=3) is possible


def test_every_count_is_reachable():
    for k in range(3 * 544 + 1):
        assert reachable(round(100 * k / (3 * 544), 2), 544, runs=3)


def test_cells_no_counts_can_give():
    found = {finding.place: finding.printed for finding in of_kind("count") if "test images" in finding.follows}
    assert found["Table 1, HEEL"] == (
        "45.18 (SFT-3B, A@0.8), 96.27 (MedLoc-R1-32B piecewise, A@0.5), 47.67 (MedLoc-R1-3B cosine, A@0.8)"
    )
    assert not any("HAM10000" in place for place in found)


def test_settings_that_disagree():
    found = [(finding.place, finding.printed) for finding in of_kind("setting")]
    assert found == [
        ("Table 6, HEEL (94.19) and TN3K (66.18)", "beta1 = 0.50"),
        ("Appendix B", "regimes τ < 0.75 and τ ≥ 0.80"),
        ("Appendix B", "δ = 0.15 while τ < 0.60"),
        ("Appendix B", "the last regime begins at τ = 0.80"),
    ]
    # 0.2, then 0.2 * (1 - 0.2 / 0.6) = 0.1333, then * 2/3 again
    assert follows("sentence", "Section 4.2", [f for f in audit() if "constant pace" in f.printed]).startswith(
        "Eq. 12 raises τ by 0.200, 0.133, 0.089, 0.059"
    )


def test_statistics_that_are_announced_and_not_printed():
    first, second = of_kind("spread")
    assert first.follows == "Tables 2, 3, 4, 6, 7, 8 print no standard deviation"
    assert second.follows == "Table 1 has no Δ row against Zero Shot-3B and SFT-3B"


def test_single_criteria_do_match_dual_ones():
    found = follows("sentence", "Section 4.3, Table 2")
    assert found.startswith("3 of 12 comparisons: ")
    assert all(f"w/o Reward Check 82.33, {single}" in found for single in (
        "Only Reward Check 88.32", "Only IoU Margin Check 84.92", "Only Stability Check 86.87"
    ))  # fmt: skip


def test_larger_models_are_not_always_better():
    (found,) = [finding for finding in of_kind("sentence") if "scales effectively" in finding.printed]
    assert "TN3K A@0.8 MedLoc-R1-7B piecewise 27.02, MedLoc-R1-3B piecewise 29.60" in found.follows
    assert "HEEL A@0.5 MedLoc-R1-32B piecewise 96.27, MedLoc-R1-7B piecewise 96.34" in found.follows
    assert found.follows.startswith("2 of 18")


def test_more_sentences_against_tables():
    found = {finding.printed: finding.follows for finding in of_kind("sentence")}
    by_words = {words: text for printed, text in found.items() for words in [printed.split("”")[0].lstrip("“")]}
    assert by_words["Piecewise decay attains the highest performance"] == (
        "1 of 18 comparisons: HEEL A@0.8 MedLoc-R1-3B piecewise 47.35, MedLoc-R1-3B cosine 47.67"
    )
    # 12 gains, SFT, VLM-R1, V-Triune, Raw-IoU on three sets: 0 2 1 2 are larger at A@0.8
    assert by_words["with particularly large gains at the stricter A@0.8 threshold"].startswith("7 of 12")
    # linear: 20.35 13.05 | 5.18 4.11 | 4.03 off; cosine: 3.23 3.20; linear - cosine: 17.12 9.85 | 5.50 | 3.74
    assert any(words.startswith("Despite") and text.startswith("11 of 27") for words, text in by_words.items())
    assert not any("outperforms all baselines under" in words for words in by_words)


def test_the_table_says_that_no_run_of_ours_takes_part():
    table = audit_table()
    assert "no run of ours" in table.heading
    assert len(table.rows) == len(audit())
    assert all(len(row) == len(table.header) for row in table.rows)
