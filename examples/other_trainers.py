"""The curriculum as the reward functions that verl, EasyR1 and ms-swift ask for; name this file in their settings.

All three functions use one object, because the threshold belongs to the run and not to a call. They must be called in
one process: in verl leave the reward manager unparallelised (`reward_model.launch_reward_fn_async=false`).

These trainers call the same function in training and in validation, and do not say which it is. So the rows have to:
`split` is "train" for a row that counts, and anything else ("val", "test") for a row that is only scored.
"""

from medloc.dropin.plain import PlainReward

reward = PlainReward("schedule=piecewise", "window.size=30", group_size=8, groups_per_step=8)


def paid(text, truth, split):
    """Pay one answer, and count it if its row is of the training split."""
    if not split:
        raise ValueError('split is missing; give every row "train", or "val" where it must not move the threshold.')
    return (reward if split == "train" else reward.score)(text, truth)


def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    """verl: `custom_reward_function.path=examples/other_trainers.py`; `extra_info` has the row's `split`."""
    return paid(solution_str, ground_truth, (extra_info or {}).get("split"))


def compute_scores(reward_inputs):
    """EasyR1: `worker.reward.reward_function=examples/other_trainers.py:compute_scores`, reward_type=batch.

    EasyR1 hands over the answer column only, so that `ground_truth` is `{"box": [x0, y0, x1, y1], "split": "train"}`.
    """
    rows = [(each["response"], each["ground_truth"]) for each in reward_inputs]
    scores = [paid(text, truth["box"], truth.get("split")) for text, truth in rows]
    return [{"overall": one, "accuracy": one} for one in scores]


class MedlocReward:
    """ms-swift: `--external_plugins`, and there `orms["medloc"] = MedlocReward`.

    ms-swift hands over the columns of the data set: `solution` is the true box, `split` as above.
    """

    def __init__(self, *_, **__):
        """Ignore what ms-swift hands to its plugins."""

    def __call__(self, completions, solution, split=None, **_):
        """Return a reward per completion."""
        splits = split or [None] * len(completions)
        return [paid(*row) for row in zip(completions, solution, splits, strict=True)]
