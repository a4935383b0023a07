import copy
from collections import Counter

import pytest
import yaml

from medloc.report.claims.read import (
    CLAIMS,
    Comparison,
    RowName,
    paper_claims,
    printed_cell,
    printed_difference,
    read_claims,
)
from medloc.report.paper import PaperCell


def claim(name):
    return next(claim for claim in paper_claims().claims if claim.id == name)


def one_claim(**changes):
    """A file with one claim, `changes` made to it; None takes a key away."""
    entry = {
        "id": "one",
        "place": "Section 4.2",
        "quote": "MedLoc beats VLM-R1",
        "relation": "greater",
        "experiment": "table1",
        "subjects": ["MedLoc-R1-3B piecewise"],
        "objects": ["VLM-R1-3B"],
        "datasets": ["heel"],
        "metrics": ["a80"],
    } | changes
    entry = {key: value for key, value in entry.items() if value is not None}
    return {"similar_within": 3.0, "versions": {}, "untrained": [], "claims": [entry]}


def test_the_ledger_is_large_and_every_kind_is_in_it():
    claims = paper_claims().claims
    assert len(claims) >= 70
    assert {claim.relation for claim in claims} == {
        "greater", "as printed", "similar", "larger gain", "faster", "denser", "more stable", "overlapping",
        "not testable here",
    }  # fmt: skip
    places = Counter(claim.place.split(",")[0].split(" ")[0] for claim in claims)
    assert set(places) >= {"Abstract", "Section", "Sections", "Appendix", "Figure", "Table"}


def test_claims_without_comparison_say_why():
    for claim in paper_claims().claims:
        assert bool(claim.reason) == (claim.relation == "not testable here") == (not claim.comparisons)
        assert claim.place
        assert claim.quote


def test_subjects_times_objects_times_sets_times_metrics():
    assert len(claim("all-baselines").comparisons) == 1 * 7 * 3 * 3
    assert len(claim("single-below-dual").comparisons) == 4 * 3
    assert claim("single-below-dual").comparisons[0] == Comparison(
        "greater", RowName("table2", "Full (Ours)"), RowName("table2", "Only Reward Check"), "ham10000", "a50"
    )


def test_pairs_and_rows_of_other_experiments():
    first, *_ = claim("boxmed-is-raw-iou").comparisons
    assert first.subject == ("table7", "BoxMed-RL")
    assert first.object == ("table1", "Raw-IoU-3B")
    assert (first.relation, first.margin) == ("similar", 3.0)
    assert [str(each.object) for each in claim("adaptive-bounds").comparisons] == [
        "Fixed-Conservative",
        "Fixed-Aggressive",
    ]
    assert claim("method-three-metrics").comparisons[0].object == ("table2", "w/o Reward Check")


def test_a_relation_as_printed_puts_the_greater_row_first():
    # HAM10000: Raw-IoU 92.86 above SFT 90.31; HEEL: SFT 92.01 above Raw-IoU 74.24
    found = {
        each.dataset: str(each.subject)
        for each in claim("table1-baselines").comparisons
        if {str(each.subject), str(each.object)} == {"SFT-3B", "Raw-IoU-3B"} and each.metric == "a50"
    }
    assert found == {"ham10000": "Raw-IoU-3B", "heel": "SFT-3B", "tn3k": "SFT-3B"}
    assert all(printed_difference(each) > 0 for each in claim("table1-baselines").comparisons)


def test_what_the_paper_prints():
    subject, compared = RowName("table1", "MedLoc-R1-3B piecewise"), RowName("table1", "VLM-R1-3B")
    assert printed_cell(subject, "heel", "a80") == PaperCell(47.35, 2.67)
    assert printed_cell(RowName("figure3", "VLM-R1-3B"), "heel", "a50") is None
    assert printed_cell(RowName("table5", "nv"), "heel", "a50") is None
    assert printed_cell(subject, "heel", "mean_iou") is None
    assert printed_cell(None, "heel", "a50") is None
    assert printed_difference(Comparison("greater", subject, compared, "heel", "a80")) == 43.18
    # 43.18 - 27.40
    gain = Comparison("larger gain", subject, compared, "heel", "a80", than_metric="a50")
    assert printed_difference(gain) == pytest.approx(15.78)
    assert printed_difference(Comparison("more stable", subject, compared, "heel", "a80")) is None
    assert printed_difference(Comparison("greater", subject, compared, "heel", "mean_iou")) is None


def test_every_row_of_a_table_is_the_papers():
    versions = paper_claims().versions
    assert versions == {"V-Triune-3B": ("V-Triune-3B", "V-Triune-3B matched")}
    for claim in paper_claims().claims:
        for each in claim.comparisons:
            for row in (each.subject, each.object):
                if row and row.experiment.startswith("table") and each.metric in ("a50", "a80", "map"):
                    assert printed_cell(row, each.dataset, each.metric), (claim.id, row)


def test_every_row_is_one_of_an_experiment():
    experiments = pytest.importorskip("medloc.experiments.catalog")
    known = {each.name: {row.name: row.datasets for row in each.rows} for each in experiments.experiments()}
    listed = paper_claims()
    rows = {
        (row.experiment, name, each.dataset)
        for claim in listed.claims
        for each in claim.comparisons
        for row in (each.subject, each.object)
        if row
        for name in listed.versions.get(row.name, (row.name,))
    }
    for experiment, name, dataset in rows:
        assert dataset in known[experiment].get(name, ()), f"{experiment} has no row {name} on {dataset}"
    assert listed.untrained <= set(known["table1"]) | set(known["table8"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"relation": "better"}, "one.relation=better: Input should be 'greater', 'as printed'"),
        ({"objects": None}, "one: give subjects and objects, pairs, or rows"),
        ({"relation": "overlapping", "metrics": ["overlap"]}, "one: give subjects"),
        ({"pairs": [["a", "b"]]}, "one: give subjects and objects, pairs, or rows"),
        ({"quote": None}, "one.quote is missing"),
        ({"margn": 3.0}, "one.margn is no key there; the keys are id, place, quote"),
        ({"reason": "none"}, "one: give datasets, experiment, metrics, and no reason"),
        ({"datasets": ["HEEL"]}, "one.datasets.0=HEEL: Input should be 'ham10000', 'heel' or 'tn3k'"),
        ({"metrics": []}, "one: give datasets, experiment, metrics, and no reason"),
        ({"metrics": ["a60"]}, "one: metrics=.* must be among a50, a80, map, mean_iou for relation=greater"),
        ({"metrics": "a50"}, "one.metrics=a50: Input should be a valid tuple"),
        ({"margin": "much"}, "one.margin=much: Input should be a valid number"),
        ({"until": 0}, "one.until=0: Input should be greater than 0"),
        ({"relation": "denser"}, "one: metrics=.* must be among reward, live"),
        ({"relation": "larger gain"}, "one: than_metric belongs to a larger gain"),
        ({"than_metric": "a50"}, "one: than_metric belongs to a larger gain"),
        ({"relation": "not testable here"}, "one: give a reason why it is not testable"),
        (
            {"relation": "as printed", "objects": ["VLM-R1"]},
            "prints no relation of MedLoc-R1-3B piecewise and VLM-R1 at",
        ),
    ],
)
def test_a_defect_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        read_claims(one_claim(**changes))


def test_an_id_stands_for_one_claim():
    found = copy.deepcopy(yaml.safe_load(CLAIMS.read_text(encoding="utf-8")))
    found["claims"].append(found["claims"][0])
    with pytest.raises(ValueError, match="id=abstract-accuracy is there 2 times"):
        read_claims(found)
