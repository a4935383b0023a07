"""Killed at random moments, repeated until done: everything is as if nothing had happened, bit for bit."""

import random

import pytest

from tests.faults.left import left, states
from tests.faults.moments import PHASES, noted
from tests.faults.process import KILLED, WINDOW, Command, run

pytestmark = pytest.mark.faults

MOMENTS = dict.fromkeys(PHASES, 4) | {"record": 3, "pictures": 2}  # kills in each phase
MOST_REPEATS = 8
SEED = 20260328


def plan():
    """Returns phase, place within the phase, delay in s (None: at the very operation), share at which to kill again."""
    draw = random.Random(SEED)
    for phase, kills in MOMENTS.items():
        for number in range(kills):
            sharp = number % 2 == 0 or phase in ("record", "pictures")
            again = draw.random() if number % 3 == 0 else None
            yield phase, draw.random(), None if sharp else draw.uniform(0, 0.06), again


@pytest.mark.parametrize(("phase", "place", "delay", "again"), plan())
def test_killed_at_a_random_moment(phase, place, delay, again, whole, tmp_path, tally):
    moments = [number for number, its in noted(whole / "logs" / "moments", "phase") if its == phase]
    stop = moments[int(place * len(moments))]
    with tally(f"kill -9: {phase}"):
        if delay is None:
            assert run(tmp_path, WINDOW, stop=stop).status == KILLED
        else:
            command = Command(tmp_path, WINDOW, stop=stop, act="tell")
            command.kill(delay)
            assert command.wait().status in (KILLED, 0)  # 0: it was faster
        if again is not None:
            run(tmp_path, WINDOW, stop=int(again * stop))
        for _ in range(MOST_REPEATS):
            ended = run(tmp_path, WINDOW)
            if ended.status == 0:
                break
        assert ended.status == 0, ended.err
        assert "nothing to do" in run(tmp_path, WINDOW).out
        assert left(tmp_path) == left(whole)
        assert states(tmp_path) == states(whole)


@pytest.mark.parametrize("more", [["method=sft"], ["method=dr_seg"], ["train.keep_checkpoints=1"]])
def test_killed_again_and_again(more, tmp_path, tally):
    """Every few operations, as on a machine that is taken away all the time."""
    undisturbed, torn = tmp_path / "undisturbed", tmp_path / "torn"
    assert run(undisturbed, *more).status == 0
    total = len(noted(undisturbed / "logs" / "moments", "phase"))
    draw = random.Random(SEED)
    kills = sorted(draw.sample(range(total // 8, total), 5))
    with tally(f"kill -9: five times in a row, {' '.join(more)}", tries=5):
        for stop in kills:
            run(torn, *more, stop=stop)
        assert run(torn, *more).status == 0
        assert left(torn) == left(undisturbed)
        assert states(torn) == states(undisturbed)
