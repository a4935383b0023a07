"""Hypothesis strategies shared by the tests: boxes, hostile texts, curriculum settings, streams of IoUs."""

from typing import Any

from hypothesis import strategies as st

from medloc.boxes import Box

COORDINATES = st.floats(-1e6, 1e6, allow_nan=False)
IOUS = st.floats(0.0, 1.0, allow_nan=False)


def any_floats() -> st.SearchStrategy[float]:
    return st.floats(allow_nan=True, allow_infinity=True)


def hostile_texts() -> st.SearchStrategy[str]:
    """Text in which brackets, numbers, signs and exotic digits are likely."""
    pieces = st.one_of(
        st.sampled_from(
            [
                "[",
                "]",
                ",",
                " ",
                "\n",
                "\t",
                "-",
                "+",
                ".",
                "１",
                "٣",
                "²",
                "\u00a0",
                "<answer>",
                "NaN",
                "1e5",
            ]
        ),
        st.integers(0, 10**11).map(str),
        st.text(max_size=3),
        st.lists(st.integers(-50, 2000), min_size=3, max_size=5).map(str),
    )
    return st.lists(pieces, max_size=25).map("".join)


@st.composite
def boxes_with_area(draw: st.DrawFn) -> Box:
    """A box within a large image."""
    x, y = draw(st.integers(0, 2000)), draw(st.integers(0, 2000))
    return Box(x, y, x + draw(st.integers(1, 2000)), y + draw(st.integers(1, 2000)))


@st.composite
def schedules(draw: st.DrawFn) -> dict[str, Any]:
    name = draw(st.sampled_from(["piecewise", "linear", "cosine", "identical", "fixed", "median"]))
    if name == "fixed":
        return {"name": name, "tau": draw(IOUS)}
    if name == "median":
        return {"name": name, "tau_target": draw(st.floats(0.01, 1.0)), "falls": False}
    low, high = sorted(draw(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=2, unique=True)))
    steps = draw(st.lists(st.floats(0.001, 0.5), min_size=3, max_size=3))
    span = {"name": name, "tau0": low, "tau_target": high}
    if name == "piecewise":
        boundaries = draw(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=2, unique=True))
        return span | {"deltas": sorted(steps, reverse=True), "boundaries": sorted(boundaries)}
    return span | {"delta" if name == "identical" else "delta0": steps[0]}


@st.composite
def curriculum_configs(draw: st.DrawFn) -> dict[str, Any]:
    """A valid configuration; the bounds are lenient, so that raises happen often."""
    boundaries = sorted(draw(st.lists(st.floats(0.0, 1.0), max_size=3, unique=True)))
    regimes = len(boundaries) + 1
    flags = draw(st.tuples(st.booleans(), st.booleans(), st.booleans()).filter(any))
    return {
        "schedule": draw(schedules()),
        "criteria": dict(zip(("use_reward", "use_margin", "use_stability"), flags, strict=True))
        | {"margin": draw(st.floats(-0.5, 0.3))},
        "strategy": {
            "boundaries": boundaries,
            "P": draw(st.lists(st.floats(0.0, 0.8), min_size=regimes, max_size=regimes)),
            "S": draw(st.lists(st.floats(0.1, 1.0), min_size=regimes, max_size=regimes)),
        },
        "window": {
            "size": draw(st.integers(1, 6)),
            "refresh": draw(st.sampled_from(["half", "quarter", "full", "none"])),
            "unit": draw(st.sampled_from(["step", "group"])),
        },
    }


@st.composite
def ious_of_steps(draw: st.DrawFn, max_steps: int = 12) -> list[list[list[float]]]:
    """A few steps of 1 to 3 groups with the same G throughout."""
    size = draw(st.integers(1, 4))
    group = st.lists(IOUS, min_size=size, max_size=size)
    return draw(st.lists(st.lists(group, min_size=1, max_size=3), min_size=1, max_size=max_steps))
