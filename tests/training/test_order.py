from medloc.training.order import EpochSampler


def order(seed, epoch):
    sampler = EpochSampler(range(20), mini_repeat_count=2, batch_size=4, shuffle=True, seed=seed)
    sampler.epoch = epoch
    return list(sampler)


def test_an_epoch_is_a_permutation_with_every_image_repeated_in_place():
    drawn = order(42, 0)
    assert drawn[::2] == drawn[1::2]
    assert sorted(drawn[::2]) == list(range(20))


def test_a_fresh_sampler_goes_on_in_the_order_of_its_epoch():
    one = EpochSampler(range(20), mini_repeat_count=2, batch_size=4, shuffle=True, seed=42)
    first = list(one)
    one.epoch = 1
    second = list(one)
    assert first != second
    assert order(42, 1) == second  # a new process, resumed in the second epoch


def test_the_second_epoch_of_one_seed_is_not_the_first_of_the_next():
    assert order(42, 1) != order(43, 0)
