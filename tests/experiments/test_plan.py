"""The plan counts a shared run once, knows what is there, and estimates from what was measured."""

from dataclasses import replace

import pytest

from medloc.experiments import plan as planning
from medloc.experiments.estimate import Clock, duration
from medloc.experiments.plan import Setup, make_plan, obstacle, plan_text, run_state, wanted
from medloc.experiments.reduced import WHOLE, ReducedGrid
from medloc.experiments.rows import planned_run
from medloc.runs import NUMERICS, write_record
from medloc.spec.compose import compose_job
from tests.report.conftest import fabricate


def setup(results, *names, grid=WHOLE, roots=None):
    return Setup(wanted(names, "tiny", grid), results, grid, roots=roots or {})


def keep(results, *records):
    for record in records:
        write_record(results / "runs" / record.key, record)


def recorded(status, seed, dataset="ham10000", **more):
    """A record of the default method and length, 300 steps, in any state."""
    reason = "OSError: disk" if status == "failed" else None
    return fabricate(dataset=dataset, seed=seed, steps=300, status=status, reason=reason, **more)


def test_a_shared_run_is_counted_once_and_named(tmp_path):
    plan = make_plan(setup(tmp_path, "figure7", "figure8"))
    assert len(plan.items) == 27 + 3 - 1
    text = plan_text(plan, 1)
    assert "  N 30: 3 runs, 3 to do, time unknown\n" in text
    assert "  Refresh half: 3 runs, 3 shared with figure7 N 30\n" in text
    assert "  MedLoc-R1-3B piecewise: 3 runs, 1 shared with figure7 N 30, 2 to do, time unknown\n" in text
    assert f"29 distinct runs in {tmp_path}: 0 complete, 29 to do, 0 not runnable here.\n" in text


def test_what_stopped_or_failed_is_done_again_and_said(tmp_path):
    keep(tmp_path, recorded("failed", 42), recorded("running", 43))
    plan = make_plan(setup(tmp_path, "figure7"))
    assert [item.state for item in plan.items.values() if not item.run.identity["variant"]] == [
        *("failed", "interrupted", "missing")
    ]
    text = plan_text(plan, 1)
    assert "N 30: 3 runs, 3 to do (1 interrupted, 1 failed), time unknown" in text
    assert "failed before: figure7 N 30, ham10000, seed 42: OSError: disk" in text


@pytest.mark.parametrize(
    "other",
    [
        {"numerics": NUMERICS + 1},  # of other code
        {"origin": "real: HAM10000"},
        {"evaluated_on": "calibration"},
        {"config": {"train": {"max_steps": 4, "epochs": None}}},
        {"variant": "window.unit=group"},
        {"schedule": "cosine"},
        {"model": "tiny_m"},
    ],
    ids=str,
)
def test_a_record_of_another_kind_does_not_count(other, tmp_path):
    keep(tmp_path, recorded("failed", 42, **other))
    plan = make_plan(setup(tmp_path, "figure8"))
    run = planned_run(("method=medloc", "schedule=piecewise", "dataset=ham10000", "seed=42"))
    assert (plan.items[run].state, plan.items[run].reason) == ("missing", "")


def test_real_images_are_another_kind_of_data():
    record = recorded("failed", 42, origin="real: HAM")
    assert run_state([record], {"dataset.root": "/data/HAM"}) == ("failed", "OSError: disk")
    assert run_state([record], {}) == ("missing", "")


def test_time_is_the_median_of_such_runs_scaled_by_steps(tmp_path):
    other_seeds = [recorded("complete", seed, timings={"wall_s": wall}) for seed, wall in ((1, 90.0), (2, 110.0))]
    half = replace(recorded("complete", 3, timings={"wall_s": 60.0}), key="half")
    half.identity["steps"] = 150
    keep(tmp_path, *other_seeds, half)
    clock = Clock([*other_seeds, half])
    run = planned_run(("method=medloc", "dataset=ham10000", "seed=42"))
    assert clock.seconds(run, 300) == 110.0  # the median of 90, 110 and 60 x 300 / 150 = 120
    assert clock.seconds(run, 600) == 220.0
    assert clock.seconds(planned_run(("method=medloc", "dataset=heel")), 300) is None
    assert clock.seconds(planned_run(("method=vlm_r1", "dataset=ham10000")), 300) is None
    text = plan_text(make_plan(setup(tmp_path, "figure8")), 1)
    assert "MedLoc-R1-3B piecewise: 3 runs, 3 to do, about 2 min and 2 of unknown time" in text  # 110 s


def test_several_processes_share_the_time(tmp_path):
    keep(
        tmp_path,
        *[recorded("complete", 1, dataset, timings={"wall_s": 240.0}) for dataset in ("heel", "tn3k", "ham10000")],
    )
    text = plan_text(make_plan(setup(tmp_path, "figure8")), 2)
    assert "To do on 2 processes: about 6 min." in text  # 3 x 240 s / 2


def test_an_untrained_run_does_not_grow_with_the_steps():
    clock = Clock([fabricate(method="zero_shot", dataset="heel", timings={"wall_s": 5.0})])
    assert clock.seconds(planned_run(("method=zero_shot", "dataset=heel")), 300) == 5.0


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.4, "3 s"), (59, "59 s"), (90, "2 min"), (3599, "1 h 0 min"), (7500, "2 h 5 min")]
)
def test_a_time_reads_as_a_person_says_it(seconds, text):
    assert duration(seconds) == text


def test_what_is_not_there_is_named_with_its_remedy(monkeypatch, tmp_path):
    assert obstacle(planned_run(("method=medloc",))) is None
    assert obstacle(planned_run(("method=medloc", "model=tiny_xxl"))) == (
        "model=tiny_xxl: conf/model/tiny_xxl.yaml is not there"
    )
    monkeypatch.setattr(planning, "BASES", tmp_path)
    assert obstacle(planned_run(("method=medloc",))) == (
        "tiny_s: its base is not there; make it with `python -m medloc.pretrain model=tiny_s`"
    )
    assert obstacle(planned_run(("method=medloc", "model.path=/base"))) is None
    judged = planned_run(("method=medloc", "model.path=/base", "method.semantic_weight=0.5"))
    assert obstacle(judged) is not None
    assert "pretrain model=clip_tiny" in str(obstacle(judged))
    assert obstacle(planned_run((*judged.overrides, "method.semantic_model=/clip"))) is None


def test_a_thinned_plan_says_so(tmp_path):
    text = plan_text(make_plan(setup(tmp_path, "table5", grid=ReducedGrid(smoke=True))), 1)
    assert text.startswith("SMOKE: ")
    assert "  needs no run\n" in text


@pytest.mark.parametrize("method", ["vlm_r1", "medground_r1"])
def test_a_complete_run_is_known_by_all_the_weights_behind_it(method):
    """MedGround-R1's fingerprint holds that of the model behind its semantic reward."""
    from medloc.experiments.plan import _model_print
    from medloc.training.systems import load_system

    words = (f"method={method}",)
    assert _model_print(words) == load_system(compose_job(words).settings).fingerprint
