"""The state machine: watch the window, check the criterion, raise the threshold.

MedLoc-R1 (arXiv:2603.28120v1), Section 3.2.3. Pure and deterministic: the same IoUs give the same thresholds
on every machine and every rank. Evaluation never comes here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from medloc.curriculum.checks import number, require
from medloc.curriculum.criteria import Criteria, Held, Strategy
from medloc.curriculum.schedule import Median, Schedule
from medloc.curriculum.window import Window, WindowParams, checked_groups

TAU_DECIMALS = 9
"""tau is rounded to this many decimals after a raise, so that 0.3 + 0.15 + 0.15 is 0.6."""

STATE_KEYS = ("entries", "size", "tau", "unit")


@dataclass(frozen=True)
class CurriculumParams:
    """The four parts that make a curriculum; each has checked itself."""

    schedule: Schedule
    criteria: Criteria
    strategy: Strategy
    window: WindowParams


@dataclass(frozen=True)
class Decision:
    """What one optimizer step did to the threshold, and why.

    Attributes:
        tau_used: threshold in force while the step was rewarded.
        tau: threshold in force after it.
        mean_reward: r̄ of Equation 6 at `tau_used`, before any refresh; None while the window is not full.
        reward_std: σ of Equation 7; None likewise.
        iou_margin: m̄ of Equation 8; None likewise.
        P: least mean reward asked for at `tau_used`.
        S: greatest standard deviation allowed at `tau_used`.
        margin: Δ, least IoU margin asked for.
        reward_held: whether r̄ ≥ P, asked for or not; None while the window is not full.
        stability_held: whether σ ≤ S; None likewise.
        margin_held: whether m̄ ≥ Δ; None likewise.
        updated: whether tau rose.
        window_filled: entries held when the criterion was due, before any refresh; at most N.
    """

    tau_used: float
    tau: float
    mean_reward: float | None
    reward_std: float | None
    iou_margin: float | None
    P: float
    S: float
    margin: float
    reward_held: bool | None
    stability_held: bool | None
    margin_held: bool | None
    updated: bool
    window_filled: int


class Curriculum:
    """The paper's performance-aware threshold.

    Reward a step's answers with `tau`, then `observe` their IoUs; `tau` may have risen for the next step.
    """

    def __init__(self, params: CurriculumParams) -> None:
        self.params = params
        self._tau = float(params.schedule.tau0)
        self._window = Window(params.window)

    @property
    def tau(self) -> float:
        """The threshold in force, in [0, 1]."""
        return self._tau

    def observe(self, groups: Iterable[Iterable[float]]) -> Decision:
        """Take in the raw IoUs of one optimizer step, and perhaps raise `tau`.

        Args:
            groups: the step's groups in global order, each of G IoUs in [0, 1]; rounded to 6 decimals here.

        Raises:
            ValueError: no group, an empty or ragged one, or a value that is no IoU. The state is untouched.
        """
        self._window.add(checked_groups(groups))
        used, filled, criteria = self._tau, len(self._window), self.params.criteria
        P, S = self.params.strategy.bounds(used)
        found = self._window.statistics(used) if self._window.full else None
        held = criteria.check(found.mean_reward, found.reward_std, found.iou_margin, P, S) if found else None
        self._move(held)
        return Decision(
            tau_used=used,
            tau=self._tau,
            mean_reward=found.mean_reward if found else None,
            reward_std=found.reward_std if found else None,
            iou_margin=found.iou_margin if found else None,
            P=P,
            S=S,
            margin=criteria.margin,
            reward_held=held.reward if held else None,
            stability_held=held.stability if held else None,
            margin_held=held.margin if held else None,
            updated=self._tau > used,
            window_filled=filled,
        )

    def _move(self, held: Held | None) -> None:
        """Apply Equation 10 and refresh the window, if the criterion is met and tau has not reached its end."""
        if held is None or not self.params.criteria.satisfied(held):
            return
        tau = next_tau(self._tau, self.params.schedule)
        if tau > self._tau:
            self._tau = tau
            self._window.drop_oldest()

    def state_dict(self) -> dict[str, Any]:
        """Return everything needed to go on as if never stopped, as plain JSON."""
        window = self.params.window
        return {"tau": self._tau, "unit": window.unit, "size": window.size, "entries": self._window.entries}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state written by `state_dict` under the same schedule range and window.

        Raises:
            ValueError: unknown or missing keys, another window unit or size, or values out of range; the
                curriculum is left as it was.
        """
        _check_state(state, self.params.schedule, self.params.window)
        window = Window(self.params.window)
        for entry in state["entries"]:
            window.append(entry)
        self._tau, self._window = float(state["tau"]), window


class MedianCurriculum(Curriculum):
    """Beyond the paper: a threshold that is the median of what the window holds, with no parameter but its end.

    At a hit rate of one half the gain of a GRPO update, sqrt(p(1 - p)) for binary rewards under Equation 1, is greatest
    and the share of dead groups, p^G + (1 - p)^G, is least. The paper raises tau at a hit rate of 0.80.

    tau moves after every step, by what the window holds at the time, full or not. Criteria and strategy are reported
    and decide nothing; a raise drops no entry.
    """

    def _move(self, held: Held | None) -> None:
        schedule = self.params.schedule
        assert isinstance(schedule, Median)
        tau = min(round(self._window.median(), TAU_DECIMALS), schedule.tau_target)
        if tau > self._tau or schedule.falls:
            self._tau = tau


def next_tau(tau: float, schedule: Schedule) -> float:
    """Return the threshold after a raise, Equation 10: τₖ₊₁ = min(τₖ + δ(τₖ), τ_target).

    It never lies below `tau`; rounding may leave it there.
    """
    return max(tau, min(round(tau + schedule.step_size(tau), TAU_DECIMALS), schedule.tau_target))


def _check_state(state: Mapping[str, Any], schedule: Schedule, window: WindowParams) -> None:
    """Raise ValueError unless `state` continues a curriculum with this schedule and this window."""
    if not isinstance(state, Mapping):
        raise ValueError(f"curriculum state {str(state)[:80]} is no mapping; the state is damaged, start the run anew.")
    if set(state) != set(STATE_KEYS):
        raise ValueError(
            f"curriculum state has keys {sorted(state)} but needs {list(STATE_KEYS)}; "
            "it was written by another version, start the run anew."
        )
    for name in ("unit", "size"):
        rule, remedy = f"does not match window.{name}={getattr(window, name)}", "resume with the run's own settings"
        require(state[name] == getattr(window, name), f"curriculum state {name}", state[name], rule, remedy)
    remedy = "it was written under another schedule; start the run anew"
    number("curriculum state tau", state["tau"], schedule.tau0, schedule.tau_target, remedy)
    entries = state["entries"]
    remedy = "the state is damaged; start the run anew"
    require(isinstance(entries, list), "curriculum state entries", entries, "must be a list", remedy)
    rule = f"must be at most window.size={window.size}"
    require(len(entries) <= window.size, "number of curriculum state entries", len(entries), rule, remedy)
    for entry in entries:
        checked_groups([entry])
