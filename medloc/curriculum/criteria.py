"""When the threshold may rise: the three conditions of Equation 9 and their bounds.

`Criteria` says which conditions are asked for (the ablations of the paper's Table 2). `Strategy` holds the bounds P and
S at each tau (Table 3 and Appendix B). The fields of both are their configuration keys; neither is frozen, because
Hydra cannot override the keys of a frozen dataclass.
"""

from bisect import bisect_right
from dataclasses import dataclass

from medloc.curriculum.checks import ascending, number, numbers, require


@dataclass(frozen=True)
class Held:
    """Which of the three conditions of Equation 9 held, whether or not they were asked for."""

    reward: bool
    stability: bool
    margin: bool


@dataclass
class Criteria:
    """Which conditions a raise needs, and the margin Δ.

    Attributes:
        use_reward: ask for enough hits.
        use_margin: ask for an IoU above the threshold by Δ.
        use_stability: ask for even hit rates.
        margin: Δ, smallest mean surplus of IoU over tau, in [-1, 1].
    """

    use_reward: bool
    use_margin: bool
    use_stability: bool
    margin: float

    def __post_init__(self) -> None:
        flags = {"reward": self.use_reward, "margin": self.use_margin, "stability": self.use_stability}
        for name, flag in flags.items():
            require(isinstance(flag, bool), f"criteria.use_{name}", flag, "must be true or false", "pick one")
        rule = "must not be false together with criteria.use_margin and criteria.use_stability"
        require(any(flags.values()), "criteria.use_reward", False, rule, "turn one of the three on")
        number("criteria.margin", self.margin, -1.0, 1.0, "the paper uses 0.10")

    def check(self, mean: float, std: float, surplus: float, P: float, S: float) -> Held:
        """Compare the statistics of the window with their bounds, all three inclusive.

        Args:
            mean: window mean reward r̄ of Equation 6, in [0, 1].
            std: reward standard deviation σ of Equation 7, in [0, 0.5].
            surplus: IoU margin m̄ of Equation 8, in [-1, 1].
            P: least mean reward at the present tau.
            S: greatest standard deviation at the present tau.
        """
        return Held(reward=mean >= P, stability=std <= S, margin=surplus >= self.margin)

    def satisfied(self, held: Held) -> bool:
        """Return C of Equation 9 over the conditions in use: (r̄ ≥ P) ∧ (σ ≤ S) ∧ (m̄ ≥ Δ)."""
        return (
            (held.reward or not self.use_reward)
            and (held.stability or not self.use_stability)
            and (held.margin or not self.use_margin)
        )


@dataclass
class Strategy:
    """The bounds P and S of Equation 9, which change where tau crosses a boundary.

    Attributes:
        boundaries: ascending values of tau at which the next regime begins; empty for a fixed strategy.
        P: least window mean reward in each regime, in [0, 1]; one more value than there are boundaries.
        S: greatest reward standard deviation in each regime, in [0, 1]; as many as P.
    """

    boundaries: tuple[float, ...]
    P: tuple[float, ...]
    S: tuple[float, ...]

    def __post_init__(self) -> None:
        boundaries = numbers("strategy.boundaries", self.boundaries, 0.0, 1.0, "the paper uses [0.60, 0.75]")
        ascending("strategy.boundaries", boundaries, "swap them; the paper uses [0.60, 0.75]")
        self.boundaries = boundaries
        self._check_bounds("P", "the paper uses [0.80, 0.75, 0.55]")
        self._check_bounds("S", "the paper uses [0.20, 0.35, 0.40]")

    def _check_bounds(self, name: str, remedy: str) -> None:
        values = numbers(f"strategy.{name}", getattr(self, name), 0.0, 1.0, remedy)
        count = len(self.boundaries) + 1
        rule = f"must have {count} values, one more than strategy.boundaries={list(self.boundaries)}"
        require(len(values) == count, f"strategy.{name}", values, rule, remedy)
        setattr(self, name, values)

    def bounds(self, tau: float) -> tuple[float, float]:
        """Return (P, S) at `tau`; a tau on a boundary belongs to the later regime."""
        regime = bisect_right(self.boundaries, tau)
        return self.P[regime], self.S[regime]
