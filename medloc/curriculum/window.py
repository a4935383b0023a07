"""The sliding window over recent training: raw IoUs, scored at whatever threshold is in force.

MedLoc-R1 (arXiv:2603.28120v1), Section 3.2.2. It holds IoUs and never rewards, because Equation 6 asks what
*all* its entries would earn at the present tau, old ones included.
"""

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from medloc.boxes import IOU_DECIMALS
from medloc.curriculum.checks import require

STATISTIC_DECIMALS = 9
"""The three statistics are rounded to this many decimals once, before they are compared or written."""

UNITS = ("step", "group")
REFRESHES = {"half": 2, "quarter": 4, "full": 1, "none": None}
"""Name of a refresh -> k, where the oldest floor(N/k) entries are dropped after a raise; None drops none."""


def checked_groups(groups: Iterable[Iterable[float]]) -> list[list[float]]:
    """Return one step's groups with every IoU a float rounded to 6 decimals.

    Raises:
        ValueError: no group, an empty group, groups of different sizes, or a value that is no IoU.
    """
    rounded = [_checked_group(group, g) for g, group in enumerate(groups)]
    require(bool(rounded), "groups", [], "must hold at least one group", "observe once per optimizer step")
    for g, group in enumerate(rounded):
        if len(group) != len(rounded[0]):
            rule = f"must be as large as groups[0], which has {len(rounded[0])}"
            require(False, f"groups[{g}]", f"<{len(group)} IoUs>", rule, _REMEDY)
    return rounded


_REMEDY = "give every answer its IoU, 0.0 where it has no box"
_NO_NUMBERS = (str, bool)  # which float() would take


def _checked_group(group: Iterable[float], g: int) -> list[float]:
    listed = isinstance(group, Iterable)
    require(listed, f"groups[{g}]", group, "must be a list of IoUs", "one list per group")
    rounded = [_checked_iou(iou, g, i) for i, iou in enumerate(group)]
    require(bool(rounded), f"groups[{g}]", [], "must not be empty", _REMEDY)
    return rounded


def _checked_iou(iou: float, group: int, index: int) -> float:
    try:
        number = math.nan if isinstance(iou, _NO_NUMBERS) else round(float(iou), IOU_DECIMALS)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0.0 <= number <= 1.0:
        require(False, f"groups[{group}][{index}]", iou, "must be an IoU in [0, 1]", _REMEDY)
    return number + 0.0  # so that -0.0 is written 0.0


@dataclass
class WindowParams:
    """Shape of the window; the fields are its configuration keys.

    Attributes:
        size: N, entries it holds, at least 1.
        refresh: how much of it a raise drops: half, quarter, full or none.
        unit: what one entry is: all groups of a step together (step), or each group by itself (group).
    """

    size: int
    refresh: str
    unit: str

    def __post_init__(self) -> None:
        whole = isinstance(self.size, int) and not isinstance(self.size, bool)
        require(whole, "window.size", self.size, "must be a whole number", "the paper uses 30")
        require(self.size >= 1, "window.size", self.size, "must be at least 1", "the paper uses 30")
        known = f"must be one of {', '.join(REFRESHES)}"
        require(self.refresh in REFRESHES, "window.refresh", self.refresh, known, "the paper uses half")
        known = f"must be one of {', '.join(UNITS)}"
        require(self.unit in UNITS, "window.unit", self.unit, known, "the default is step")

    @property
    def dropped(self) -> int:
        """Oldest entries a raise drops: floor(N/2), floor(N/4), N or 0."""
        parts = REFRESHES[self.refresh]
        return 0 if parts is None else self.size // parts


@dataclass(frozen=True)
class Statistics:
    """Equations 6, 7 and 8 at one tau, each rounded to 9 decimals.

    Attributes:
        mean_reward: r̄, share of hits, in [0, 1].
        reward_std: σ, population standard deviation of the entries' mean rewards, in [0, 0.5].
        iou_margin: m̄, mean IoU minus tau, in [-1, 1].
    """

    mean_reward: float
    reward_std: float
    iou_margin: float


class Window:
    """The most recent N entries of IoUs."""

    def __init__(self, params: WindowParams) -> None:
        self.params = params
        self._entries: deque[tuple[float, ...]] = deque(maxlen=params.size)  # ascending IoUs of an entry

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def full(self) -> bool:
        """Whether N entries are held; nothing is checked before."""
        return len(self) == self.params.size

    @property
    def entries(self) -> list[list[float]]:
        """The IoUs of each entry, oldest entry first, ascending within an entry."""
        return [list(entry) for entry in self._entries]

    def add(self, groups: Sequence[Sequence[float]]) -> None:
        """Append one step's checked groups; a full window forgets its oldest entries."""
        for entry in [[iou for group in groups for iou in group]] if self.params.unit == "step" else groups:
            self.append(entry)

    def append(self, ious: Sequence[float]) -> None:
        """Append one entry; a full window forgets its oldest."""
        self._entries.append(tuple(sorted(ious)))

    def statistics(self, tau: float) -> Statistics:
        """Return Equations 6 to 8 over the entries held, at the threshold `tau`.

        r̄ = 1/N Σₜ rₜ with rₜ the share of IoU ≥ τ in entry t; σ = √(1/N Σₜ (rₜ − r̄)²);
        m̄ = 1/N Σₜ (mean IoU of entry t) − τ.
        """
        count = len(self)
        rewards = [_hit_rate(entry, tau) for entry in self._entries]
        mean = math.fsum(rewards) / count
        variance = math.fsum((reward - mean) ** 2 for reward in rewards) / count
        margin = math.fsum(math.fsum(entry) / len(entry) for entry in self._entries) / count - tau
        return Statistics(*(round(each, STATISTIC_DECIMALS) for each in (mean, math.sqrt(variance), margin)))

    def median(self) -> float:
        """Return the median of all values held, in [0, 1]; of an even number, the mean of the two in the middle."""
        return median(value for entry in self._entries for value in entry)

    def drop_oldest(self) -> None:
        """Drop the oldest entries, as many as the refresh says."""
        for _ in range(min(self.params.dropped, len(self))):
            self._entries.popleft()


def _hit_rate(entry: tuple[float, ...], tau: float) -> float:
    """Return the share of IoU ≥ tau in an ascending entry (Equation 3)."""
    return (len(entry) - bisect_left(entry, tau)) / len(entry)
