"""Curriculum against the literal transcription, over thousands of random streams and every combination."""

import random
from itertools import product

import pytest

from medloc.curriculum import curriculum_from
from tests.curriculum.configs import CRITERIA, REFRESHES, SCHEDULES, STRATEGIES, UNITS, config
from tests.curriculum.reference import Reference

KINDS = {  # mean IoU at the share `way` of the stream, and its spread
    "improving": (lambda way: 0.35 + 0.65 * way, 0.10),
    "noisy": (lambda way: 0.4 + 0.5 * way, 0.35),
    "flat": (lambda way: 0.62, 0.05),
    "stepwise": (lambda way: (0.45, 0.6, 0.75, 0.95)[int(way * 4)], 0.08),
}


def stream(kind, seed, steps, groups, size):
    draw = random.Random(f"{kind} {seed}")
    centre, spread = KINDS[kind]
    for k in range(steps):
        mean = centre(k / steps)
        yield [[min(1.0, max(0.0, draw.gauss(mean, spread))) for _ in range(size)] for _ in range(groups)]


def raises_compared(settings, steps):
    """Feed one stream to both; return how often tau rose."""
    ours, literal, raises = curriculum_from(settings), Reference(settings), 0
    for groups in steps:
        decision = ours.observe(groups)
        used, tau, *statistics, updated = literal.observe(groups)
        assert (decision.tau_used, decision.tau, decision.updated) == (used, tau, updated)
        found = (decision.mean_reward, decision.reward_std, decision.iou_margin)
        for value, expected in zip(found, statistics, strict=True):
            # Both are rounded to 9 decimals; the order of a sum may tip the last one.
            assert value == expected or abs(value - expected) < 1.5e-9
        raises += updated
    return raises


def combinations(schedule, sizes):
    for criteria, strategy, refresh, unit, size in product(CRITERIA, STRATEGIES, REFRESHES, UNITS, sizes):
        yield config(schedule, criteria, strategy, size, refresh, unit)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_combination_takes_the_path_of_the_equations(schedule):
    raises = 0
    for seed, settings in enumerate(combinations(schedule, sizes=(1, 4, 7))):
        kind = list(KINDS)[seed // 3 % len(KINDS)]
        groups, size = 1 + seed % 3, (1, 2, 4, 8)[seed % 4]
        raises += raises_compared(settings, stream(kind, seed, steps=40, groups=groups, size=size))
    assert raises == 0 if schedule == "fixed" else raises > 500


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_papers_settings_take_the_path_of_the_equations(schedule, kind):
    for seed, unit in product(range(4), UNITS):
        raises_compared(config(schedule, size=30, unit=unit), stream(kind, seed, steps=250, groups=8, size=8))


@pytest.mark.slow
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_combination_on_every_kind_of_stream(schedule):
    for seed, settings in enumerate(combinations(schedule, sizes=(2, 3, 8, 13))):
        for kind in KINDS:
            raises_compared(settings, stream(kind, seed, steps=80, groups=1 + seed % 4, size=(1, 3, 8)[seed % 3]))
