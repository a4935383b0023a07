"""Failed runs are tried again a bounded number of times, after the others; the summary is exact."""

from medloc.experiments.execute import execute
from medloc.experiments.launchers import Result
from medloc.experiments.plan import Setup, make_plan, wanted
from medloc.experiments.reduced import ReducedGrid


def plan(tmp_path):
    """Figure 8's three runs, none of them there."""
    return make_plan(Setup(wanted(("figure8",), "tiny", ReducedGrid()), tmp_path))


class Launch:
    """Fails each data set as often as it is told to, and remembers what it was given."""

    def __init__(self, **failures):
        self.failures, self.rounds = failures, []

    def __call__(self, tasks):
        self.rounds.append([run.identity["dataset"] for run, _ in tasks])
        for run, overrides in tasks:
            assert overrides[:-1] == run.overrides
            dataset = run.identity["dataset"]
            left = self.failures.get(dataset, 0)
            self.failures[dataset] = left - 1
            yield Result(run, "OSError: disk" if left > 0 else None, seconds=60, steps=400, a50=0.25)


def done(tmp_path, launch, retries=1):
    lines = []
    return execute(plan(tmp_path), launch, retries, 1, lines.append), lines


def test_a_failed_run_is_tried_again_after_the_others(tmp_path):
    launch = Launch(heel=1)
    tally, lines = done(tmp_path, launch)
    assert launch.rounds == [["heel", "tn3k", "ham10000"], ["heel"]]
    assert (len(tally.complete), tally.failed) == (3, {})
    assert lines == [
        "[0/3] figure8 MedLoc-R1-3B piecewise, heel, seed 42: failed, will be tried again: OSError: disk",
        "[1/3] figure8 MedLoc-R1-3B piecewise, tn3k, seed 42: A@0.5 25.00, 1 min",
        "[2/3] figure8 MedLoc-R1-3B piecewise, ham10000, seed 42: A@0.5 25.00, 1 min",
        "1 failed; trying again.",
        "[3/3] figure8 MedLoc-R1-3B piecewise, heel, seed 42: A@0.5 25.00, 1 min",
    ]


def test_the_number_of_attempts_is_bounded(tmp_path):
    launch = Launch(heel=9)
    tally, lines = done(tmp_path, launch, retries=2)
    assert launch.rounds[1:] == [["heel"], ["heel"]]
    assert [run.identity["dataset"] for run in tally.complete] == ["tn3k", "ham10000"]
    assert {run.identity["dataset"]: reason for run, reason in tally.failed.items()} == {"heel": "OSError: disk"}
    assert lines[-1] == "[3/3] figure8 MedLoc-R1-3B piecewise, heel, seed 42: failed: OSError: disk"


def test_a_mistake_in_the_settings_is_not_tried_again(tmp_path):
    rounds = []

    def launch(tasks):
        rounds.append(len(tasks))
        return (Result(run, "train.x is not known", again=False) for run, _ in tasks)

    tally, _ = done(tmp_path, launch)
    assert rounds == [3]
    assert len(tally.failed) == 3


def test_what_another_process_is_making_is_waited_for_and_is_no_failure(tmp_path, monkeypatch):
    pauses, claimed = [], {"tn3k": 2}
    monkeypatch.setattr("medloc.experiments.execute.time.sleep", pauses.append)
    plain = Launch(heel=1)

    def launch(tasks):
        for (run, _), result in zip(tasks, plain(tasks), strict=True):
            dataset = run.identity["dataset"]
            claimed[dataset] = claimed.get(dataset, 0) - 1
            yield Result(run, "is being made by another", claimed=True) if claimed[dataset] >= 0 else result

    tally, lines = done(tmp_path, launch)
    assert plain.rounds == [["heel", "tn3k", "ham10000"], ["heel", "tn3k"], ["tn3k"]]
    assert (len(tally.complete), tally.failed) == (3, {})
    assert lines[2] == "1 failed; trying again."
    assert lines[4] == "1 being made by another process; waiting for them."
    assert len(pauses) == 1
