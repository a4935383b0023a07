from medloc.report.groups import group_records
from medloc.report.sparsity import sparsity_table
from medloc.report.values import Values
from tests.report.conftest import fabricate


def lines(tmp_path, *records):
    (group,) = group_records(records)
    return sparsity_table(Values(group, tmp_path)).rows


def course(**columns):
    """Eight steps, so that a quarter is two."""
    still = {"tau_used": [0.3] * 8, "tau": [0.3] * 8, "all_miss": [0.5] * 8, "dead": [0.5] * 8}
    return still | columns


def test_quarters_and_raises_by_hand(tmp_path):
    first = course(
        all_miss=[1.0, 0.5, 0, 0, 0, 0, 0.25, 0.0],  # (1 + .5) / 2 = .75, (.25 + 0) / 2 = .125
        dead=[1.0, 1.0, 0, 0, 0, 0, 0.5, 0.5],
        tau_used=[0.3] * 8,
        tau=[0.3] * 7 + [0.45],
    )
    second = course(all_miss=[0.5] * 8, dead=[0.0] * 8)  # means with the first: .625 and .3125, .5 and .25
    rows = lines(tmp_path, fabricate(seed=42, series=first), fabricate(seed=43, series=second))
    assert rows == (
        ("MedLoc-R1-3B piecewise", "HEEL", "2", "62.5 → 31.2", "50.0 → 25.0", "0.30 to 0.45", "1 of 8 steps"),
    )


def test_a_few_raises_are_named_by_their_steps_and_many_are_counted(tmp_path):
    long = {"all_miss": [0.5] * 40, "dead": [0.5] * 40, "tau_used": [0.3] * 10 + [0.45] * 30}
    raised = fabricate(series=long | {"tau": [0.3] * 9 + [0.45] * 31})
    creeping = fabricate(series=long | {"tau": [0.31] * 40}, schedule="linear")
    assert [row[-1] for row in lines(tmp_path, raised, creeping)] == ["10", "40 of 40 steps"]


def test_runs_that_creep_share_one_range_of_counts(tmp_path):
    long = {"all_miss": [0.5] * 40, "dead": [0.5] * 40, "tau_used": [0.3] * 40}
    taus = [0.3] * 39 + [0.45], [0.31] * 40, [0.3] * 20 + [0.31] * 20  # 1, 40 and 20 moves
    seeds = [fabricate(seed=42 + at, series=long | {"tau": tau}) for at, tau in enumerate(taus)]
    assert [row[-1] for row in lines(tmp_path, *seeds)] == ["40; 20 to 40 of 40 steps"]


def test_what_was_not_written_down_is_missing(tmp_path):
    nothing = dict.fromkeys(("all_miss", "dead", "tau", "tau_used"), [None] * 8)
    assert lines(tmp_path, fabricate(method="sft", series=nothing)) == ()
    bare = fabricate(method="raw_iou", series={"dead": [0.25] * 8})
    assert lines(tmp_path, bare) == (("Raw-IoU-3B", "HEEL", "1", "-", "25.0 → 25.0", "-", "-"),)
