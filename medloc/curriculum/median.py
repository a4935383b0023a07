"""Beyond the paper: a threshold that is the median of what the window holds, with no parameter but its end.

At a hit rate of one half the gain of a GRPO update, sqrt(p(1 - p)) for binary rewards under Equation 1, is greatest
and the share of dead groups, p^G + (1 - p)^G, is least. The paper raises tau at a hit rate of 0.80.
"""

from dataclasses import dataclass

from medloc.curriculum.checks import number, require
from medloc.curriculum.criteria import Held
from medloc.curriculum.curriculum import TAU_DECIMALS, Curriculum, CurriculumParams


@dataclass(frozen=True)
class Median:
    """tau = min(tau_target, median of the window).

    Attributes:
        tau_target: threshold never passed, in [0, 1].
        falls: whether tau may fall; if not, it is the largest such value so far.
    """

    tau_target: float
    falls: bool

    def __post_init__(self) -> None:
        number("schedule.tau_target", self.tau_target, 0.0, 1.0, "the paper ends at 0.8", open_low=True)
        require(isinstance(self.falls, bool), "schedule.falls", self.falls, "must be true or false", "pick one")

    @property
    def tau0(self) -> float:
        """0: at the first step every box is a hit."""
        return 0.0

    def delta(self, tau: float) -> float:
        """Return 0: tau does not go by steps."""
        return 0.0


class MedianCurriculum(Curriculum):
    """A curriculum under a `Median` schedule.

    tau moves after every step, by what the window holds at the time, full or not. Criteria and strategy are reported
    and decide nothing; a raise drops no entry.
    """

    def __init__(self, params: CurriculumParams) -> None:
        assert isinstance(params.schedule, Median)
        super().__init__(params)
        self._schedule = params.schedule

    def _move(self, held: Held | None) -> None:
        tau = min(round(self._window.median(), TAU_DECIMALS), self._schedule.tau_target)
        if tau > self._tau or (self._schedule.falls and tau < self._tau):
            self._tau = tau
            self._window.score_at(tau)
