"""What sampled groups say before training: how good the answers are, which groups teach, where tau should begin."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from medloc.boxes import ParseFailure
from medloc.rewards import Answer

BINS = tuple(i / 10 for i in range(10))
STARTS = tuple(i / 20 for i in range(1, 17))
"""Thresholds at which a curriculum could begin: 0.05 to 0.80."""

TOO_FEW = 0.10
"""If fewer groups than this teach at the best threshold, the threshold is not what is wrong."""


def group_shares(groups: Sequence[Sequence[float]], tau: float) -> tuple[float, float, float]:
    """Returns the shares of groups that are all-miss, mixed and all-hit at IoU >= `tau`."""
    hits = [sum(iou >= tau for iou in group) for group in groups]
    full = [count == len(group) for count, group in zip(hits, groups, strict=True)]
    miss, hit = hits.count(0) / len(groups), sum(full) / len(groups)
    return miss, 1 - miss - hit, hit


def histogram(ious: Sequence[float]) -> list[int]:
    """Returns how many IoUs lie in [0, 0.1), [0.1, 0.2) ... [0.9, 1]."""
    counts = Counter(min(9, int(round(iou, 6) * 10 + 1e-9)) for iou in ious)
    return [counts[i] for i in range(len(BINS))]


def failures(answers: Sequence[Answer]) -> Counter[str]:
    """Returns why answers hold no box -> how many."""
    return Counter(answer.box.reason for answer in answers if isinstance(answer.box, ParseFailure))


@dataclass(frozen=True)
class Advice:
    """Where tau should begin.

    Attributes:
        tau0: the threshold; None where none would help.
        reason: why, with the shares it rests on.
    """

    tau0: float | None
    reason: str


def advise(groups: Sequence[Sequence[float]], default: float) -> Advice:
    """Returns the threshold at which most groups hold both hits and misses, so that most advantages are not 0 (Eq. 5).

    The default stays where no other threshold beats it by more than two standard errors of a share over these groups.

    Args:
        groups: IoUs, one list per image.
        default: the schedule's own tau0.
    """
    mixed = {tau: group_shares(groups, tau)[1] for tau in (*STARTS, default)}
    best = max(mixed, key=lambda tau: (mixed[tau], tau))
    top, here = mixed[best], mixed[default]
    miss, _, hit = group_shares(groups, default)
    at_default = f"{_percent(here)} at {default:g} ({_percent(miss)} all-miss, {_percent(hit)} all-hit)"
    if top < TOO_FEW:
        return Advice(
            None,
            f"at no threshold do more than {_percent(top)} of the groups hold hits and misses; {at_default}. The "
            "answers of a group hardly differ (raise train.temperature), or they miss everywhere (see the coordinate "
            "space below, the prompt, or begin with method=sft).",
        )
    noise = sqrt(top * (1 - top) / len(groups)) + sqrt(here * (1 - here) / len(groups))
    if top - here <= noise:
        return Advice(
            default, f"{at_default} of the groups teach; none teaches more beyond the noise of {len(groups)}."
        )
    return Advice(best, f"{_percent(top)} of the groups teach there, {at_default}; N = {len(groups)} groups.")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
