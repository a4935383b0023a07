import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medloc.data.splits import fifth, fold_split, grouped_split, leak, random_split, stratified_split
from tests.data.helpers import example


def ids(part):
    return {e.id for e in part}


def test_a_fifth_is_rounded_up_as_in_the_paper():
    assert (fifth(3956), fifth(10015), fifth(2500)) == (792, 2003, 500)


def test_heel_gives_the_papers_class_counts():
    labels = ["normal"] * 1842 + ["heelspur"] * 1316 + ["sever"] * 798
    train, test = stratified_split([example(f"{i:04d}", label=x) for i, x in enumerate(labels)], 792, 0)
    counted = [[sum(e.label == c for e in part) for c in ("normal", "heelspur", "sever")] for part in (train, test)]
    assert counted == [[1473, 1053, 638], [369, 263, 160]]


def test_grouped_is_exact_and_leaks_nothing_where_paper_leaks():
    rng = random.Random(1)
    examples = [example(f"{i:04d}", group=f"g{rng.randrange(300)}") for i in range(500)]
    grouped, by_image = grouped_split(examples, 100, 0), random_split(examples, 100, 0)
    assert len(grouped[1]) == len(by_image[1]) == 100
    assert leak(grouped) == 0
    assert leak(by_image) > 0.3


@given(st.lists(st.integers(0, 8), min_size=20, max_size=60), st.integers(2, 5), st.integers(0, 3))
def test_folds_test_every_example_once_and_part_no_group(groups, folds, seed):
    examples = [example(f"{i:03d}", group=f"g{group}") for i, group in enumerate(groups)]
    if len(set(groups)) < folds:
        with pytest.raises(ValueError, match=rf"fold1of{folds} needs {folds} lesions or patients"):
            fold_split(examples, 1, folds, seed)
        return
    splits = [fold_split(examples, fold, folds, seed) for fold in range(1, folds + 1)]
    assert sorted(e.id for _, test in splits for e in test) == [e.id for e in examples]
    for train, test in splits:
        assert ids(train) | ids(test) == ids(examples)
        assert leak((train, test)) == 0
        assert test


def test_folds_of_single_images_are_of_one_size():
    examples = [example(f"{i:03d}", group=f"g{i}") for i in range(53)]
    sizes = [len(fold_split(examples, fold, 5, 0)[1]) for fold in range(1, 6)]
    assert sorted(sizes) == [10, 10, 11, 11, 11]


def test_leak_counts_test_images():
    train = (example("a", group="1"), example("b", group="2"))
    test = (
        example("c", group="1"),
        example("d", group="1"),
        example("e", group="3"),
        example("f", group="4"),
    )
    assert leak((train, test)) == 2 / 4


def test_the_seed_moves_the_split():
    examples = [example(f"{i:03d}") for i in range(100)]
    assert ids(random_split(examples, 20, 0)[1]) != ids(random_split(examples, 20, 1)[1])


@given(st.data(), st.sampled_from([random_split, stratified_split, grouped_split]))
def test_every_split_divides_and_ignores_the_order_of_files(data, split):
    count = data.draw(st.integers(5, 40))
    examples = [
        example(f"{i:02d}", group=f"g{data.draw(st.integers(0, 12))}", label=data.draw(st.sampled_from("abc")))
        for i in range(count)
    ]
    train, test = split(examples, fifth(count), 0)
    assert ids(train) | ids(test) == ids(examples)
    assert not ids(train) & ids(test)
    assert split(data.draw(st.permutations(examples)), fifth(count), 0) == (train, test)
    assert len(test) <= fifth(count)
    if split is grouped_split:
        assert not {e.group for e in train} & {e.group for e in test}
    else:
        assert len(test) == fifth(count)
