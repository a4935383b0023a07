"""Types of the config groups schedule, criteria, strategy and window.

The values live in `conf/`, the rules in `medloc.curriculum`, which checks itself when it is built.
"""

from dataclasses import dataclass

from omegaconf import MISSING


@dataclass
class ScheduleSettings:
    """What every schedule has: the name under which `medloc.curriculum.SCHEDULES` builds it."""

    name: str = MISSING


@dataclass
class PiecewiseSchedule(ScheduleSettings):
    """Equation 11; `deltas` are three steps in IoU, `boundaries` two values of tau."""

    tau0: float = MISSING
    tau_target: float = MISSING
    deltas: list[float] = MISSING
    boundaries: list[float] = MISSING


@dataclass
class LinearSchedule(ScheduleSettings):
    """Equation 12; `delta0` is the first step in IoU."""

    tau0: float = MISSING
    tau_target: float = MISSING
    delta0: float = MISSING


@dataclass
class CosineSchedule(ScheduleSettings):
    """Equation 13; `delta0` is the first step in IoU."""

    tau0: float = MISSING
    tau_target: float = MISSING
    delta0: float = MISSING


@dataclass
class IdenticalSchedule(ScheduleSettings):
    """One step size `delta` in IoU (the paper's Table 4)."""

    tau0: float = MISSING
    tau_target: float = MISSING
    delta: float = MISSING


@dataclass
class FixedSchedule(ScheduleSettings):
    """A threshold that never moves."""

    tau: float = MISSING


@dataclass
class MedianSchedule(ScheduleSettings):
    """The median of the window, up to `tau_target`; ours."""

    tau_target: float = MISSING
    falls: bool = MISSING


@dataclass
class CriteriaSettings:
    """Equation 9: which of the three conditions a raise needs, and the margin in IoU."""

    use_reward: bool = MISSING
    use_margin: bool = MISSING
    use_stability: bool = MISSING
    margin: float = MISSING


@dataclass
class StrategySettings:
    """Bounds P and S of Equation 9, one value per regime of tau between the boundaries."""

    boundaries: list[float] = MISSING
    P: list[float] = MISSING
    S: list[float] = MISSING


@dataclass
class WindowSettings:
    """Size N of the window, what a raise drops from it, and what one entry is."""

    size: int = MISSING
    refresh: str = MISSING
    unit: str = MISSING


SCHEMAS: dict[tuple[str, str], type] = {
    ("schedule", "piecewise_schema"): PiecewiseSchedule,
    ("schedule", "linear_schema"): LinearSchedule,
    ("schedule", "cosine_schema"): CosineSchedule,
    ("schedule", "identical_schema"): IdenticalSchedule,
    ("schedule", "fixed_schema"): FixedSchedule,
    ("schedule", "median_schema"): MedianSchedule,
    ("criteria", "criteria_schema"): CriteriaSettings,
    ("strategy", "strategy_schema"): StrategySettings,
    ("window", "window_schema"): WindowSettings,
}
"""(config group, schema name) -> the class that types it."""
