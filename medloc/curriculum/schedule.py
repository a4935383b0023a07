"""How far the threshold moves at a raise: Equations 11 to 13.

MedLoc-R1 (arXiv:2603.28120v1), Section 3.2.3. A schedule knows where tau starts (`tau0`), where it ends
(`tau_target`) and how large its next step is (`step_size`).

These dataclasses are the only declaration of a schedule. Their fields are the keys of its YAML file, and `SCHEDULES`
is the only list of them. They are not frozen, because Hydra cannot override the keys of a frozen dataclass.
"""

import math
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from medloc.curriculum.checks import ascending, number, numbers, require


@dataclass
class Schedule:
    """Where the threshold starts, where it ends, and how far it moves at a raise.

    `tau0` and `tau_target` are fields where the configuration sets them, and properties elsewhere. `name` is the
    schedule's name in the configuration, and its key in `SCHEDULES`.
    """

    name: str = field(default="", kw_only=True)

    if TYPE_CHECKING:  # at run time a property here would become the default value of the field

        @property
        def tau0(self) -> float:
            """Threshold at the first step, in [0, 1]."""

        @property
        def tau_target(self) -> float:
            """Threshold never passed, in [0, 1]."""

    def step_size(self, tau: float) -> float:
        """Return the step from `tau`, in IoU."""
        raise NotImplementedError


@dataclass
class Rising(Schedule):
    """A schedule whose two ends are set.

    Attributes:
        tau0: threshold at the first step, in [0, 1].
        tau_target: threshold never passed, in [0, 1]; above `tau0`.
    """

    tau0: float
    tau_target: float

    def __post_init__(self) -> None:
        number("schedule.tau0", self.tau0, 0.0, 1.0, "the paper starts at 0.3")
        number("schedule.tau_target", self.tau_target, 0.0, 1.0, "the paper ends at 0.8")
        rule = f"must be below schedule.tau_target={self.tau_target}"
        require(self.tau0 < self.tau_target, "schedule.tau0", self.tau0, rule, "swap them, or use schedule=fixed")


@dataclass
class Piecewise(Rising):
    """The paper's default: large steps early, small ones late (Equation 11).

    Attributes:
        deltas: δ⁽¹⁾ ≥ δ⁽²⁾ ≥ δ⁽³⁾ > 0, steps of the three stages in IoU.
        boundaries: β⁽¹⁾ < β⁽²⁾, where stages two and three begin.
    """

    deltas: tuple[float, ...]
    boundaries: tuple[float, ...]
    name: str = field(default="piecewise", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        deltas = numbers("schedule.deltas", self.deltas, 0.0, 1.0, "the paper uses [0.15, 0.10, 0.05]")
        falls = len(deltas) == 3 and deltas[0] >= deltas[1] >= deltas[2] > 0.0
        rule, remedy = "must be three steps, none larger than the one before, all above 0", "largest first"
        require(falls, "schedule.deltas", deltas, rule, remedy)
        boundaries = numbers("schedule.boundaries", self.boundaries, 0.0, 1.0, "the paper uses [0.55, 0.75]")
        require(len(boundaries) == 2, "schedule.boundaries", boundaries, "must be two values", "three stages")
        ascending("schedule.boundaries", boundaries, "swap them; the paper uses [0.55, 0.75]")
        self.deltas, self.boundaries = deltas, boundaries

    def step_size(self, tau: float) -> float:
        """Return the step of Equation 11; a tau on a boundary belongs to the later stage.

        δ(τ) = δ⁽¹⁾ − (δ⁽¹⁾ − δ⁽²⁾)·I[τ ≥ β⁽¹⁾] − (δ⁽²⁾ − δ⁽³⁾)·I[τ ≥ β⁽²⁾].
        """
        first, second, third = self.deltas
        second_stage, third_stage = (tau >= boundary for boundary in self.boundaries)
        return first - (first - second) * second_stage - (second - third) * third_stage


@dataclass
class Linear(Rising):
    """Steps that shrink in proportion to the way left (Equation 12); the target is approached, not passed."""

    delta0: float
    name: str = field(default="linear", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_step("schedule.delta0", self.delta0)

    def step_size(self, tau: float) -> float:
        """Return the step of Equation 12: δ(τ) = δ₀·(1 − (τ − τ₀)/(τ_target − τ₀))."""
        return self.delta0 * (1.0 - (tau - self.tau0) / (self.tau_target - self.tau0))


@dataclass
class Cosine(Linear):
    """Steps along half a cosine (Equation 13), with the keys of `Linear`; the target is approached, not passed."""

    name: str = field(default="cosine", kw_only=True)

    def step_size(self, tau: float) -> float:
        """Return the step of Equation 13: δ(τ) = δ₀/2·(1 + cos(π·(τ − τ₀)/(τ_target − τ₀)))."""
        angle = math.pi * (tau - self.tau0) / (self.tau_target - self.tau0)
        return self.delta0 / 2.0 * (1.0 + math.cos(angle))


@dataclass
class Identical(Rising):
    """One step size throughout (the paper's Table 4, "Identical")."""

    delta: float
    name: str = field(default="identical", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_step("schedule.delta", self.delta)

    def step_size(self, tau: float) -> float:
        """Return the step, the same from everywhere."""
        return self.delta


@dataclass
class Fixed(Schedule):
    """A threshold that never moves (Equation 3 alone; the paper's baseline with tau = 0.5)."""

    tau: float
    name: str = field(default="fixed", kw_only=True)

    def __post_init__(self) -> None:
        number("schedule.tau", self.tau, 0.0, 1.0, "the paper's fixed baseline uses 0.5")

    @property
    def tau0(self) -> float:
        """The threshold itself."""
        return self.tau

    @property
    def tau_target(self) -> float:
        """The threshold itself."""
        return self.tau

    def step_size(self, tau: float) -> float:
        """Return 0."""
        return 0.0


@dataclass
class Median(Schedule):
    """Ours, not the paper's: tau = min(tau_target, median of the window); see `MedianCurriculum`.

    Attributes:
        tau_target: threshold never passed, in [0, 1].
        falls: whether tau may fall. Otherwise tau is the largest such value so far.
    """

    tau_target: float
    falls: bool
    name: str = field(default="median", kw_only=True)

    def __post_init__(self) -> None:
        number("schedule.tau_target", self.tau_target, 0.0, 1.0, "the paper ends at 0.8", open_low=True)
        require(isinstance(self.falls, bool), "schedule.falls", self.falls, "must be true or false", "pick one")

    @property
    def tau0(self) -> float:
        """0: at the first step every box is a hit."""
        return 0.0

    def step_size(self, tau: float) -> float:
        """Return 0: tau does not move in steps."""
        return 0.0


SCHEDULES: dict[str, type[Schedule]] = {
    kind.name: kind for kind in (Piecewise, Linear, Cosine, Identical, Fixed, Median)
}
"""Name of a schedule -> its class."""


def config_keys(kind: type[Any]) -> tuple[str, ...]:
    """Return the configuration keys of a schedule, of `Criteria`, `Strategy` or `WindowParams`: its fields."""
    return tuple(each.name for each in fields(kind) if each.name != "name")


def _check_step(key: str, value: float) -> None:
    number(key, value, 0.0, 1.0, "the paper's steps lie between 0.05 and 0.25", open_low=True)
