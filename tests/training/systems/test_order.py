from types import SimpleNamespace

from medloc.training.systems.order import EpochSampler, SameOrder


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


class Supervised(SameOrder):
    """As much of a trainer as its order needs: 4 images a step in micro-batches of 2."""

    def __init__(self, seed):
        self.args = SimpleNamespace(
            per_device_train_batch_size=2, gradient_accumulation_steps=2, world_size=1, seed=seed
        )
        self.train_dataset = range(22)
        self.callbacks = []

    def add_callback(self, callback):
        self.callbacks.append(callback)


def test_supervised_training_meets_the_images_in_grpo_s_order_and_is_told_the_epoch():
    trainer = Supervised(42)
    sampler = trainer._get_train_sampler()
    grpo = EpochSampler(range(22), mini_repeat_count=8, batch_size=4, shuffle=True, seed=42)
    assert list(sampler) == list(grpo)[::8]
    assert len(sampler) == 20  # five steps of four; the two images left over wait for another epoch
    first = list(sampler)
    trainer.callbacks[0].on_epoch_begin(None, SimpleNamespace(epoch=1.0), None)
    assert list(sampler) != first
