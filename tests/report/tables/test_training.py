import pytest

from medloc.report.frame import group_records
from medloc.report.tables.training import heights_table, sparsity_table
from medloc.report.values import Values
from tests.report.conftest import fabricate, scores


def lines(tmp_path, *records):
    (group,) = group_records(records)
    return heights_table(Values(group, tmp_path)).rows


def run(used, a50, a80, **changes):
    """A run on HEEL whose threshold was `used`, step by step."""
    record = fabricate(series={"tau_used": used}, **changes)
    record.metrics["final"] = scores(a50, a80)
    return record


def test_runs_fall_into_their_heights_by_hand(tmp_path):
    raised = run([0.3, 0.3, 0.5, 0.6], 0.90, 0.10)  # (.5 + .6) / 2 = .55, the first of 0.55 to 0.60
    late = run([0.3, 0.3, 0.55, 0.6], 0.80, 0.20, seed=43)  # .575
    still = run([0.3] * 4, 0.60, 0.05, seed=44)
    # heights .3, .55, .575; A@0.5 60, 90, 80 has ranks 1, 3, 2: 1 - 6 (0 + 1 + 1) / (3 * 8) = .5; A@0.8 rises with them
    # A@0.5: mean 85, sd 10 / sqrt 2 = 7.07
    assert lines(tmp_path, raised, late, still) == (
        ("HEEL", "0.30 to 0.35", "1", "60.0", "5.0", "5.0 to 5.0"),
        ("HEEL", "0.55 to 0.60", "2", "85.0 ± 7.1", "15.0 ± 7.1", "10.0 to 20.0"),
        ("HEEL", "all", "3", "ρ = 0.50", "ρ = 1.00", ""),
    )


@pytest.mark.parametrize("tau", [0.05 * step for step in range(21)])
def test_a_threshold_that_stands_on_a_bound_belongs_above_it(tmp_path, tau):
    ((_, height, *_), _) = lines(tmp_path, run([tau] * 4, 0.9, 0.1))
    assert height.startswith(f"{tau:.2f} to ")


def test_runs_with_one_seed_and_equal_steps_count_once(tmp_path):
    """Training repeats itself to the bit, so two schedules that never part are one run."""
    schedules = ("piecewise", "identical", "fixed")
    same = [run([0.3, 0.45], 0.9, 0.1, schedule=schedule) for schedule in schedules]
    other = run([0.3, 0.45], 0.8, 0.1, seed=43)
    assert [row[2] for row in lines(tmp_path, *same, other)] == ["2", "2"]


def test_only_what_moves_the_threshold_may_differ(tmp_path):
    kept = [
        run([0.3, 0.4], 0.9, 0.1, variant="criteria=no_margin window.size=10"),
        run([0.5, 0.5], 0.9, 0.1, method="vlm_r1"),
    ]
    left_out = [
        run([0.3, 0.6], 0.9, 0.1, variant="train.beta=0.4"),
        run([0.3, 0.7], 0.9, 0.1, variant="window.size=10 train.group_size=4"),
        run([0.3, 0.8], 0.9, 0.1, model="tiny_m"),
        run([None, None], 0.9, 0.1, method="raw_iou"),
        run([0.3, 0.9], 0.9, 0.1, method="medloc_giou"),
    ]
    rows = lines(tmp_path, *kept, *left_out)
    assert [row[1] for row in rows] == ["0.40 to 0.45", "0.50 to 0.55", "all"]
    assert rows[-1][3:5] == ("-", "-")  # no accuracy varies
    assert lines(tmp_path, *left_out) == ()


def test_the_trace_beside_a_record_serves_as_well(results, values):
    record = fabricate(method="vlm_r1")
    folder = results(record)
    (folder / "runs" / record.key / "trace.jsonl").write_text('{"tau_used": 0.5}\n{"tau_used": 0.5}\n')
    table = heights_table(values(record))
    assert table.heading.startswith("Where the threshold stood: phantom data, tiny models")
    assert table.rows[0][1:3] == ("0.50 to 0.55", "1")


def sparse_lines(tmp_path, *records):
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
    rows = sparse_lines(tmp_path, fabricate(seed=42, series=first), fabricate(seed=43, series=second))
    assert rows == (
        ("MedLoc-R1-3B piecewise", "HEEL", "2", "62.5 → 31.2", "50.0 → 25.0", "0.30 to 0.45", "1 of 8 steps"),
    )


def test_a_few_raises_are_named_by_their_steps_and_many_are_counted(tmp_path):
    long = {"all_miss": [0.5] * 40, "dead": [0.5] * 40, "tau_used": [0.3] * 10 + [0.45] * 30}
    raised = fabricate(series=long | {"tau": [0.3] * 9 + [0.45] * 31})
    creeping = fabricate(series=long | {"tau": [0.31] * 40}, schedule="linear")
    assert [row[-1] for row in sparse_lines(tmp_path, raised, creeping)] == ["10", "40 of 40 steps"]


def test_runs_that_creep_share_one_range_of_counts(tmp_path):
    long = {"all_miss": [0.5] * 40, "dead": [0.5] * 40, "tau_used": [0.3] * 40}
    taus = [0.3] * 39 + [0.45], [0.31] * 40, [0.3] * 20 + [0.31] * 20  # 1, 40 and 20 moves
    seeds = [fabricate(seed=42 + at, series=long | {"tau": tau}) for at, tau in enumerate(taus)]
    assert [row[-1] for row in sparse_lines(tmp_path, *seeds)] == ["40; 20 to 40 of 40 steps"]


def test_what_was_not_written_down_is_missing(tmp_path):
    nothing = dict.fromkeys(("all_miss", "dead", "tau", "tau_used"), [None] * 8)
    assert sparse_lines(tmp_path, fabricate(method="sft", series=nothing)) == ()
    bare = fabricate(method="raw_iou", series={"dead": [0.25] * 8})
    assert sparse_lines(tmp_path, bare) == (("Raw-IoU-3B", "HEEL", "1", "-", "25.0 → 25.0", "-", "-"),)
