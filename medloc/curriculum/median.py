"""Beyond the paper: a threshold that is the median of what the window holds, with no parameter but its end.

At a hit rate of one half the gain of a GRPO update, sqrt(p(1 - p)) for binary rewards under Equation 1, is greatest
and the share of dead groups, p^G + (1 - p)^G, is least. The paper raises tau at a hit rate of 0.80.
"""

from medloc.curriculum.criteria import Held
from medloc.curriculum.curriculum import TAU_DECIMALS, Curriculum, CurriculumParams
from medloc.curriculum.schedule import Median


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
