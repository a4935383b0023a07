"""Divide examples into training and test, the same way on every machine.

Examples are sorted by id before a seeded permutation, so that the order of files on disk plays no part.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T", bound=Any)  # what is divided, by its id, group and label: examples, rows of a manifest

Split = tuple[tuple[T, ...], tuple[T, ...]]
"""Training and test items, each sorted by id."""


def fifth(count: int) -> int:
    """Return how many of `count` examples are tested: 20 %, rounded up as in the paper (HEEL: 792)."""
    return -(-count // 5)


def random_split(examples: Sequence[T], n_test: int, seed: int) -> Split[T]:
    """Split by image, neither stratified nor grouped: the paper's HAM10000 split, with its leak."""
    pool = _by_id(examples)
    order = np.random.default_rng(seed).permutation(len(pool))
    return _divided(pool, {int(i) for i in order[:n_test]})


def stratified_split(examples: Sequence[T], n_test: int, seed: int) -> Split[T]:
    """Split by image within each class: the paper's HEEL split, with scikit-learn's arithmetic.

    Classes get their share of the training images, then of the test images among what is left, rounded down;
    the images still missing go to the largest remainders. 1842 + 1316 + 798 images give 369 + 263 + 160.
    """
    pool = _by_id(examples)
    labels = sorted({example.label for example in pool})
    sizes = [sum(example.label == label for example in pool) for label in labels]
    train = _shares(sizes, len(pool) - n_test)
    test = _shares([size - taken for size, taken in zip(sizes, train, strict=True)], n_test)
    rng = np.random.default_rng(seed)
    chosen: set[int] = set()
    for label, count in zip(labels, test, strict=True):
        members = [i for i, example in enumerate(pool) if example.label == label]
        chosen.update(int(i) for i in rng.permutation(members)[:count])
    return _divided(pool, chosen)


def grouped_split(examples: Sequence[T], n_test: int, seed: int) -> Split[T]:
    """Split so that no group (lesion, patient) is on both sides.

    Whole groups are taken in random order as long as they fit, so that the test set has exactly `n_test`
    examples wherever the sizes of the groups allow it.
    """
    pool = _by_id(examples)
    sizes = Counter(example.group for example in pool)
    names = sorted(sizes)
    left, taken = n_test, set()
    for i in np.random.default_rng(seed).permutation(len(names)):
        if sizes[names[i]] <= left:
            taken.add(names[i])
            left -= sizes[names[i]]
    return _divided(pool, {i for i, example in enumerate(pool) if example.group in taken})


def fold_split(examples: Sequence[T], fold: int, folds: int, seed: int) -> Split[T]:
    """Split so that the test sets of all folds hold every example once, and no group is in two of them.

    Groups are drawn in random order, larger ones first, each into the fold with the fewest examples.

    Args:
        examples: all of them.
        fold: which fold is tested, from 1.
        folds: how many there are.
        seed: of the order.

    Raises:
        ValueError: There are fewer groups than folds.
    """
    pool = _by_id(examples)
    sizes = Counter(example.group for example in pool)
    if len(sizes) < folds:
        raise ValueError(
            f"dataset.split=fold{fold}of{folds} needs {folds} lesions or patients, and there are {len(sizes)}; take "
            "fewer folds."
        )
    names = sorted(sizes)
    order = sorted(np.random.default_rng(seed).permutation(len(names)), key=lambda i: -sizes[names[i]])
    held, place = [0] * folds, {}
    for i in order:
        place[names[i]] = held.index(min(held))
        held[place[names[i]]] += sizes[names[i]]
    return _divided(pool, {i for i, example in enumerate(pool) if place[example.group] == fold - 1})


def fold_of(split: str) -> tuple[int, int] | None:
    """Return K and N of the split "foldKofN", of which fold K is tested; None for another split.

    Raises:
        ValueError: There is no such fold.
    """
    found = re.fullmatch(r"fold(\d{1,4})of(\d{1,4})", split, re.ASCII)
    if found is None:
        return None
    fold, folds = map(int, found.groups())
    if not 1 <= fold <= folds or folds < 2:
        raise ValueError(f"dataset.split={split} is no fold; use fold1of5 to fold5of5, or another number above 1.")
    return fold, folds


def leak(split: Split[T]) -> float:
    """Return the share of test examples, in [0, 1], whose group is also in training."""
    train, test = split
    known = {example.group for example in train}
    return sum(example.group in known for example in test) / len(test) if test else 0.0


def _by_id(examples: Sequence[T]) -> list[T]:
    return sorted(examples, key=lambda example: example.id)


def _divided(pool: list[T], test: set[int]) -> Split[T]:
    return (
        tuple(example for i, example in enumerate(pool) if i not in test),
        tuple(example for i, example in enumerate(pool) if i in test),
    )


def _shares(sizes: list[int], total: int) -> list[int]:
    """Divide `total` in proportion to `sizes`, by largest remainder (ties: the earlier class)."""
    exact = [size * total / max(1, sum(sizes)) for size in sizes]
    shares = [int(value) for value in exact]
    by_remainder = sorted(range(len(sizes)), key=lambda i: (shares[i] - exact[i], i))
    for i in by_remainder[: total - sum(shares)]:
        shares[i] += 1
    return shares
