"""What Equation 9 asks for at each tau: the bounds P and S by regime (the paper's Table 3 and Appendix B)."""

from bisect import bisect_right
from dataclasses import dataclass

from medloc.curriculum.checks import ascending, numbers, require


@dataclass(frozen=True)
class Strategy:
    """Bounds that change where tau crosses a boundary.

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
        object.__setattr__(self, "boundaries", boundaries)
        self._check_bounds("P", "the paper uses [0.80, 0.75, 0.55]")
        self._check_bounds("S", "the paper uses [0.20, 0.35, 0.40]")

    def _check_bounds(self, name: str, remedy: str) -> None:
        values = numbers(f"strategy.{name}", getattr(self, name), 0.0, 1.0, remedy)
        count = len(self.boundaries) + 1
        rule = f"must have {count} values, one more than strategy.boundaries={list(self.boundaries)}"
        require(len(values) == count, f"strategy.{name}", values, rule, remedy)
        object.__setattr__(self, name, values)

    def bounds(self, tau: float) -> tuple[float, float]:
        """Return (P, S) at `tau`; a tau on a boundary belongs to the later regime."""
        regime = bisect_right(self.boundaries, tau)
        return self.P[regime], self.S[regime]
