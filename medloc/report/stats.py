"""What few seeds and many images can say about a difference: intervals, paired tests, Holm's correction.

Two things vary and are kept apart: training (seeds; a t-interval and the tests) and the test set (images; a bootstrap
over lesions or patients, seeds held fixed). Nothing here rounds, and what N does not allow is None, never 0.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

CONFIDENCE = 0.95
BATCH = 4096  # sign patterns held in memory at a time
EXACT_PAIRS = 16
"""Up to so many pairs the sign-flip test counts every pattern of signs; above, it draws `SAMPLED_PATTERNS` of them."""
SAMPLED_PATTERNS = 99_999
SAMPLING_SEED = 20260330  # any fixed number: the same records give the same bytes


class Interval(NamedTuple):
    """Both ends of a confidence interval, in the unit of the values."""

    low: float
    high: float


class PairedTest(NamedTuple):
    """A paired two-tailed t-test over equal seeds.

    Attributes:
        difference: Mean of first minus second, in the unit of the values.
        n: Number of pairs.
        t: The statistic; None below two pairs and where all differences are equal.
        p: Its two-tailed p-value; None where there is no t.
    """

    difference: float
    n: int
    t: float | None
    p: float | None

    @property
    def stars(self) -> str:
        """The p-value as the paper prints it."""
        return stars(self.p)


def sample_sd(values: Sequence[float]) -> float | None:
    """Return the standard deviation of the sample (ddof = 1), exactly 0 for equal values; None below two values."""
    if len(values) < 2:
        return None
    return float(np.std(values, ddof=1)) if min(values) < max(values) else 0.0


def t_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval | None:
    """Return Student's interval of the mean: mean ± t·sd/√N with N − 1 degrees of freedom; None below two values.

    Values that are all equal give an interval without width, which says nothing about the next seed.
    """
    sd = sample_sd(values)
    if sd is None:
        return None
    mean, n = float(np.mean(values)), len(values)
    half = _t_quantile(confidence, n - 1) * sd / math.sqrt(n)
    return Interval(mean - half, mean + half)


@lru_cache(maxsize=64)
def _t_quantile(confidence: float, degrees: int) -> float:
    return float(stats.t.isf((1 - confidence) / 2, degrees))


def seed_differences(first: Mapping[int, float], second: Mapping[int, float]) -> dict[int, float]:
    """Return seed -> first minus second, for the seeds that both have, in ascending order.

    Rounded to 12 decimals, so that differences that are equal are equal: 0.3 - 0.2 is 0.2 - 0.1.
    """
    return {seed: round(first[seed] - second[seed], 12) for seed in sorted(first.keys() & second.keys())}


def paired_t_test(first: Mapping[int, float], second: Mapping[int, float]) -> PairedTest | None:
    """Compare two rows as the paper does: "paired two-tailed t-tests against each baseline under the same seeds".

    Args:
        first: Seed -> value.
        second: Seed -> value; seeds that one side lacks take no part, and `n` says how many pairs there were.

    Returns:
        The test; None without a common seed.
    """
    differences = seed_differences(first, second)
    n = len(differences)
    if n == 0:
        return None
    mean = float(np.mean(list(differences.values())))
    if len(set(differences.values())) == 1:
        return PairedTest(mean, n, None, None)
    found = stats.ttest_rel([first[seed] for seed in differences], [second[seed] for seed in differences])
    return PairedTest(mean, n, float(found.statistic), float(found.pvalue))


def stars(p: float | None) -> str:
    """Return Table 1's stars: "* p < 0.05, ** p < 0.01, *** p < 0.001"; "" above, and without a p-value."""
    return "" if p is None else "*" * sum(p < level for level in (0.05, 0.01, 0.001))


def sign_flip_test(differences: Sequence[float]) -> float | None:
    """Return the two-sided p-value of the paired sign-flip test on the mean difference; None below two pairs.

    Up to `EXACT_PAIRS` pairs all 2^N patterns of signs are counted, so that p is exact and its smallest value is
    2/2^N: three seeds cannot get below 0.25. Above, a fixed random sample of the patterns is counted.
    """
    n = len(differences)
    if n < 2:
        return None
    found = stats.permutation_test(
        (np.asarray(differences, dtype=np.float64),),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=SAMPLED_PATTERNS if n > EXACT_PAIRS else np.inf,
        batch=BATCH,
        random_state=SAMPLING_SEED,
    )
    return float(found.pvalue)


def cluster_bootstrap(
    differences: npt.ArrayLike,
    groups: Sequence[Hashable],
    resamples: int = 2000,
    confidence: float = CONFIDENCE,
    seed: int = SAMPLING_SEED,
) -> Interval | None:
    """Return the percentile interval of a mean per-image difference, drawing whole lesions or patients.

    Args:
        differences: First minus second on every test image, one row per seed (or a single row); the seeds are held
            fixed, so the interval speaks about other images, not about other trainings.
        groups: Lesion or patient of each image.
        resamples: Number of resamples, at least 1.
        confidence: Coverage asked for, in (0, 1).
        seed: Of the resampling.

    Returns:
        The interval of the mean over seeds and images; None with fewer than two lesions or patients.

    Raises:
        ValueError: There is not one group per image.
    """
    rows = np.atleast_2d(np.asarray(differences, dtype=np.float64))
    if rows.shape[1] != len(groups):
        raise ValueError(f"groups={len(groups)} must be one per image, of which there are {rows.shape[1]}.")
    place = {name: number for number, name in enumerate(dict.fromkeys(groups))}
    if len(place) < 2:
        return None
    index = np.array([place[group] for group in groups])
    sums = np.bincount(index, weights=rows.mean(axis=0))
    sizes = np.bincount(index)
    drawn = _draws(len(place), resamples, seed)
    means = (drawn @ sums) / (drawn @ sizes)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))


@lru_cache(maxsize=4)
def _draws(clusters: int, resamples: int, seed: int) -> npt.NDArray[np.float64]:
    """Return how often each resample draws each cluster; the same for every difference on the same images."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(clusters, np.full(clusters, 1 / clusters), size=resamples).astype(np.float64)


def sd_ratio_interval(
    first: Sequence[float], second: Sequence[float], confidence: float = CONFIDENCE
) -> Interval | None:
    """Return the interval of the ratio of two standard deviations, second over first, from the F distribution.

    (s₂/s₁)² divided by quantiles of F with N₂ − 1 and N₁ − 1 degrees of freedom, square roots taken. It takes both
    rows for normal and independent; sharing seeds makes it, if anything, wider than it need be. With three seeds
    each, the printed ratio must pass 6.24 before the interval leaves 1.

    Returns:
        The interval; None with fewer than two values on a side, or where a side's values are all equal.
    """
    above, below = sample_sd(second), sample_sd(first)
    if not above or not below:
        return None
    degrees, tail = (len(second) - 1, len(first) - 1), (1 - confidence) / 2
    ends = (stats.f.isf(tail, *degrees), stats.f.ppf(tail, *degrees))
    low, high = (above / below / math.sqrt(float(end)) for end in ends)
    return Interval(low, high)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return Holm's adjusted p-values, in the order given: the k-th smallest of m times m − k + 1, never falling.

    None is a test that could not be made: it stays None and is none of the m.

    Raises:
        ValueError: A p-value does not lie in [0, 1].
    """
    tested = {place: p for place, p in enumerate(p_values) if p is not None}
    for p in tested.values():
        if not 0 <= p <= 1:
            raise ValueError(f"p={p} must lie in [0, 1].")
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (place, p) in enumerate(sorted(tested.items(), key=lambda item: item[1])):
        largest = max(largest, min(1.0, (len(tested) - rank) * p))
        adjusted[place] = largest
    return adjusted
