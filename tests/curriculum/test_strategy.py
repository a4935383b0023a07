import pytest

from medloc.curriculum.criteria import Strategy
from tests.curriculum.configs import STRATEGIES


@pytest.mark.parametrize(
    ("tau", "bounds"),
    [
        (0.3, (0.80, 0.20)),
        (0.599999999, (0.80, 0.20)),
        (0.6, (0.75, 0.35)),
        (0.7, (0.75, 0.35)),
        (0.75, (0.55, 0.40)),
        (0.8, (0.55, 0.40)),
    ],
)
def test_adaptive_regimes_of_appendix_b(tau, bounds):
    assert Strategy(**STRATEGIES["adaptive"]).bounds(tau) == bounds


@pytest.mark.parametrize("tau", [0.0, 0.3, 0.6, 1.0])
def test_a_fixed_strategy_asks_the_same_everywhere(tau):
    assert Strategy([], [0.6], [0.4]).bounds(tau) == (0.6, 0.4)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            ([0.75, 0.6], [0.8, 0.7, 0.6], [0.2, 0.3, 0.4]),
            r"^strategy\.boundaries=\[0\.75, 0\.6\] must ascend",
        ),
        (([0.6], [0.8], [0.2, 0.3]), r"^strategy\.P=\[0\.8\] must have 2 values"),
        (([], [0.8], []), r"^strategy\.S=\[\] must have 1 values"),
        (([], [1.8], [0.2]), r"^strategy\.P\[0\]=1\.8 must be a number"),
        (([], 0.8, [0.2]), r"^strategy\.P=0\.8 must be a list"),
        (([], [0.8], [-0.2]), r"^strategy\.S\[0\]=-0\.2 must be a number"),
    ],
)
def test_a_bad_parameter_is_named_with_its_key_and_value(values, message):
    with pytest.raises(ValueError, match=message) as caught:
        Strategy(*values)
    assert "; None" not in str(caught.value)
